#!/usr/bin/python3
"""Bring about keystone's domain for the users that stacks make: heat-domain check|apply CONFIG

CONFIG (heat.conf) names the domain, its admin and that one's password in [DEFAULT], and heat's own
account in [keystone_authtoken]. `check` ends with 1 at the first difference and names it; `apply`
makes what is missing and says each thing it did. Passwords are never printed.
"""

import configparser
import sys

from keystoneauth1 import exceptions, session
from keystoneauth1.identity import v3

TIMEOUT = 45  # seconds; a service that has just started answers when it is loaded
USERS_ROLE = "heat_stack_user"  # heat gives it to the users that it makes


class Different(Exception):
    """Something is not as wanted, and only a check was asked for."""


class Keystone:
    """Keystone's API as heat. With `dry` a difference is raised instead of mended."""

    def __init__(self, account, dry):
        self.url, self.dry = account["auth_url"], dry
        auth = v3.Password(
            self.url,
            username=account["username"],
            password=account["password"],
            user_domain_name=account["user_domain_name"],
            project_name=account["project_name"],
            project_domain_name=account["project_domain_name"],
        )
        self.session = session.Session(auth, timeout=TIMEOUT)

    def request(self, method, path, **words):
        return self.session.request(self.url + path, method, **words)

    def thing(self, kind, name, **values):
        """The id of the one of `kind` (plural) with that name, made where it is missing.

        `values` narrow the search, but for the password.
        """
        query = {key: value for key, value in values.items() if key != "password"}
        found = self.request("GET", f"/{kind}", params={"name": name, **query}).json()[kind]
        if found:
            return found[0]["id"]
        self.differs(f"{kind[:-1]} {name}: missing")
        body = {kind[:-1]: {"name": name, **values}}
        return self.request("POST", f"/{kind}", json=body).json()[kind[:-1]]["id"]

    def enters(self, domain, name, password):
        """Whether the domain's user gets a token for it: its password and its role are right."""
        auth = v3.Password(
            self.url, username=name, password=password, user_domain_id=domain, domain_id=domain
        )
        try:
            return bool(session.Session(auth, timeout=TIMEOUT).get_token())
        except exceptions.Unauthorized:
            return False

    def differs(self, what):
        if self.dry:
            raise Different(what)
        print(what)


def bring(keystone, domain, admin, password):
    """The role, the domain, and its admin with the password."""
    keystone.thing("roles", USERS_ROLE)
    domain = keystone.thing("domains", domain)
    user = keystone.thing("users", admin, domain_id=domain, password=password)
    if keystone.enters(domain, admin, password):
        return
    keystone.differs(f"user {admin}: its password or its role is not the region's")
    keystone.request("PATCH", f"/users/{user}", json={"user": {"password": password}})
    role = keystone.thing("roles", "admin")
    keystone.request("PUT", f"/domains/{domain}/users/{user}/roles/{role}")


def main():
    how, file = sys.argv[1:]
    config = configparser.RawConfigParser(strict=False)
    config.read(file)
    own = config["DEFAULT"]
    try:
        bring(
            Keystone(config["keystone_authtoken"], dry=how == "check"),
            own["stack_user_domain_name"],
            own["stack_domain_admin"],
            own["stack_domain_admin_password"],
        )
    except Different as found:
        sys.exit(str(found))
    except exceptions.ClientException as error:
        sys.exit(f"keystone: {error}")


if __name__ == "__main__":
    main()
