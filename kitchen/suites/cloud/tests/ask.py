"""Runs on the node: ask.py METHOD SERVICE PATH BODY prints what a service answers the admin."""

import json
import os
import sys

sys.path.append("/usr/local/lib/region")
from session import Session, ask, credentials

method, service, path, body = sys.argv[1:]
session = Session(
    "https://10.90.0.11:5000/v3", credentials("admin", os.environ["KEYSTONE_PASSWORD"])
)
headers = {"X-Auth-Token": session.token, "X-OpenStack-Nova-API-Version": "2.61"}
url = session.urls[service] + path
print(json.dumps(ask(method, url, json.loads(body), headers)[1]))
