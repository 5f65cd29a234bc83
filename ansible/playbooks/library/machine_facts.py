#!/usr/bin/python3
"""What a node is, asked of itself: roles that depend on it ask here, and no environment says it."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: machine_facts
short_description: Tell what a node is
description:
  - The fact C(machine), by which roles decide what only containers need, or only machines. States
    of Salt ask the same of the node (salt/states/_modules/machine.py).
options: {}
"""
RETURN = """
ansible_facts:
  description: >-
    C(machine.container), its kind ('lxc', …), '' where the node has a kernel of its own;
    C(machine.salt), the folder below /opt that its Salt is in, '' where it has none.
  type: dict
  returned: success
"""

CONTAINER = Path("/run/systemd/container")  # systemd's word for what it runs in; absent elsewhere
SALT = Path("/opt/salt")  # a link; in images of before, the folder itself
MOVING = ".salt.moving"  # beside it, while role salt moves what runs


def container():
    """What kind of container this node is; '' where it is a machine, virtual or not."""
    try:
        return CONTAINER.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def salt():
    """The folder that this node's Salt is in; no folder's name where a move to it did not end."""
    if not SALT.exists():
        return ""
    name = SALT.readlink().name if SALT.is_symlink() else "a folder"
    return f"{name}, half moved" if SALT.with_name(MOVING).exists() else name


def main():
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    module.exit_json(ansible_facts={"machine": {"container": container(), "salt": salt()}})


if __name__ == "__main__":
    main()
