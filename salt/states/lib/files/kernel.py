#!/usr/bin/python3
"""Whether this node's kernel has what a service needs: kernel.py WHAT MODULE=SYMBOL...

A module counts as there when the kernel has its symbol, or could load it: whatever uses it loads it.
In a container nothing is there: its kernel belongs to the host, and speaks iSCSI, maps devices and
tells of them for the host alone. Ends with 0, or with 1 and what is missing for WHAT.
"""

import re
import subprocess
import sys
from pathlib import Path

CONTAINER = Path("/run/systemd/container")  # systemd's word for what it runs in; absent elsewhere
SYMBOLS = Path("/proc/kallsyms")


def loadable(module):
    """Whether the kernel could load the module."""
    words = ["/sbin/modprobe", "--quiet", "--dry-run", module]
    try:
        return subprocess.run(words, timeout=20, check=False).returncode == 0
    except FileNotFoundError:
        return False


def absent(wanted, symbols, can_load):
    """The modules of `wanted` (name -> symbol) that the kernel neither has nor could load."""
    known = set(re.findall(r"^\S+ \S (\w+)", symbols, re.M))
    return [name for name, symbol in wanted.items() if symbol not in known and not can_load(name)]


def complaint(what, container, missing):
    """What keeps this node from it, with what to do; '' where nothing does.

    `container` is its kind, '' outside of one.
    """
    lacking = f"the kernel has no {', '.join(missing)}" if missing else ""
    if container:
        own = f"{what} need a kernel of the node's own, and this is a container ({container})"
        mend = "give the role to a virtual machine or to hardware"
        return f"{own}{'; ' if lacking else ''}{lacking}: {mend}"
    return f"{what} cannot be here, {lacking}: boot one that has" if lacking else ""


def main():
    what, *pairs = sys.argv[1:]
    wanted = dict(pair.split("=") for pair in pairs)
    container = CONTAINER.read_text().strip() if CONTAINER.is_file() else ""
    told = complaint(what, container, absent(wanted, SYMBOLS.read_text(), loadable))
    if told:
        sys.exit(told)
    print('changed=no comment="the kernel has what it takes"')


if __name__ == "__main__":
    main()
