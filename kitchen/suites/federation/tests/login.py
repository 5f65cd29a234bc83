"""Runs on the node: login.py PROVIDER KEYSTONE NAME [PROJECT] logs in as OpenStack's client does by
v3oidcpassword, and prints whose token keystone gives, as JSON; `status` where it gives none.
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

sys.path.append("/usr/local/lib/region")
from session import DEFAULT, ask

provider, keystone, name, *project = sys.argv[1:]
AUTH = f"{keystone}/OS-FEDERATION/identity_providers/partners/protocols/openid/auth"


def main():
    form = {"grant_type": "password", "username": name, "password": f"{name}'s own"}
    with urllib.request.urlopen(
        f"{provider}/token", urllib.parse.urlencode(form).encode(), timeout=20
    ) as answer:
        bearer = json.load(answer)["access_token"]
    headers, document = ask("POST", AUTH, None, {"Authorization": f"Bearer {bearer}"})
    if project:
        identity = {"methods": ["token"], "token": {"id": headers["X-Subject-Token"]}}
        scope = {"project": {"name": project[0], "domain": DEFAULT}}
        body = {"auth": {"identity": identity, "scope": scope}}
        document = ask("POST", f"{keystone}/auth/tokens", body)[1]
    token = document["token"]
    roles = sorted(one["name"] for one in token.get("roles", []))
    return {
        "user": token["user"]["name"],
        "domain": token["user"]["domain"]["name"],
        "roles": roles,
    }


try:
    print(json.dumps(main()))
except urllib.error.HTTPError as error:
    print(json.dumps({"status": error.code}))
