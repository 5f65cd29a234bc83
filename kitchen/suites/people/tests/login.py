"""Runs on the node: login.py URL DOMAIN USER PASSWORD [PROJECT] prints whose token keystone gives.

As JSON. Without PROJECT a token that is for nothing yet. `status` where it gives none.
"""

import json
import sys
import urllib.error

sys.path.append("/usr/local/lib/region")
from session import DEFAULT, ask

url, domain, user, password, *project = sys.argv[1:]
account = {"name": user, "password": password, "domain": {"name": domain}}
wanted = {"identity": {"methods": ["password"], "password": {"user": account}}}
if project:
    wanted["scope"] = {"project": {"name": project[0], "domain": DEFAULT}}
try:
    token = ask("POST", f"{url}/auth/tokens", {"auth": wanted})[1]["token"]
except urllib.error.HTTPError as error:
    print(json.dumps({"status": error.code}))
else:
    roles = sorted(one["name"] for one in token.get("roles", []))
    told = {"user": token["user"]["name"], "domain": token["user"]["domain"]["name"]}
    print(json.dumps({**told, "roles": roles}))
