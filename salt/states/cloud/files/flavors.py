"""Flavors. nova changes none: one with other values is made anew, instances keep what they had."""

from contract import Foreign, changed, texts

PATH = "/flavors"
VERSION = {"X-OpenStack-Nova-API-Version": "2.61"}  # descriptions, and extra specs beside the rest
EPHEMERAL, PUBLIC = "OS-FLV-EXT-DATA:ephemeral", "os-flavor-access:is_public"


def bring(cloud, wanted):
    """`wanted`: name -> memory (MiB), processors, disk, swap (MiB), ephemeral (GiB), public, extra."""
    if not cloud.demand("compute", "flavors", wanted):
        return
    listed = cloud.listed("compute", f"{PATH}/detail", "flavors", VERSION, is_public="None")
    there = {one["name"]: one for one in listed}
    for name, values in wanted.items():
        flavor(cloud, there.get(name), name, values)
    for name, one in there.items():
        if ours(cloud, one) and name not in wanted:
            cloud.differs(f"flavor {name}: no longer wanted")
            cloud.session.delete("compute", f"{PATH}/{one['id']}", VERSION)


def flavor(cloud, one, name, values):
    shape = {
        "ram": values["memory"],
        "vcpus": values["processors"],
        "disk": values["disk"],
        "swap": values["swap"] or "",  # nova's word for none
        EPHEMERAL: values["ephemeral"],
        PUBLIC: values["public"],
    }
    other = changed(one or {}, shape)
    if one and not ours(cloud, one):
        if other or one["extra_specs"] != texts(values["extra"]):
            raise Foreign(
                f"flavor {name}: somebody else's, with other values ({', '.join(other) or 'extra'}). "
                f"Where it is to go: openstack flavor delete {one['id']}; else call yours otherwise"
            )
        return
    projects = []
    if one and other:
        cloud.differs(f"flavor {name}: other {', '.join(other)}, made anew")
        if not one[PUBLIC]:
            path = f"{PATH}/{one['id']}/os-flavor-access"
            projects = [row["tenant_id"] for row in cloud.session.get("compute", path)["flavor_access"]]
        cloud.session.delete("compute", f"{PATH}/{one['id']}", VERSION)
        one = None
    if not one:
        cloud.differs(f"flavor {name}: missing")
        body = {"name": name, "description": cloud.mark, **shape, "swap": values["swap"]}
        one = cloud.session.post("compute", PATH, {"flavor": body}, VERSION)["flavor"]
    if not values["public"]:
        for project in projects:  # who might use it before
            act = {"addTenantAccess": {"tenant": project}}
            cloud.session.post("compute", f"{PATH}/{one['id']}/action", act)
    extra(cloud, one, name, texts(values["extra"]))


def extra(cloud, one, name, specs):
    path = f"{PATH}/{one['id']}/os-extra_specs"
    there = one.get("extra_specs") or {}
    if other := changed(there, specs):
        cloud.differs(f"flavor {name}: extra {', '.join(other)}")
        cloud.session.post("compute", path, {"extra_specs": {key: specs[key] for key in other}})
    for key in sorted(there.keys() - specs.keys()):
        cloud.differs(f"flavor {name}: extra {key} is one too many")
        cloud.session.delete("compute", f"{path}/{key}")


def ours(cloud, one):
    return one.get("description") == cloud.mark
