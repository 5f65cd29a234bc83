#!/usr/bin/python3
"""What is on a node: packages, files, accounts, units, listening sockets; noted or compared."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: traces
short_description: Note what is on a node, or compare with what was noted
options:
  note:
    description: File to write what is there to.
    type: str
  compare:
    description: File to compare with; what came or went since then is a failure.
    type: str
  ignore:
    description: Regular expressions of what may differ, whole paths or names, of whatever kind.
    type: list
    elements: str
    default: []
"""

PLACES = ("/etc", "/home", "/lib/systemd", "/opt", "/root", "/run", "/srv", "/usr/lib/systemd",
          "/usr/local", "/usr/share", "/usr/lib/python3", "/var")  # fmt: skip
# What any package operation, any run of systemd or the kitchen itself leaves behind.
TRANSIENT = (
    r"/srv/kitchen(/.*)?",
    r"/opt/salt/.*",
    r"/root/\.(ansible|cache|bash_history|mysql_history).*",
    r"/var/(lib/(apt|dpkg|systemd|ucf|pam|private|python|dhcp)|cache|log/(apt|journal|private)|tmp|backups)(/.*)?",
    r"/var/log/(dpkg\.log|alternatives\.log|lastlog|wtmp|btmp|faillog|bootstrap\.log)",
    r"/run/(systemd|user|udev|lock|sudo|screen|network|log|utmp|credentials|dbus|mount|sshd|blkid|initctl)(/.*)?",
    r"/run/(adduser|dhclient|sendsigs|motd|cloud|py3compile|tmpfiles|ansible).*",
    r"/var/lib/mysql-logs/binlog\.\d+",  # the next file of a database that stays
    r"/var/lib/rabbitmq/mnesia/.+\.(wal|DCD|DCL|LOG)",  # and of queues that stay
    r"/run/libvirtd?(/.*)?\.pid",  # libvirtd ends by itself when nobody asked it for two minutes
    r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-",
    r"/etc/(ld\.so\.cache|\.pwd\.lock|mtab|\.updated|adjtime)",
    r"/etc/(alternatives|xml)(/.*)?",
    r".*/__pycache__(/.*)?",
    r"/usr/share/(mime|info|icons|locale|man|doc)(/.*)?",
)


def files(transient):
    """Every path below PLACES that no pattern of `transient` fits; nothing of other mounts."""
    skip = re.compile("|".join(f"(?:{one})" for one in transient))
    found = set()
    for place in PLACES:
        for folder, folders, names in os.walk(place):
            kept = [one for one in folders if not skip.fullmatch(f"{folder}/{one}")]
            folders[:] = kept
            found.update(f"{folder}/{one}" for one in kept)
            found.update(
                f"{folder}/{one}" for one in names if not skip.fullmatch(f"{folder}/{one}")
            )
    return sorted(found)


def difference(before, after):
    """What came and what went, as lines `kind: + thing` and `kind: - thing`, in order."""
    lines = []
    for kind in sorted(before.keys() | after.keys()):
        old, new = set(before.get(kind, ())), set(after.get(kind, ()))
        lines += [f"{kind}: + {one}" for one in sorted(new - old)]
        lines += [f"{kind}: - {one}" for one in sorted(old - new)]
    return lines


def without(found, ignored):
    """What was found, by kind, but for what `ignored` fits as a whole."""
    return {
        kind: [one for one in things if not ignored.fullmatch(one)]
        for kind, things in found.items()
    }


def column(text, place):
    return sorted({line.split()[place] for line in text.splitlines() if line.strip()})


def sockets(text):
    """Protocol and local address of `ss -Hlntu`; an unbound DHCP client has none of interest."""
    found = {(line.split()[0], line.split()[4]) for line in text.splitlines() if line.strip()}
    return sorted(f"{kind} {where}" for kind, where in found if not where.endswith(":68"))


def look(module, transient):
    def said(*words):
        return module.run_command(list(words), check_rc=True)[1]

    dpkg = said("dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\\n")
    return {
        "package": sorted(line for line in dpkg.splitlines() if not line.startswith("un")),
        "file": files(transient),
        "account": column(said("cut", "-d:", "-f1", "/etc/passwd"), 0),
        "group": column(said("cut", "-d:", "-f1", "/etc/group"), 0),
        "unit": [
            one
            for one in column(said("systemctl", "list-unit-files", "--no-legend"), 0)
            if not one.endswith((".scope", ".device", ".slice"))
        ],
        "failed unit": column(
            said("systemctl", "list-units", "--failed", "--no-legend", "--plain"), 0
        ),
        "socket": sockets(said("ss", "-Hlntu")),
        "table of nftables": said("nft", "list", "tables").splitlines()
        if module.get_bin_path("nft")
        else [],
    }


def main():
    module = AnsibleModule(
        argument_spec={
            "note": {"type": "str"},
            "compare": {"type": "str"},
            "ignore": {"type": "list", "elements": "str", "default": []},
        },
        required_one_of=[("note", "compare")],
    )
    ignored = re.compile("|".join(f"(?:{one})" for one in module.params["ignore"]) or r"(?!)")
    now = look(module, [*TRANSIENT, *module.params["ignore"]])
    if module.params["note"]:
        Path(module.params["note"]).write_text(json.dumps(now), encoding="utf-8")
        module.exit_json(changed=False)
    before = json.loads(Path(module.params["compare"]).read_text(encoding="utf-8"))
    left = difference(without(before, ignored), without(now, ignored))
    if left:
        module.fail_json(msg=f"{len(left)} traces differ: " + "; ".join(left[:40]))
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
