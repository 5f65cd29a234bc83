"""What changed on nodes since a moment, and who came: looked at over SSH, past Salt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deploykit.base.parallel import answers_of
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.ssh import run_on

TIMEOUT = 60.0  # seconds
AT_ONCE = 8
MOST = 1000  # files and folders of one node
LOGINS = 2000  # lines of the journal

# Runs on the node with its own Python: SINCE (seconds since 1970) and whether logins are asked for.
LOOK = r"""
import collections, json, os, re, subprocess, sys
since, asked, most, lines = float(sys.argv[1]), sys.argv[2] == "1", int(sys.argv[3]), sys.argv[4]
def out(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=40).stdout
changed, folders = [], []
for folder, _, names in os.walk("/etc"):
    if os.lstat(folder).st_ctime > since:
        folders.append(folder)
    for name in names:
        path = os.path.join(folder, name)
        try:
            if os.lstat(path).st_ctime > since:
                changed.append(path)
        except OSError:
            pass
failed = [line.split()[0] for line in
          out("systemctl", "list-units", "--failed", "--plain", "--no-legend").splitlines() if line]
logins = collections.Counter()
if asked:
    form = re.compile(r"Accepted \S+ for (\S+) from (\S+) port \d+ ssh2(?:: \S+ (\S+))?")
    for line in out("journalctl", "-q", "--no-pager", "-o", "cat", "-n", lines, "-t", "sshd",
                    "--since", "@%d" % since).splitlines():
        match = form.match(line)
        if match:
            logins["%s from %s with %s" % (match[1], match[2], match[3] or "a password")] += 1
print(json.dumps({"files": sorted(changed)[:most], "folders": sorted(folders)[:most],
                  "failed": failed, "logins": logins}))
"""


@dataclass(frozen=True, slots=True)
class NodeChanges:
    """What one node says: files and folders below /etc that changed, units that failed, and logins
    over SSH (who, from where, with which key) with how often they came."""

    files: tuple[str, ...]
    folders: tuple[str, ...]
    failed: tuple[str, ...]
    logins: dict[str, int]


def changes_since(
    inventory: Inventory, names: Sequence[str], since: datetime, *, logins: bool = False
) -> dict[str, NodeChanges]:
    """What changed on the nodes `names` after `since` (aware), by their own clocks; side by side.

    Raises NodeUnreachable, CommandFailed.
    """
    words = [f"{since.timestamp():.0f}", str(int(logins)), str(MOST), str(LOGINS)]

    def look(name: str) -> NodeChanges:
        argv = ["python3", "-c", LOOK, *words]
        answer = json.loads(run_on(inventory.host(name), inventory, argv, timeout=TIMEOUT).stdout)
        return NodeChanges(
            tuple(answer["files"]),
            tuple(answer["folders"]),
            tuple(answer["failed"]),
            answer["logins"],
        )

    return answers_of(names, look, AT_ONCE)
