"""Quotas of projects: those that are said, the others stay as they are."""

from contract import Foreign, changed

COMPUTE = {"instances": "instances", "processors": "cores", "memory": "ram"}
NETWORK = {
    "networks": "network",
    "subnets": "subnet",
    "ports": "port",
    "routers": "router",
    "floating_addresses": "floatingip",
    "security_groups": "security_group",
    "security_rules": "security_group_rule",
}
VOLUMES = {"volumes": "volumes", "snapshots": "snapshots", "gigabytes": "gigabytes"}
# Service, path of a project's quotas, key of the document, our words and the service's.
PLACES = (
    ("compute", "/os-quota-sets", "quota_set", COMPUTE),
    ("network", "/v2.0/quotas", "quota", NETWORK),
    ("volumev3", "/os-quota-sets", "quota_set", VOLUMES),
)


def bring(cloud, wanted):
    """`wanted`: project of the default domain -> how many of each it may have; None: not said."""
    for project, values in wanted.items():
        named = cloud.listed("identity", "/projects", "projects", name=project, domain_id="default")
        if not named:
            raise Foreign(
                f"quotas: keystone has no project {project}: openstack project create {project}"
            )
        for word, value in values.items():
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise Foreign(f"quotas of {project}: {word} is no whole number: {value!r}")
        for service, path, key, words in PLACES:
            shape = {
                word: values[own] for own, word in words.items() if values.get(own) is not None
            }
            if shape and cloud.demand(service, "quotas", shape):
                quota(cloud, service, f"{path}/{named[0]['id']}", key, (project, shape))


def quota(cloud, service, path, key, said):
    project, shape = said
    there = cloud.session.get(service, path)[key]
    if other := changed(there, shape):
        cloud.differs(f"quotas of {project}: {', '.join(other)}")
        cloud.session.put(service, path, {key: {word: shape[word] for word in other}})
