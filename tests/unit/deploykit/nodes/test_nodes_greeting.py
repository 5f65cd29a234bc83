"""Which nodes greet: asked from here, or from the node that they are reached from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from deploykit.base.errors import NodeUnreachable
from deploykit.nodes import ssh as module
from deploykit.nodes.ssh import greets, reachable, silent
from scriptedssh import inventory_of, ssh_is

TEXT = """\
name: test
networks: {management: {cidr: 10.30.0.0/24}}
nodes:
  salt: {roles: [master], at: 10}
  web: {roles: [load-balancer], at: 11}
"""
SSH = """\
#!/bin/sh
# ssh -F CONFIG -T NAME COMMAND
echo "$4 $5" >>"$NODES/said"
[ -e "$NODES/$4-up" ] || exit 255
case "$5" in *10.0.0.11/22*) [ ! -e "$NODES/web-up" ] || printf SSH- ;; esac
"""


def test_node_behind_another_is_asked_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = ssh_is(SSH, tmp_path, monkeypatch)
    monkeypatch.setattr(module, "greeting", lambda *_: (nodes / "salt-up").exists())
    inventory = inventory_of(TEXT, tmp_path)
    master, web = inventory.hosts
    web = replace(web, ssh_address="10.0.0.11", jump="salt")
    inventory = replace(inventory, hosts=(master, web))
    assert silent(inventory) == ["salt", "web"]
    (nodes / "salt-up").touch()
    assert silent(inventory) == ["web"]
    with pytest.raises(NodeUnreachable, match="1 node does not answer: web"):
        reachable(inventory)
    (nodes / "web-up").touch()
    assert silent(inventory) == [] and greets(web, inventory, 1.0)
    asked = (nodes / "said").read_text().splitlines()
    assert all(line.startswith("salt timeout ") for line in asked)
