"""Aggregates of hypervisors, and the zones of availability that they are."""

from contract import Foreign, changed

PATH = "/os-aggregates"
MADE_BY, ZONE = "made_by", "availability_zone"


def bring(cloud, wanted):
    """`wanted`: name -> hosts, zone ('': none), properties."""
    if not cloud.demand("compute", "aggregates", wanted):
        return
    there = {one["name"]: one for one in cloud.listed("compute", PATH, "aggregates")}
    for name, values in wanted.items():
        aggregate(cloud, there.get(name), name, values)
    for name, one in there.items():
        if ours(cloud, one) and name not in wanted:
            cloud.differs(f"aggregate {name}: no longer wanted")
            for host in one["hosts"]:
                act(cloud, one, "remove_host", host=host)
            cloud.session.delete("compute", f"{PATH}/{one['id']}")


def aggregate(cloud, one, name, values):
    shape = {MADE_BY: cloud.mark, **{key: str(text) for key, text in values["properties"].items()}}
    if values["zone"]:
        shape[ZONE] = values["zone"]
    if one and not ours(cloud, one):
        raise Foreign(
            f"aggregate {name}: somebody else's. If it is this region's: openstack aggregate set "
            f"--property '{MADE_BY}={cloud.mark}' {name}; else call yours otherwise"
        )
    if not one:
        cloud.differs(f"aggregate {name}: missing")
        body = {"name": name, ZONE: values["zone"] or None}
        made = cloud.session.post("compute", PATH, {"aggregate": body})["aggregate"]
        one = {**made, "hosts": [], "metadata": {ZONE: values["zone"]} if values["zone"] else {}}
    there = one["metadata"]
    extra = sorted(there.keys() - shape.keys())
    if other := changed(there, shape) + extra:
        cloud.differs(f"aggregate {name}: {', '.join(other)}")
        act(cloud, one, "set_metadata", metadata={**shape, **dict.fromkeys(extra)})
    for host in sorted(set(values["hosts"]) - set(one["hosts"])):
        cloud.differs(f"aggregate {name}: {host} is missing")
        act(cloud, one, "add_host", host=host)
    for host in sorted(set(one["hosts"]) - set(values["hosts"])):
        cloud.differs(f"aggregate {name}: {host} is one too many")
        act(cloud, one, "remove_host", host=host)


def act(cloud, one, what, **values):
    cloud.session.post("compute", f"{PATH}/{one['id']}/action", {what: values})


def ours(cloud, one):
    return one["metadata"].get(MADE_BY) == cloud.mark
