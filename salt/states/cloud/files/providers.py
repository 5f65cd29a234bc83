"""Domains whose people a provider of logins (OIDC) vouches for: keystone takes its word by Apache.

The provider, its mapping and its protocol are called as the domain. Of a provider the description says
whose it is, of the other two it: they have no room for a word.
"""

import urllib.error
import urllib.parse

import domains
from contract import Foreign, changed

KIND = "provider"
PATH = "/OS-FEDERATION/identity_providers"
MAPPINGS = "/OS-FEDERATION/mappings"
PREFIX = "OIDC-"  # of what Apache says (federation/files/site.conf.jinja)


def bring(cloud, wanted):
    """`wanted`: domain -> issuer (URL), client, scope, person, groups (claims), access (name -> group,
    project, role)."""
    demand_one(wanted)
    for name, values in wanted.items():
        demand_whole(name, values)
        one = domains.domain(cloud, KIND, name)
        provider(cloud, one, values)
        access(cloud, one, values["access"])
    domains.close_others(cloud, KIND, wanted)
    for one in cloud.listed("identity", PATH, "identity_providers"):
        if one.get("description") == cloud.mark and one["enabled"] and one["id"] not in wanted:
            cloud.differs(f"provider {one['id']}: no longer wanted, closed")
            patch(cloud, one["id"], enabled=False)


def demand_one(wanted):
    """Raise Foreign for more than one: Apache's module asks one for each site."""
    if len(wanted) > 1:
        raise Foreign(f"cloud.providers: {' and '.join(sorted(wanted))}: one, and no more, can be asked")


def demand_whole(name, values):
    if urllib.parse.urlsplit(values["issuer"]).scheme not in ("https", "http"):
        raise Foreign(f"provider {name}: cloud.providers.{name}.issuer is no URL")
    if not values["client"]:
        raise Foreign(f"provider {name}: cloud.providers.{name}.client is empty")
    for key, one in values["access"].items():
        if not one["group"] or not one["project"]:
            raise Foreign(
                f"provider {name}: cloud.providers.{name}.access.{key} names no group or project"
            )


def provider(cloud, one, values):
    """The provider of the domain `one`, how its claims are read, and that it speaks OIDC."""
    name = one["name"]
    found = there(cloud, f"{PATH}/{name}", "identity_provider")
    rules = mapping(name, values)
    known = there(cloud, f"{MAPPINGS}/{name}", "mapping")
    if (found and found.get("description") != cloud.mark) or (known and not found):
        raise Foreign(f"provider {name}: somebody else's, or its mapping is; call yours otherwise")
    shape = {"remote_ids": [values["issuer"]], "enabled": True}
    if not found:
        cloud.differs(f"provider {name}: missing")
        body = {**shape, "description": cloud.mark, "domain_id": one["id"]}
        cloud.session.put("identity", f"{PATH}/{name}", {"identity_provider": body})
    elif other := changed(found, shape):
        cloud.differs(f"provider {name}: {', '.join(other)}")
        patch(cloud, name, **shape)
    if not known or known["rules"] != rules:
        cloud.differs(f"provider {name}: how its claims are read")
        send = cloud.session.patch if known else cloud.session.put
        send("identity", f"{MAPPINGS}/{name}", {"mapping": {"rules": rules}})
    path = f"{PATH}/{name}/protocols/openid"
    spoken = {"mapping_id": name, "remote_id_attribute": f"{PREFIX}iss"}
    speaks = there(cloud, path, "protocol")
    if not speaks or changed(speaks, spoken):
        cloud.differs(f"provider {name}: its protocol")
        send = cloud.session.patch if speaks else cloud.session.put
        send("identity", path, {"protocol": spoken})


def mapping(name, values):
    """Rules of keystone's: who somebody is, and of which groups, of what Apache says of them."""
    said = [{"type": f"{PREFIX}{values['person']}"}, {"type": f"{PREFIX}{values['groups']}"}]
    local = [{"user": {"name": "{0}"}}, {"groups": "{1}", "domain": {"name": name}}]
    return [{"local": local, "remote": said}]


def access(cloud, one, wanted):
    """Groups that claims name, made in the provider's domain, and what they may do."""
    granted = []
    for values in wanted.values():
        query = {"domain_id": one["id"], "name": values["group"]}
        groups = cloud.listed("identity", "/groups", "groups", **query)
        if not groups:
            cloud.differs(f"provider {one['name']}: group {values['group']} is missing")
            body = {"group": {**query, "description": cloud.mark}}
            groups = [cloud.session.post("identity", "/groups", body)["group"]]
        into = domains.project(cloud, values["project"])
        granted.append((groups[0]["id"], into, domains.role(cloud, values["role"], one["name"])))
    domains.grant(cloud, one, granted)


def patch(cloud, name, **values):
    cloud.session.patch("identity", f"{PATH}/{name}", {"identity_provider": values})


def there(cloud, path, key):
    """What is at `path`; None where nothing is."""
    try:
        return cloud.session.get("identity", path)[key]
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return None
