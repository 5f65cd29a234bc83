"""Aggregates of hypervisors, and the zones of availability that they are."""

from contract import Foreign, changed, texts

PATH = "/os-aggregates"
MADE_BY, ZONE = "made_by", "availability_zone"


def bring(cloud, wanted):
    """`wanted`: name -> hosts, zone ('': none), properties.

    What leaves an aggregate leaves it before anything joins one: a host is in one zone only.
    """
    if not cloud.demand("compute", "aggregates", wanted):
        return
    there = {one["name"]: one for one in cloud.listed("compute", PATH, "aggregates")}
    for name, one in list(there.items()):
        if name in wanted:
            demand_ours(cloud, one, wanted[name])
            without(cloud, one, set(one["hosts"]) - set(wanted[name]["hosts"]))
            if not zone_of(one) or wanted[name]["zone"]:
                continue
            cloud.differs(f"aggregate {name}: is no zone any more, made anew")
        elif not ours(cloud, one):
            continue
        else:
            cloud.differs(f"aggregate {name}: no longer wanted")
        without(cloud, one, one["hosts"])
        cloud.session.delete("compute", f"{PATH}/{one['id']}")
        del there[name]
    for name, values in wanted.items():
        aggregate(cloud, there.get(name), name, values)


def aggregate(cloud, one, name, values):
    shape = {MADE_BY: cloud.mark, **texts(values["properties"])}
    if values["zone"]:
        shape[ZONE] = values["zone"]
    if not one:
        cloud.differs(f"aggregate {name}: missing")
        body = {"name": name, ZONE: values["zone"] or None}
        made = cloud.session.post("compute", PATH, {"aggregate": body})["aggregate"]
        one = {**made, "hosts": [], "metadata": {ZONE: values["zone"]} if values["zone"] else {}}
    extra = sorted(one["metadata"].keys() - shape.keys())
    if other := changed(one["metadata"], shape) + extra:
        cloud.differs(f"aggregate {name}: {', '.join(other)}")
        act(cloud, one, "set_metadata", metadata={**shape, **dict.fromkeys(extra)})
    for host in sorted(set(values["hosts"]) - set(one["hosts"])):
        cloud.differs(f"aggregate {name}: {host} is missing")
        act(cloud, one, "add_host", host=host)


def demand_ours(cloud, one, values):
    """Raise Foreign for somebody else's. One that was only begun is nobody's: it has no mark yet,
    no hosts, and nothing but the wanted zone."""
    begun = not one["hosts"] and one["metadata"] in ({}, {ZONE: values["zone"]})
    if not ours(cloud, one) and not begun:
        raise Foreign(
            f"aggregate {one['name']}: somebody else's. If it is this region's: openstack aggregate "
            f"set --property '{MADE_BY}={cloud.mark}' {one['name']}; else call yours otherwise"
        )


def without(cloud, one, hosts):
    """Take `hosts` out of it."""
    for host in sorted(hosts):
        cloud.differs(f"aggregate {one['name']}: {host} is one too many")
        act(cloud, one, "remove_host", host=host)
    one["hosts"] = sorted(set(one["hosts"]) - set(hosts))


def act(cloud, one, what, **values):
    cloud.session.post("compute", f"{PATH}/{one['id']}/action", {what: values})


def zone_of(one):
    return one["metadata"].get(ZONE)


def ours(cloud, one):
    return one["metadata"].get(MADE_BY) == cloud.mark
