"""Runs on the node: restarts identity and lets several clients be its first ones at once.

first_requests.py URL: prints every answer but "200", nothing if all is well. Reads the admin's
password from KEYSTONE_PASSWORD.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

RESTARTS, CLIENTS = 5, 8
LOG = ["journalctl", "--boot", "--unit=keystone", "--output=cat"]
TIMEOUT, START_SECONDS = 20, 60


def ask(url, token="", body=None):
    """Status and token of one request, or the reason that there is none."""
    request = urllib.request.Request(
        url,
        data=body and json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "X-Auth-Token": token},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return answer.status, answer.headers.get("X-Subject-Token", "")
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError as error:
        return error, ""


def login(url):
    domain = {"name": "Default"}
    user = {"name": "admin", "domain": domain, "password": os.environ["KEYSTONE_PASSWORD"]}
    identity = {"methods": ["password"], "password": {"user": user}}
    scope = {"project": {"name": "admin", "domain": domain}}
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        token = ask(f"{url}/auth/tokens", "", {"auth": {"identity": identity, "scope": scope}})[1]
        if token:
            return token
        time.sleep(0.2)
    sys.exit("no token")


def settled():
    """Wait until every worker has loaded: one that is stopped before is killed after 15 s."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        journal = subprocess.run(LOG, capture_output=True, text=True, errors="replace", check=True)
        latest = journal.stdout.rsplit("*** Starting uWSGI", 1)[-1]
        if 0 < latest.count("spawned uWSGI worker") <= latest.count("ready in "):
            return
        time.sleep(0.2)


def main():
    url = sys.argv[1]
    for _ in range(RESTARTS):
        subprocess.run(["systemctl", "restart", "keystone"], check=True)
        token = login(url)
        with ThreadPoolExecutor(CLIENTS) as pool:
            asked = [pool.submit(ask, f"{url}/projects", token) for _ in range(CLIENTS)]
        for answer in asked:
            if answer.result()[0] != 200:
                print(answer.result()[0])
        settled()


if __name__ == "__main__":
    main()
