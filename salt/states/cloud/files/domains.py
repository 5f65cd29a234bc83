"""Domains of people who come from elsewhere, and what their groups may do: what those kinds share.

A domain that this made has, beside the mark, what it was made for, and which roles it was given for:
so what an admin gave by hand is nobody's to take, and what the settings no longer say goes.
"""

from contract import Foreign

PATH = "/domains"
MADE_FOR, GRANTED = "made_for", "granted"  # attributes that keystone keeps and does not know


def domain(cloud, kind, name):
    """The domain `name`, ours and open, made where it is missing. Raises Foreign for another's."""
    found = cloud.listed("identity", PATH, "domains", name=name)
    if found and not ours(cloud, kind, found[0]):
        raise Foreign(
            f"domain {name}: somebody else's. If it is to have its people from this {kind}: openstack "
            f"domain delete {name} (with all that is in it); else call yours otherwise"
        )
    if not found:
        cloud.differs(f"domain {name}: missing")
        values = {"name": name, "description": cloud.mark, MADE_FOR: kind, "enabled": True}
        return cloud.session.post("identity", PATH, {"domain": values})["domain"]
    if not found[0]["enabled"]:
        cloud.differs(f"domain {name}: closed")
        return change(cloud, found[0], enabled=True)
    return found[0]


def close_others(cloud, kind, wanted):
    """Nobody comes from what `wanted` names no longer: its domain is closed, and gives no role.

    It is not deleted: what its people have is in it.
    """
    for one in cloud.listed("identity", PATH, "domains"):
        if ours(cloud, kind, one) and one["enabled"] and one["name"] not in wanted:
            cloud.differs(f"domain {one['name']}: no longer wanted, closed")
            change(cloud, one, enabled=False)
            grant(cloud, one, [])


def ours(cloud, kind, one):
    return one.get("description") == cloud.mark and one.get(MADE_FOR) == kind


def change(cloud, one, **values):
    path = f"{PATH}/{one['id']}"
    return cloud.session.patch("identity", path, {"domain": values})["domain"]


def project(cloud, name):
    """The id of a project of the default domain, made where it is missing."""
    query = {"name": name, "domain_id": "default"}
    found = cloud.listed("identity", "/projects", "projects", **query)
    if found:
        return found[0]["id"]
    cloud.differs(f"project {name}: missing")
    body = {"project": {**query, "description": cloud.mark}}
    return cloud.session.post("identity", "/projects", body)["project"]["id"]


def role(cloud, name, what):
    """The id of a role. Raises Foreign where there is none."""
    found = cloud.listed("identity", "/roles", "roles", name=name)
    if not found:
        raise Foreign(f"{what}: keystone has no role {name}: openstack role create {name}")
    return found[0]["id"]


def grant(cloud, one, wanted):
    """The groups of the domain `one` have the roles `wanted`, (group, project, role) by id; those that
    were given for it before and are not among them are taken."""
    paths = {f"/projects/{into}/groups/{group}/roles/{role}" for group, into, role in wanted}
    before = set(one.get(GRANTED) or ())
    missing = sorted(paths - held(cloud, wanted))
    if missing or paths - before:
        cloud.differs(f"domain {one['name']}: {len(missing)} roles of groups are missing")
        # First, so that what is given is known as ours wherever this ends.
        change(cloud, one, **{GRANTED: sorted(paths | before)})
    for path in missing:
        cloud.session.put("identity", path, None)
    if before - paths:
        cloud.differs(f"domain {one['name']}: {len(before - paths)} roles of groups are too many")
        for path in sorted(before - paths):
            cloud.withdraw("identity", path)
        change(cloud, one, **{GRANTED: sorted(paths)})


def held(cloud, wanted):
    """The paths of what groups have in those projects now."""
    found = set()
    for group, into in {(group, into) for group, into, _ in wanted}:
        query = {"group.id": group, "scope.project.id": into}
        for row in cloud.listed("identity", "/role_assignments", "role_assignments", **query):
            found.add(f"/projects/{into}/groups/{group}/roles/{row['role']['id']}")
    return found
