#!/usr/bin/python3
"""Ask keystone for an admin token: keystone-authenticate URL [ENDPOINT]

The password is read from the environment variable KEYSTONE_PASSWORD. Ends with 0 when a token is
issued (and, with ENDPOINT, the catalogue names it as identity's public endpoint), else with 1 and
the reason. Prints no token.
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
    public = {
        endpoint["url"]
        for service in services
        if service["type"] == "identity"
        for endpoint in service["endpoints"]
        if endpoint["interface"] == "public"
    }
    if wanted and public != set(wanted):
        sys.exit(f"{url}: the public endpoint is {sorted(public)}, not {wanted}")


if __name__ == "__main__":
    main()
