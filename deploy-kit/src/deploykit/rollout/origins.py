"""Since when each node is in use: a mark on it, made before the first day 0 that it sees.

Day 0 and the states may be run again at any time and leave the mark alone; only a node that was
made anew has none. It holds the number of the ledger's last record of then.
"""

from __future__ import annotations

import shlex

from deploykit.base.errors import DeployKitError
from deploykit.base.parallel import in_parallel
from deploykit.nodes.inventory import Host, Inventory
from deploykit.nodes.ssh import run_on

MARK = "/var/lib/deploy-kit/since"
SALT = "/etc/salt"  # its files are there after a day 0 of before there were marks
TIMEOUT = 30.0  # seconds
ASK = """set -eu
mark={mark} salt={salt}
if [ ! -s "$mark" ]; then
  now={now}
  if [ -e "$salt/minion" ] || [ -e "$salt/master" ]; then now=0; fi
  mkdir -p "${{mark%/*}}"
  echo "$now" >"$mark.new"
  mv "$mark.new" "$mark"
fi
cat "$mark"
"""


def marked(inventory: Inventory, now: int) -> dict[str, int]:
    """Each node's mark by name; those that have none are marked with `now`, a record's number.

    0: some release came to it before there were marks, or it is absent and may have been in use.
    Raises NodeUnreachable, and DeployKitError if a node answers anything else.
    """
    line = ASK.format(mark=shlex.quote(MARK), salt=shlex.quote(SALT), now=now)

    def ask(host: Host) -> int:
        answer = run_on(host, inventory, line, timeout=TIMEOUT).stdout.strip()
        if not answer.isdecimal():
            raise DeployKitError(
                f"{host.name}: {MARK} holds {answer[:60]!r}, not the number of a record",
                "remove it if a release has run on that node; it is then marked as in use",
            )
        return int(answer)

    there = inventory.there
    numbers = dict(zip((host.name for host in there), in_parallel(there, ask), strict=True))
    return {host.name: numbers.get(host.name, 0) for host in inventory.hosts}
