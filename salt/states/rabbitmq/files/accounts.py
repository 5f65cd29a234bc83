#!/usr/bin/python3
"""The accounts of a message broker: rabbitmq-accounts check|bring [--shared]

Each service has one, in a virtual host of its name, where it may do everything; it may do nothing
elsewhere and is no administrator. Passwords are read from environment variables ACCOUNT_NAME. With
--shared they may use `/`, too, and who was there stays: for a deployment that comes from a release in
which all services were one account there; without it what that release left goes. Accounts of others
are left alone.

`check` ends with 0 when it is so, else with 1 and what is not, `bring` brings it about. Waits a minute
for a broker that has just started.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import time

PREFIX = "ACCOUNT_"
COMMON = "/"  # the virtual host that a broker begins with
OURS_BEFORE = ("guest", "openstack")  # what a broker begins with, and the one account there was
START, ANSWER, PAUSE = 60, 60, 1  # seconds: for a broker to start, for one call, between two looks
EVERYTHING = {"configure": ".*", "write": ".*", "read": ".*"}


def hashed(password, salt=None):
    """A password as brokers keep it: four bytes of salt, and SHA-256 of them with it."""
    salt = salt or os.urandom(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def fits(kept, password):
    """Whether `kept` is what a broker has of `password`."""
    try:
        return hashed(password, base64.b64decode(kept)[:4]) == kept
    except ValueError:
        return False


def lacking(found, accounts, shared):
    """What a broker's definitions `found` lack, in words; `accounts` is name -> password."""
    users = {user["name"]: user for user in found["users"]}
    hosts = {host["name"] for host in found["vhosts"]}
    rights = {(one["user"], one["vhost"]): one for one in found["permissions"]}
    told = []
    for name, password in accounts.items():
        user = users.get(name)
        if user is None or not fits(user["password_hash"], password):
            told.append(f"account {name}" if user is None else f"password of {name}")
        elif user["tags"]:
            told.append(f"{name} is {user['tags']}")
        if name not in hosts:
            told.append(f"virtual host {name}")
        for host in (name, COMMON) if shared else (name,):
            own = rights.get((name, host), {})
            if any(own.get(key) != value for key, value in EVERYTHING.items()):
                told.append(f"rights of {name} in {host}")
    return told


def spare(found, accounts, shared):
    """What goes, each as the words of a call of rabbitmqctl."""
    if shared:
        return []
    calls = [
        ("clear_permissions", "-p", one["vhost"], one["user"])
        for one in found["permissions"]
        if one["user"] in accounts and one["vhost"] != one["user"]
    ]
    users = {user["name"] for user in found["users"]}
    calls += [("delete_user", name) for name in OURS_BEFORE if name in users]
    # Nobody reads these queues any more. Other accounts there lose nothing but their rights to it.
    others = [one for one in found["permissions"] if one["vhost"] == COMMON]
    others = [one for one in others if one["user"] not in (*accounts, *OURS_BEFORE)]
    queues = [one for one in found.get("queues", ()) if one["vhost"] == COMMON]
    if queues and not others:
        calls += [("delete_vhost", COMMON), ("add_vhost", COMMON)]
    return calls


def definitions(accounts, shared):
    """What is to be there, as a broker imports it."""
    users = [
        {
            "name": name,
            "password_hash": hashed(password),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": [],
        }
        for name, password in accounts.items()
    ]
    places = [(name, host) for name in accounts for host in ((name, COMMON) if shared else (name,))]
    return {
        "users": users,
        "vhosts": [{"name": name} for name in accounts],
        "permissions": [{"user": name, "vhost": host, **EVERYTHING} for name, host in places],
    }


def call(*words, text=None):
    """Exit status and output of rabbitmqctl."""
    try:
        done = subprocess.run(
            ("rabbitmqctl", "-q", *words),
            input=text,
            capture_output=True,
            text=True,
            timeout=ANSWER,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1, f"no answer in {ANSWER} s"
    return done.returncode, done.stdout if done.returncode == 0 else done.stdout + done.stderr


def asked():
    """The definitions of this node's broker, when it has started."""
    until = time.monotonic() + START
    while True:
        status, said = call("export_definitions", "-")
        if status == 0:
            return json.loads(said)
        if time.monotonic() > until:
            sys.exit(f"the broker does not answer: {said.strip()[-300:]}")
        time.sleep(PAUSE)


def main():
    act, *more = sys.argv[1:]
    if act not in ("check", "bring") or more not in ([], ["--shared"]):
        sys.exit(__doc__)
    shared = bool(more)
    accounts = {
        name.removeprefix(PREFIX): value
        for name, value in sorted(os.environ.items())
        if name.startswith(PREFIX)
    }
    found = asked()
    told = lacking(found, accounts, shared)
    calls = spare(found, accounts, shared)
    if act == "check":
        if told or calls:
            sys.exit("; ".join([*told, *(" ".join(words) for words in calls)]))
        return
    if told:
        text = json.dumps(definitions(accounts, shared))
        status, said = call("import_definitions", text=text)
        if status:
            sys.exit(f"{', '.join(told)}: not brought: {said.strip()[-300:]}")
    for words in calls:
        status, said = call(*words)
        if status:
            sys.exit(f"{' '.join(words)}: {said.strip()[-300:]}")


if __name__ == "__main__":
    main()
