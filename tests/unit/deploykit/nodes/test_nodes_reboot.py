"""Nodes boot again one after the other, each in health before the next; ssh is a script here."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError, NodeUnreachable
from deploykit.nodes import reboot
from deploykit.nodes.inventory import Inventory
from scriptedssh import inventory_of, ssh_is

FILE = """name: test
networks: {lan: {cidr: 10.9.0.0/24}}
nodes: {one: {roles: [master], at: 10}, two: {roles: [cache], at: 11}}
"""
# A node is a folder: `boots` has a line for each start, `failed` the units that failed, and
# `breaks` those that fail with the next start. `lost`: it does not come back.
SSH = """#!/bin/bash
while [[ $1 == -* ]]; do [[ $1 == -F ]] && shift; shift; done
cd "$NODES/$1" || exit 255
shift
[[ $1 == -- ]] && shift
echo "${PWD##*/}: $*" >>../told
case "$*" in
*proc/1/stat*) [[ ! -e lost ]] || exit 255; cat boots ;;
*'systemctl reboot'*) echo again >>boots
    [[ ! -e breaks ]] || mv breaks failed
    [[ ! -e loses ]] || mv loses lost ;;
*--failed*) cat failed 2>/dev/null || true ;;
*is-system-running*) echo running ;;
esac
"""


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the nodes one and two."""
    folder = ssh_is(SSH, tmp_path, monkeypatch)
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "boots").write_text("first\n")
    monkeypatch.setattr(reboot, "BACK_SECONDS", 0.5)
    return folder


@pytest.fixture
def inventory(tmp_path: Path, nodes: Path) -> Inventory:
    return inventory_of(FILE, tmp_path)


def test_node_is_back_when_its_start_is_finished(inventory: Inventory, nodes: Path) -> None:
    reboot.reboot_to_health(inventory, inventory.host("one"))
    told = (nodes / "told").read_text()
    asked = [word for word in ("reboot", "proc/1/stat", "--wait", "--failed") if word in told]
    assert len(asked) == 4
    assert told.index("systemctl reboot") < told.index("--wait") < told.rindex("--failed")
    assert (nodes / "one/boots").read_text() == "first\nagain\n"


def test_unit_that_fails_with_the_reboot_is_named(inventory: Inventory, nodes: Path) -> None:
    (nodes / "one/failed").write_text("old.service loaded failed failed\n")
    (nodes / "one/breaks").write_text(
        "mariadb.service loaded failed failed MariaDB\nold.service loaded failed failed\n"
    )
    with pytest.raises(DeployKitError) as caught:
        reboot.reboot_to_health(inventory, inventory.host("one"))
    assert caught.value.message == "test: after its reboot failed on one: mariadb.service"
    assert "env ssh test one" in caught.value.remedy


def test_unit_that_had_failed_before_keeps_nobody_from_going_on(
    inventory: Inventory, nodes: Path
) -> None:
    (nodes / "one/failed").write_text("old.service loaded failed failed\n")
    reboot.reboot_to_health(inventory, inventory.host("one"))


def test_node_that_does_not_come_back_is_named(inventory: Inventory, nodes: Path) -> None:
    (nodes / "one/loses").touch()
    with pytest.raises(NodeUnreachable, match="one"):
        reboot.reboot_to_health(inventory, inventory.host("one"))
