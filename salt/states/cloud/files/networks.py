"""Networks of the provider: what they are made of, and their subnets."""

from contract import Foreign, changed

NETWORKS, SUBNETS = "/v2.0/networks", "/v2.0/subnets"
# What neutron itself puts into a network, and takes out again.
OWN = ("network:dhcp", "network:distributed")


def bring(cloud, wanted):
    """`wanted`: name -> physical, type, segment (0: none), external, shared, mtu (0: neutron's own),
    subnets: name -> cidr, gateway ('': the first address), first, last ('': all), dhcp, dns."""
    if not cloud.demand("network", "networks", wanted):
        return
    there = cloud.listed("network", NETWORKS, "networks")
    mine = {one["name"]: one for one in there if ours(cloud, one)}
    for name, values in wanted.items():
        network(cloud, mine.get(name), there, name, values)
    for name, one in mine.items():
        if name not in wanted:
            demand_unused(cloud, one)
            cloud.differs(f"network {name}: no longer wanted")
            cloud.session.delete("network", f"{NETWORKS}/{one['id']}")


def network(cloud, one, there, name, values):
    made_of = {
        "provider:network_type": values["type"],
        "provider:physical_network": values["physical"] or None,
    }
    if values["segment"]:  # else neutron chooses one
        made_of["provider:segmentation_id"] = values["segment"]
    seen = {"router:external": values["external"], "shared": values["shared"]}
    seen |= {"mtu": values["mtu"]} if values["mtu"] else {}
    if one is None:
        twin = next((n for n in there if n["name"] == name and seen_by_all(n)), None)
        if twin is not None:
            if other := changed(twin, {**made_of, **seen}):
                raise Foreign(
                    f"network {name}: {twin['id']} is somebody else's, with other values "
                    f"({', '.join(other)}). Where it is to go: openstack network delete "
                    f"{twin['id']}; else call yours otherwise"
                )
            return
        cloud.differs(f"network {name}: missing")
        given = {key: value for key, value in made_of.items() if value is not None}
        body = {"name": name, "description": cloud.mark, **given, **seen}
        one = cloud.session.post("network", NETWORKS, {"network": body})["network"]
    elif other := changed(one, made_of):
        raise Foreign(
            f"network {name}: its {', '.join(other)} cannot be changed: take the network out of the "
            "settings for one deployment, or call the new one otherwise"
        )
    elif other := changed(one, seen):
        cloud.differs(f"network {name}: {', '.join(other)}")
        body = {"network": {key: seen[key] for key in other}}
        cloud.session.put("network", f"{NETWORKS}/{one['id']}", body)
    subnets(cloud, one, values["subnets"])


def subnets(cloud, one, wanted):
    there = cloud.listed("network", SUBNETS, "subnets", network_id=one["id"])
    mine = {subnet["name"]: subnet for subnet in there if ours(cloud, subnet)}
    for name, values in wanted.items():
        what = f"network {one['name']}, subnet {name}"
        shape = {"enable_dhcp": values["dhcp"], "dns_nameservers": values["dns"]}
        if values["gateway"]:
            shape["gateway_ip"] = values["gateway"]
        if values["first"]:
            pool = {"start": values["first"], "end": values["last"]}
            shape["allocation_pools"] = [pool]
        if name not in mine:
            cloud.differs(f"{what}: missing")
            body = {"name": name, "network_id": one["id"], "ip_version": 4, "cidr": values["cidr"]}
            body |= {"description": cloud.mark, **shape}
            cloud.session.post("network", SUBNETS, {"subnet": body})
        elif mine[name]["cidr"] != values["cidr"]:
            raise Foreign(f"{what}: its cidr cannot be changed: call the new one otherwise")
        elif other := changed(mine[name], shape):
            cloud.differs(f"{what}: {', '.join(other)}")
            body = {"subnet": {key: shape[key] for key in other}}
            cloud.session.put("network", f"{SUBNETS}/{mine[name]['id']}", body)
    for name, subnet in mine.items():
        if name not in wanted:
            cloud.differs(f"network {one['name']}, subnet {name}: no longer wanted")
            cloud.session.delete("network", f"{SUBNETS}/{subnet['id']}")


def demand_unused(cloud, one):
    """Raise Foreign if anything of somebody's is in the network."""
    ports = cloud.listed("network", "/v2.0/ports", "ports", network_id=one["id"])
    used = [port for port in ports if port["device_owner"] not in OWN]
    if used:
        raise Foreign(
            f"network {one['name']}: no longer wanted, and {len(used)} ports are in it: "
            f"openstack port list --network {one['id']}"
        )


def seen_by_all(one):
    """Whether others than its project see it: only then does its name stand beside ours."""
    return one["router:external"] or one["shared"]


def ours(cloud, one):
    """Whether it is of the admin's project and has the mark: tenants may write that, too."""
    mine = one["project_id"] == cloud.session.project
    return mine and one.get("description") == cloud.mark
