"""The real agent on this machine: what a master's Python would run, its paths led into a folder.

Called by nodebin/ssh as `localagent.py -c CODE`, with the code that a session sends, NODE the
node's folder in the environment, and the agent's zip on standard input.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import fakesalt


def lead_into(node: Path) -> None:
    """Have every path of the agent below `node`, and let it take this user for root."""
    from remote import backup, kits, salt_master, secrets  # type: ignore[import-not-found]

    kits.ROOT = node / "srv" / "kits"
    secrets.ROOT = node / "srv" / "environment"
    backup.SALT = node / "etc" / "salt" / "pki" / "master"
    salt_master.CONFIG = str(node / "etc" / "salt" / "master")
    os.geteuid = lambda: 0


def main() -> None:
    node = Path(os.environ["NODE"])
    sys.path.pop(0)  # this folder: the agent sees what it was sent, and what is installed
    fakesalt.install(node)
    boot, _, start = sys.argv[-1].rpartition(";")
    names: dict[str, Any] = {}
    exec(boot, names)
    lead_into(node)
    exec(start, names)


if __name__ == "__main__":
    main()
