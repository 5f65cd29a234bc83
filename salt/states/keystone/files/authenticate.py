#!/usr/bin/python3
"""Ask keystone for an admin token: keystone-authenticate URL [PUBLIC INSIDE]

The password is read from the environment variable KEYSTONE_PASSWORD. Ends with 0 when a token is
issued (and the catalogue names PUBLIC as identity's public endpoint, INSIDE as its internal one and
the admins'), else with 1 and the reason. Prints no token.
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.append("/usr/local/lib/region")
from session import Session, credentials  # noqa: E402

TIMEOUT = 45  # seconds; a service that has just started answers when it is loaded


def main():
    url, *wanted = sys.argv[1:]
    try:
        account = credentials("admin", os.environ["KEYSTONE_PASSWORD"])
        services = Session(url, account, timeout=TIMEOUT).catalogue
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"{url}: no token: {error}")
    if not wanted:
        return
    public, inside = wanted
    there = {
        (endpoint["interface"], endpoint["url"])
        for service in services
        if service["type"] == "identity"
        for endpoint in service["endpoints"]
    }
    if there != {("public", public), ("internal", inside), ("admin", inside)}:
        sys.exit(f"{url}: identity's endpoints are {sorted(there)}, not {wanted}")


if __name__ == "__main__":
    main()
