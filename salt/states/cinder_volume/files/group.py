#!/usr/bin/python3
"""The volume group that volumes lie in: make it be there and active, or end it.

    group make|remove GROUP DISK...
    group make|remove GROUP --file PATH SIZE

With --file the disk is a sparse file behind a loop device; SIZE counts when it is made. make takes
empty disks only and leaves those of the group as they are; a disk that holds anything else is
refused. remove ends the group with every volume in it. Ends with 0, or with 1 and the reason.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

TIMEOUT = 120  # seconds


class Refused(Exception):
    """What was asked for would cost somebody their data, or a tool failed; the text says which."""


def said(*words):
    """What a command prints. Raises Refused with its last line where it fails."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise Refused(f"{' '.join(words)}: {last.strip()}")
    return done.stdout


def plan(group, disks, owners, holds):
    """The commands that make `group` of `disks` and activate it.

    `owners`: the group of each physical volume of this node, '' for none; `holds`: what is found on
    a disk, by its signatures. Raises Refused for a disk that is somebody else's.
    """
    new = [disk for disk in disks if owners.get(disk) != group]
    for disk in new:
        other = owners.get(disk)
        found = f"the group {other}" if other else ", ".join(holds.get(disk, ()))
        if found and (other or disk not in owners):
            raise Refused(f"{disk} holds {found}: wipefs --all {disk}, if nobody needs it")
    steps = []
    if new:
        steps.append(["vgextend" if group in owners.values() else "vgcreate", group, *new])
    return [*steps, ["vgchange", "--activate", "y", group]]


def owners():
    """Physical volume -> its group, '' for none."""
    report = json.loads(said("pvs", "--reportformat", "json", "--options", "pv_name,vg_name"))
    return {os.path.realpath(one["pv_name"]): one["vg_name"] for one in report["report"][0]["pv"]}


def signatures(disk):
    return said("wipefs", "--noheadings", "--output", "TYPE", disk).split()


def loop_of(path):
    """The loop device of a file; '' where it has none."""
    found = said("losetup", "--noheadings", "--output", "NAME", "--associated", path).split()
    return found[0] if found else ""


def behind_loop(path, size):
    """The loop device of the file, both made where they are missing."""
    if not Path(path).exists():
        # Nobody else reads what volumes hold.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
        said("truncate", "--size", size, path)
    return loop_of(path) or said("losetup", "--find", "--show", path).strip()


def make(group, words):
    given = [behind_loop(*words[1:])] if words[0] == "--file" else words
    for disk in given:
        if not Path(disk).is_block_device():
            raise Refused(f"{disk} is no disk of this node")
    disks = [os.path.realpath(disk) for disk in given]
    for step in plan(group, disks, owners(), {disk: signatures(disk) for disk in disks}):
        said(*step)


def remove(group, words):
    if group in owners().values():
        said("vgremove", "--force", "--yes", group)
    if words[0] == "--file" and Path(words[1]).exists() and (device := loop_of(words[1])):
        said("losetup", "--detach", device)


def main():
    act, group, *words = sys.argv[1:]
    try:
        {"make": make, "remove": remove}[act](group, words)
    except (Refused, subprocess.TimeoutExpired) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
