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
    r"/opt/salt(-[0-9a-f]+)?/.*",
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
    skip = re.compile("|".join(f"(?:{name})" for name in transient))
    paths = set()
    for place in PLACES:
        for folder, folders, names in os.walk(place):
            folders[:] = [name for name in folders if not skip.fullmatch(f"{folder}/{name}")]
            paths.update(f"{folder}/{name}" for name in folders)
            paths.update(
                f"{folder}/{name}" for name in names if not skip.fullmatch(f"{folder}/{name}")
            )
    return sorted(paths)


def difference(before, after):
    """What came and what went, as lines `kind: + trace` and `kind: - trace`, in order."""
    lines = []
    for kind in sorted(before.keys() | after.keys()):
        old, new = set(before.get(kind, ())), set(after.get(kind, ()))
        lines += [f"{kind}: + {trace}" for trace in sorted(new - old)]
        lines += [f"{kind}: - {trace}" for trace in sorted(old - new)]
    return lines


def without(traces, ignored):
    """The traces, by kind, but for those that `ignored` fits as a whole."""
    return {
        kind: [trace for trace in names if not ignored.fullmatch(trace)]
        for kind, names in traces.items()
    }


def column(text, place):
    return sorted({line.split()[place] for line in text.splitlines() if line.strip()})


def sockets(text):
    """Protocol and local address of `ss -Hlntu`; an unbound DHCP client has none of interest."""
    addresses = {(line.split()[0], line.split()[4]) for line in text.splitlines() if line.strip()}
    return sorted(f"{kind} {address}" for kind, address in addresses if not address.endswith(":68"))


def look(module, transient):
    def output_of(*words):
        return module.run_command(list(words), check_rc=True)[1]

    dpkg = output_of("dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\\n")
    return {
        "package": sorted(line for line in dpkg.splitlines() if not line.startswith("un")),
        "file": files(transient),
        "account": column(output_of("cut", "-d:", "-f1", "/etc/passwd"), 0),
        "group": column(output_of("cut", "-d:", "-f1", "/etc/group"), 0),
        "unit": [
            unit
            for unit in column(output_of("systemctl", "list-unit-files", "--no-legend"), 0)
            if not unit.endswith((".scope", ".device", ".slice"))
        ],
        "failed unit": column(
            output_of("systemctl", "list-units", "--failed", "--no-legend", "--plain"), 0
        ),
        "socket": sockets(output_of("ss", "-Hlntu")),
        "table of nftables": output_of("nft", "list", "tables").splitlines()
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
    ignored = re.compile(
        "|".join(f"(?:{pattern})" for pattern in module.params["ignore"]) or r"(?!)"
    )
    now = look(module, [*TRANSIENT, *module.params["ignore"]])
    if module.params["note"]:
        Path(module.params["note"]).write_text(json.dumps(now), encoding="utf-8")
        module.exit_json(changed=False)
    before = json.loads(Path(module.params["compare"]).read_text(encoding="utf-8"))
    differences = difference(without(before, ignored), without(now, ignored))
    if differences:
        module.fail_json(msg=f"{len(differences)} traces differ: " + "; ".join(differences[:40]))
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
