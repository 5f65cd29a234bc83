"""Runs on the Salt master: keystone's catalogue as its admin sees it.

on_master_catalogue.py IDENTITY_URL: prints JSON, service type -> interface -> URL, with
%(project_id)s where a URL holds the project's id.
"""

import json
import ssl
import sys
import urllib.request
from pathlib import Path

TIMEOUT = 20  # seconds


def main():
    password = json.loads(Path("/srv/environment/secrets.json").read_text())["keystone_admin"]
    trust = ssl.create_default_context(cafile="/srv/environment/ca/ca.crt")
    domain = {"name": "Default"}
    user = {"name": "admin", "domain": domain, "password": password}
    identity = {"methods": ["password"], "password": {"user": user}}
    scope = {"project": {"name": "admin", "domain": domain}}
    request = urllib.request.Request(
        sys.argv[1] + "/auth/tokens",
        json.dumps({"auth": {"identity": identity, "scope": scope}}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT, context=trust) as answer:
        token = json.load(answer)["token"]
    mark = token["project"]["id"]
    catalogue = {
        service["type"]: {
            endpoint["interface"]: endpoint["url"].replace(mark, "%(project_id)s")
            for endpoint in service["endpoints"]
        }
        for service in token["catalog"]
    }
    print(json.dumps(catalogue))


main()
