#!/usr/bin/python3
"""Which services still run on files that a newer package took the place of; 1 where one does.

    stale PACKAGE...

Asked are the units that came with PACKAGES. What a unit's main process has loaded as code, and is
deleted, is told. Of what else it has started nothing is asked: guests and a router's helpers are to go
on with what they have.
"""

import re
import subprocess
import sys
from pathlib import Path

LOADED = re.compile(r"^\S+ \S*x\S* .*? (/(?:usr|lib|bin|sbin)/.*) \(deleted\)$", re.M)
SHOWN = ("Id", "MainPID", "FragmentPath")
TIMEOUT = 60  # seconds


def gone(maps):
    """The deleted files that a process has loaded as code, of its /proc/PID/maps."""
    return sorted(set(LOADED.findall(maps)))


def units(said):
    """Id, main process and file of each unit, of what systemctl shows."""
    for block in said.split("\n\n"):
        seen = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if seen.get("MainPID", "0") != "0" and seen.get("FragmentPath"):
            yield tuple(seen[key] for key in SHOWN)


def asked(words):
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    return done.stdout


def owned(packages):
    """The files of units of `packages`."""
    listed = asked(("dpkg-query", "-L", *packages)) if packages else ""
    found = {line for line in listed.splitlines() if "/systemd/system/" in line}
    return found | {line.removeprefix("/usr") for line in found} | {f"/usr{line}" for line in found}


def main():
    ours = owned(sys.argv[1:])
    shown = asked(("systemctl", "show", "--property", ",".join(SHOWN), "*.service"))
    told = []
    for unit, process, file in units(shown):
        if file not in ours:
            continue
        try:
            loaded = gone(Path(f"/proc/{process}/maps").read_text())
        except OSError:  # it ended meanwhile
            continue
        told += [f"{unit} runs on what is gone: {', '.join(loaded[:3])}"] if loaded else []
    if told:
        sys.exit("; ".join(told))


if __name__ == "__main__":
    main()
