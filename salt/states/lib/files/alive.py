#!/usr/bin/python3
"""Whether the services of this node are alive, as the region's own API says.

    alive CONFIG SECTION compute|network|orchestration|volumev3 HOST BINARY=UNIT...

Each BINARY on HOST must be up with a heartbeat newer than the last start of its systemd UNIT: a
service that was alive before its restart proves nothing. The account is the one of CONFIG's
[SECTION]. Ends with 0, or with 1 and the names of those that are not.
"""

import configparser
import subprocess
import sys
import urllib.parse
from datetime import datetime, timezone

sys.dont_write_bytecode = True
sys.path.append("/usr/local/lib/region")
from session import Session, configured  # noqa: E402

TIMEOUT = 15  # seconds
LISTS = {
    # type in the catalogue: path, key of the list, is it up, times of its heartbeat, the newer first
    "compute": ("/os-services?host=", "services", lambda one: one["state"] == "up", ["updated_at"]),
    "volumev3": (
        "/os-services?host=",
        "services",
        lambda one: one["state"] == "up",
        ["updated_at"],
    ),
    "network": ("/v2.0/agents?host=", "agents", lambda one: one["alive"], ["heartbeat_timestamp"]),
    # Of every node, and one for each start that was.
    "orchestration": (
        "/services?host=",
        "services",
        lambda one: one["status"] == "up",
        ["updated_at", "created_at"],
    ),
}


def enter(account, kind):
    """(session, endpoint of `kind`) for the account of a configuration section."""
    session = Session(*configured(account), timeout=TIMEOUT)
    if not session.has(kind):
        sys.exit(f"the catalogue has no {kind} service")
    return session, session.urls[kind]


def started(unit):
    """When `unit` was last started (seconds since the epoch); None where it is not active."""
    words = ["systemctl", "show", unit, "-p", "ActiveState,ActiveEnterTimestamp"]
    done = subprocess.run(
        [*words, "--timestamp=unix"], capture_output=True, text=True, timeout=10, check=True
    )
    found = dict(line.split("=", 1) for line in done.stdout.splitlines())
    when = found["ActiveEnterTimestamp"].lstrip("@")
    return float(when) if found["ActiveState"] == "active" and when else None


def newest(rows, host, stamps):
    """Of the rows of `host` (NODE, or NODE@BACKEND), by binary, that with the newest heartbeat."""
    mine = [one for one in rows if one["host"].partition("@")[0] == host]
    return {one["binary"]: one for one in sorted(mine, key=lambda one: beat(one, stamps) or "")}


def beat(row, stamps):
    """When a service reported last, as the API tells it; None where it did not yet."""
    return next((row[stamp] for stamp in stamps if row[stamp]), None)


def complaint(binary, unit, found, is_up, stamps):
    """What is wrong with a service, or None; `found` is what the API says of it."""
    since = started(unit)
    if since is None:
        return f"{unit} does not run"
    if found is None:
        return f"{binary} never reported"
    last = beat(found, stamps)
    if not last:
        return f"{binary} has not reported yet"
    if not is_up(found):
        return f"{binary} is down"
    when = datetime.fromisoformat(last).replace(tzinfo=timezone.utc).timestamp()
    return f"{binary} has not reported since its start" if when < since else None


def main():
    config_file, section, kind, host, *wanted = sys.argv[1:]
    config = configparser.RawConfigParser(strict=False)
    config.read(config_file)
    path, key, is_up, stamps = LISTS[kind]
    try:
        session, url = enter(config[section], kind)
        document = session.document(url + path + urllib.parse.quote(host))
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"the {kind} API does not answer: {error}")
    found = newest(document[key], host, stamps)
    wrong = []
    for pair in wanted:
        binary, _, unit = pair.partition("=")
        wrong.append(complaint(binary, unit, found.get(binary), is_up, stamps))
    if any(wrong):
        sys.exit(f"{host}: " + ", ".join(reason for reason in wrong if reason))


if __name__ == "__main__":
    main()
