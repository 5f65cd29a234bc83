"""Looking at nodes over SSH, past Salt: services, packages, files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploykit.base.parallel import answers_of
from deploykit.nodes.inventory import Host, Inventory
from deploykit.nodes.ssh import run_on

TIMEOUT = 60.0  # seconds
AT_ONCE = 8

# Runs on the node with its own Python; the names of managed files come as a JSON list on line 1.
LOOK = r"""
import hashlib, json, os, subprocess, sys, time
managed = json.loads(sys.stdin.readline())
def out(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
taken = time.time()
services, unit = {}, ""
for line in out("systemctl", "show", "--type=service", "--state=running", "*",
                "--property=Id,ExecMainStartTimestampMonotonic,MainPID").splitlines():
    key, _, value = line.partition("=")
    if key == "Id":
        unit = value
    elif key == "ExecMainStartTimestampMonotonic":
        start = value
    elif key == "MainPID":
        pid = value
    if not line:
        services[unit] = pid + "@" + start
        unit = ""
if unit:
    services[unit] = pid + "@" + start
services = {k: v for k, v in services.items() if not k.startswith(("user@", "getty@", "console-"))}
packages = dict(line.split(" ", 1) for line in
    out("dpkg-query", "-W", "-f", "${db:Status-Abbrev}|${Package} ${Version}\n").splitlines()
    if line.startswith("ii") for line in [line.split("|", 1)[1]])
files = {}
for folder, _, names in os.walk("/etc"):
    for name in names:
        path = os.path.join(folder, name)
        try:
            if os.path.islink(path):
                files[path] = os.readlink(path)
            elif os.path.isfile(path):
                st = os.stat(path)
                with open(path, "rb") as f:
                    files[path] = "%o %d:%d %s" % (st.st_mode, st.st_uid, st.st_gid,
                                                   hashlib.sha256(f.read()).hexdigest())
        except OSError:
            pass
print(json.dumps({"taken": taken, "services": services, "packages": packages,
                  "files": files, "managed": {p: os.stat(p).st_ctime for p in managed
                                              if os.path.exists(p)}}))
"""


@dataclass(frozen=True, slots=True)
class NodeSnapshot:
    """One look at a node.

    `taken` and `managed` (file -> last change) are the node's own clock in seconds since 1970;
    `services`: unit -> main process and its start; `files`: everything under /etc with mode,
    owner and SHA-256.
    """

    taken: float
    services: dict[str, str]
    packages: dict[str, str]
    files: dict[str, str]
    managed: dict[str, float]


def snapshots(
    inventory: Inventory,
    names: Sequence[str],
    managed: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, NodeSnapshot]:
    """Look at the nodes `names` side by side; `managed` adds files per node to look at."""

    def look(name: str) -> NodeSnapshot:
        asked = json.dumps(sorted((managed or {}).get(name, ())))
        return snapshot(inventory, inventory.host(name), asked)

    return answers_of(names, look, AT_ONCE)


def snapshot(inventory: Inventory, host: Host, managed: str = "[]") -> NodeSnapshot:
    result = run_on(host, inventory, ["python3", "-c", LOOK], input=f"{managed}\n", timeout=TIMEOUT)
    return NodeSnapshot(**json.loads(result.stdout))
