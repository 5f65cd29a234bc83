#!/usr/bin/python3
"""Bring keystone's catalogue and the accounts of the region's services to what is wanted.

    keystone-catalogue check|apply URL

Reads from the environment KEYSTONE_PASSWORD (the admin's), KEYSTONE_PASSWORDS, JSON {user: password},
and KEYSTONE_CATALOGUE, JSON: {"region": name, "services": {type: {"name", "user", "url", "public_url"}},
"absent": [{"type", "user"}]}; `public_url` is what outsiders use. `check` ends with 1 at the first difference and names it; `apply` brings about
what is missing and says each thing it did. Passwords are never printed.

keystone may serve other regions, too, and people who register services of their own. So what this
makes carries a mark in its description, and of `absent` only that is taken away: endpoints of this
region, a service when no endpoint is left, an account. What has no mark is never taken away; an
account without it is given no other password, an endpoint no other URL. What was made before there
were marks gets it where it is surely ours and nobody has described it: an account that the region's
own password opens, an endpoint of this region with the wanted URL, a service all of whose endpoints
are such. What somebody has described is good as it is where it leads to the wanted URL.
"""

import json
import operator
import os
import sys
import urllib.error
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
sys.path.append("/usr/local/lib/region")
from session import MARK, Session, ask, credentials  # noqa: E402

TIMEOUT = 45  # seconds; a service that has just started answers when it is loaded
PROJECT = "service"
ROLES = ("admin", "service")
INTERFACES = ("admin", "internal", "public")
# What is looked at, and where: another domain may have an account of the same name.
DOMAIN = {"domain_id": "default"}
KINDS = {"projects": DOMAIN, "users": DOMAIN} | {
    kind: {} for kind in ("roles", "services", "endpoints", "regions")
}


class Different(Exception):
    """Something is not as wanted, and only a check was asked for."""


class Foreign(Exception):
    """What is wanted is there, and somebody else's; the text says what to do."""


class Keystone:
    """Keystone's API as its admin. Raises OSError where it does not answer as it should."""

    def __init__(self, url, password):
        self.url = url.rstrip("/")
        self.token = self.login("admin", password, "admin")

    def login(self, user, password, project):
        """A token of the account in the project; None where the credentials are refused."""
        account = credentials(user, password, project)
        try:
            return Session(self.url, account, timeout=TIMEOUT).token
        except urllib.error.HTTPError as error:
            if error.code == 401:
                return None
            raise

    def request(self, method, path, body=None):
        """The document that keystone answers."""
        headers = {"X-Auth-Token": self.token}
        return ask(method, self.url + path, body, headers, TIMEOUT)[1]

    def listed(self, kind, **query):
        words = f"?{urllib.parse.urlencode(query)}" if query else ""
        return self.request("GET", f"/{kind}{words}")[kind]

    def make(self, kind, **values):
        """Create one of `kind` (plural); returns it with its id."""
        return self.request("POST", f"/{kind}", {kind[:-1]: values})[kind[:-1]]

    def change(self, kind, id, **values):
        self.request("PATCH", f"/{kind}/{id}", {kind[:-1]: values})

    def remove(self, kind, id):
        self.request("DELETE", f"/{kind}/{id}")


class Catalogue:
    """What keystone has now; each method looks first, then acts, unless only a check is wanted."""

    def __init__(self, keystone, region, dry):
        self.keystone, self.region, self.dry = keystone, region, dry
        self.mark = MARK.format(region)
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(lambda kind: (kind, keystone.listed(kind, **KINDS[kind])), KINDS)
            self.found = dict(answers)

    def differs(self, what):
        if self.dry:
            raise Different(what)
        print(what)

    def named(self, kind, name):
        return next((one for one in self.found[kind] if one["name"] == name), None)

    def thing(self, kind, name, **values):
        """The id of the project or role of that name, made where it is missing."""
        found = self.named(kind, name)
        if not found:
            self.differs(f"{kind[:-1]} {name}: missing")
            found = self.keystone.make(kind, name=name, **values)
            self.found[kind].append(found)
        return found["id"]

    def ours(self, one):
        return one.get("description") == self.mark

    def marked(self, kind, one, what):
        """Put the mark on what is surely ours."""
        if not self.ours(one):
            self.differs(f"{what}: is the region's, and not marked so")
            self.keystone.change(kind, one["id"], description=self.mark)

    def account(self, name, password, project, roles):
        """The service user `name`: its password, and its roles in the project."""
        user = self.named("users", name)
        if not user:
            self.differs(f"user {name}: missing")
            user = self.keystone.make(
                "users",
                name=name,
                password=password,
                domain_id="default",
                enabled=True,
                description=self.mark,
            )
        elif self.keystone.login(name, password, PROJECT):
            if not user.get("description"):
                self.marked("users", user, f"user {name}")
            held = self.keystone.listed(
                "role_assignments", **{"user.id": user["id"], "scope.project.id": project}
            )
            roles = [role for role in roles if role not in {one["role"]["id"] for one in held}]
        elif self.ours(user):
            self.differs(f"user {name}: its password or its project is not the region's")
            self.keystone.change("users", user["id"], password=password, enabled=True)
        else:
            raise Foreign(
                f"user {name}: somebody else's, with another password. If it is this region's: "
                f"openstack user set --description '{self.mark}' {name}; else rename it"
            )
        for role in roles:
            self.differs(f"user {name}: a role is missing")
            path = f"/projects/{project}/users/{user['id']}/roles/{role}"
            self.keystone.request("PUT", path)

    def service(self, type, name, urls):
        """The service, and in this region its endpoint of every interface, of which `urls` says
        where it leads."""
        same = [one for one in self.found["services"] if one["type"] == type]
        if not same:
            self.differs(f"service {type}: missing")
            service = self.keystone.make(
                "services", name=name, type=type, enabled=True, description=self.mark
            )
        else:
            service = max(same, key=lambda one: (self.ours(one), self.leads(one, urls)))
            there = self.endpoints(service)
            if there and self.leads(service, urls) == len(there) and not service.get("description"):
                self.marked("services", service, f"service {type}")
        for interface in INTERFACES:
            self.endpoint(service, interface, urls[interface])

    def leads(self, service, urls):
        """How many endpoints of the service are here and lead where they should."""
        wanted = [(self.region, urls[one["interface"]]) for one in self.endpoints(service)]
        there = [(one["region_id"], one["url"]) for one in self.endpoints(service)]
        return sum(map(operator.eq, there, wanted))

    def endpoints(self, service):
        return [one for one in self.found["endpoints"] if one["service_id"] == service["id"]]

    def endpoint(self, service, interface, url):
        what = f"endpoint {service['type']} {interface}"
        mine = [
            one
            for one in self.endpoints(service)
            if (one["interface"], one["region_id"]) == (interface, self.region)
        ]
        mine.sort(key=lambda one: not self.ours(one))
        for one in mine:
            if not self.ours(one) and one["url"] != url:
                raise Foreign(
                    f"{what}: {self.region} has {one['url']}, which this region did not make. Where "
                    f"that is to go: openstack endpoint delete {one['id']}; else no node may have "
                    "the service's role"
                )
        for spare in [one for one in mine[1:] if self.ours(one)]:
            self.differs(f"{what}: {spare['url']} is one too many")
            self.keystone.remove("endpoints", spare["id"])
        values = {"url": url, "enabled": True, "description": self.mark}
        if not mine:
            self.differs(f"{what}: missing")
            values |= {"service_id": service["id"], "interface": interface}
            self.keystone.make("endpoints", region_id=self.region, **values)
        elif mine[0].get("description") not in (None, "", self.mark):
            return  # somebody made it as it is wanted, and says whose it is
        elif {key: mine[0].get(key) for key in values} != values:
            self.differs(f"{what}: is {mine[0]['url']}")
            self.keystone.change("endpoints", mine[0]["id"], **values)

    def absent(self, type, user):
        """No endpoint here, no service and no account that we made."""
        for service in [one for one in self.found["services"] if one["type"] == type]:
            left = self.endpoints(service)
            for one in [one for one in left if self.ours(one) and one["region_id"] == self.region]:
                self.differs(f"endpoint {type} {one['interface']}: no node provides it")
                self.keystone.remove("endpoints", one["id"])
                left.remove(one)
            if self.ours(service) and not left:
                self.differs(f"service {type}: no node provides it")
                self.keystone.remove("services", service["id"])
        found = self.named("users", user)
        if found and self.ours(found):
            self.differs(f"user {user}: no node is its")
            self.keystone.remove("users", found["id"])


def bring(catalogue, wanted):
    """Everything that is wanted; accounts side by side, since each costs a slow password hash."""
    region = catalogue.region
    if not any(one["id"] == region for one in catalogue.found["regions"]):
        catalogue.differs(f"region {region}: missing")
        catalogue.keystone.make("regions", id=region)
    for gone in wanted["absent"]:
        catalogue.absent(gone["type"], gone["user"])
    if not wanted["services"]:
        return
    project = catalogue.thing("projects", PROJECT, domain_id="default")
    roles = [catalogue.thing("roles", name) for name in ROLES]
    # First, as an account of somebody else's is refused before anything of the catalogue changes.
    with ThreadPoolExecutor(4) as pool:
        done = [
            pool.submit(catalogue.account, user, password, project, roles)
            for user, password in wanted["passwords"].items()
        ]
        for one in done:
            one.result()
    for type, service in wanted["services"].items():
        urls = dict.fromkeys(INTERFACES, service["url"]) | {"public": service["public_url"]}
        catalogue.service(type, service["name"], urls)


def main():
    how, url = sys.argv[1:]
    wanted = json.loads(os.environ["KEYSTONE_CATALOGUE"])
    wanted["passwords"] = json.loads(os.environ["KEYSTONE_PASSWORDS"])
    try:
        keystone = Keystone(url, os.environ["KEYSTONE_PASSWORD"])
        if keystone.token is None:
            sys.exit(f"{url}: the admin's password is refused")
        bring(Catalogue(keystone, wanted["region"], dry=how == "check"), wanted)
    except (Different, Foreign) as found:
        sys.exit(str(found))
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.url}: {error} {error.read()[:300].decode(errors='replace')}")
    except OSError as error:
        sys.exit(f"{url}: {error}")


if __name__ == "__main__":
    main()
