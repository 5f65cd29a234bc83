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
    C(machine.container), its kind ('lxc', …), '' where the node has a kernel of its own.
  type: dict
  returned: success
"""

CONTAINER = Path("/run/systemd/container")  # systemd's word for what it runs in; absent elsewhere


def container():
    """What kind of container this node is; '' where it is a machine, virtual or not."""
    try:
        return CONTAINER.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def main():
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    module.exit_json(ansible_facts={"machine": {"container": container()}})


if __name__ == "__main__":
    main()
