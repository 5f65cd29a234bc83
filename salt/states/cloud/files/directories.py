"""Domains whose people are in an LDAP directory: keystone asks it, and keeps no copy.

Which directory is kept in keystone's database (its API of domain configurations), so that a change needs
no restart. keystone never tells the password again: the domain has a slow hash of what was set.
"""

import hashlib
import urllib.error
import urllib.parse

import domains
from contract import Foreign, changed

KIND = "directory"
MADE_OF = "made_of"
DRIVER = {"driver": "ldap"}
# Our words of people and groups, and keystone's: the latter as in "user_tree_dn".
WORDS = {
    "tree": "tree_dn",
    "filter": "filter",
    "class": "objectclass",
    "id": "id_attribute",
    "name": "name_attribute",
    "mail": "mail_attribute",
    "member": "member_attribute",
}


def bring(cloud, wanted):
    """`wanted`: domain -> url, starttls, authority (a file), user (DN), people, groups, options,
    access (name -> group, project, role)."""
    for name, values in wanted.items():
        demand_whole(name, values)
        one = domains.domain(cloud, KIND, name)
        password = cloud.passwords.get(name, "")
        if values["user"] and not password:
            # A copy of the environment has none, and must not ask as the original does.
            if not cloud.dry:
                print(f"directory {name}: its password was not given here: nobody of it logs in")
            continue
        one = configured(cloud, one, options(values), password)
        access(cloud, one, values["access"])
    domains.close_others(cloud, KIND, wanted)


def demand_whole(name, values):
    """Raise Foreign for one that cannot be asked, or whose passwords anybody could read."""
    scheme = urllib.parse.urlsplit(values["url"]).scheme
    if scheme not in ("ldap", "ldaps"):
        raise Foreign(f"directory {name}: cloud.directories.{name}.url is no URL of ldaps or ldap")
    if not values["people"]["tree"]:
        raise Foreign(f"directory {name}: cloud.directories.{name}.people.tree is empty")
    for key, one in values["access"].items():
        if not one["group"] or not one["project"]:
            raise Foreign(
                f"directory {name}: cloud.directories.{name}.access.{key} names no group or project"
            )


def options(values):
    """keystone's section [ldap], without the password."""
    found = {"url": values["url"], "user": values["user"]}
    if values["url"].startswith("ldaps:") or values["starttls"]:
        found |= {"tls_req_cert": "demand", "tls_cacertfile": values["authority"]}
    found["use_tls"] = values["starttls"] and values["url"].startswith("ldap:")
    for whose, prefix in (("people", "user"), ("groups", "group")):
        found |= {f"{prefix}_{WORDS[word]}": value for word, value in values[whose].items()}
    return {key: value for key, value in found.items() if value != ""} | values["options"]


def configured(cloud, one, ldap, password):
    """The domain with that configuration."""
    path = f"{domains.PATH}/{one['id']}/config"
    try:
        there = cloud.session.get("identity", path)["config"]
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        there = {}
    other = changed(there.get("ldap", {}), ldap) + sorted(there.get("ldap", {}).keys() - ldap.keys())
    proof = digest(one["id"], password)
    if other or there.get("identity") != DRIVER or one.get(MADE_OF) != proof:
        cloud.differs(f"directory {one['name']}: {', '.join(other) or 'password'}")
        secret = {"password": password} if password else {}
        body = {"config": {"identity": DRIVER, "ldap": {**ldap, **secret}}}
        cloud.session.put("identity", path, body)
        return domains.change(cloud, one, **{MADE_OF: proof})
    return one


def digest(salt, password):
    return hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**14, r=8, p=1).hex()


def access(cloud, one, wanted):
    """What groups of the directory may do. Raises Foreign for one that it does not have."""
    granted = []
    for values in wanted.values():
        query = {"domain_id": one["id"], "name": values["group"]}
        groups = cloud.listed("identity", "/groups", "groups", **query)
        if not groups:
            raise Foreign(f"directory {one['name']}: it has no group {values['group']}")
        into = domains.project(cloud, values["project"])
        granted.append((groups[0]["id"], into, domains.role(cloud, values["role"], one["name"])))
    domains.grant(cloud, one, granted)
