"""Nodes that are folders: `ssh` is a script in these tests, which finds them in $NODES."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from deploykit.nodes.inventory import Host, Inventory
from deploykit.site.environment import parse_environment


def ssh_is(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let `ssh` be `script` from now on; returns the folder of the nodes, below `folder`."""
    programs, nodes = folder / "bin", folder / "nodes"
    programs.mkdir()
    nodes.mkdir()
    (programs / "ssh").write_text(script)
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setenv("NODES", str(nodes))
    return nodes


def inventory_of(text: str, folder: Path) -> Inventory:
    """The nodes of the environment `test` that `text` describes, reached by that script."""
    file = folder / "test.yml"
    file.write_text(text)
    environment = parse_environment(file)
    hosts = tuple(
        Host(node.name, node.roles, "192.0.2.1", "root", environment.addresses(node), ())
        for node in environment.nodes
    )
    return Inventory(environment, environment.instance, hosts, folder / "key", folder)
