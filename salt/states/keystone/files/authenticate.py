#!/usr/bin/python3
"""Ask keystone for an admin token: keystone-authenticate URL [ENDPOINT]

The password is read from the environment variable KEYSTONE_PASSWORD. Ends with 0 when a token is
issued (and, with ENDPOINT, the catalogue names it as identity's public endpoint), else with 1 and
the reason. Prints no token.
"""

import json
import os
import sys
import urllib.error
import urllib.request

TIMEOUT = 45  # seconds; a service that has just started answers when it is loaded


def catalogue(url, password):
    """The catalogue that comes with an admin token. Raises OSError where none is issued."""
    domain = {"name": "Default"}
    user = {"name": "admin", "domain": domain, "password": password}
    body = {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": "admin", "domain": domain}},
        }
    }
    request = urllib.request.Request(
        url.rstrip("/") + "/auth/tokens",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        return json.load(answer)["token"].get("catalog", [])


def main():
    url, *wanted = sys.argv[1:]
    try:
        services = catalogue(url, os.environ["KEYSTONE_PASSWORD"])
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
