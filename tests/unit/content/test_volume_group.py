"""What a node's disks become for volumes, and what its kernel must be able to do."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from loosemodule import module_of

STATES = Path(__file__).resolve().parents[3] / "salt/states"
ACTIVATE = ["vgchange", "--activate", "y", "volumes"]


@pytest.fixture(scope="module")
def group() -> ModuleType:
    return module_of(STATES / "cinder_volume/files/group.py")


@pytest.fixture(scope="module")
def kernel() -> ModuleType:
    return module_of(STATES / "_states/kernel.py")


def test_empty_disks_become_the_group(group: ModuleType) -> None:
    disks = ["/dev/sdb", "/dev/sdc"]
    steps = group.plan("volumes", disks, {"/dev/sda3": "system"}, {})
    assert steps == [["vgcreate", "volumes", *disks], ACTIVATE]


def test_group_that_is_there_is_only_activated(group: ModuleType) -> None:
    holds = {"/dev/sdb": ["LVM2_member"]}
    assert group.plan("volumes", ["/dev/sdb"], {"/dev/sdb": "volumes"}, holds) == [ACTIVATE]


def test_disk_that_is_new_extends_the_group(group: ModuleType) -> None:
    steps = group.plan("volumes", ["/dev/sdb", "/dev/sdc"], {"/dev/sdb": "volumes"}, {})
    assert steps == [["vgextend", "volumes", "/dev/sdc"], ACTIVATE]


def test_run_that_was_cut_off_between_disk_and_group_goes_on(group: ModuleType) -> None:
    holds = {"/dev/sdb": ["LVM2_member"]}
    steps = group.plan("volumes", ["/dev/sdb"], {"/dev/sdb": ""}, holds)
    assert steps == [["vgcreate", "volumes", "/dev/sdb"], ACTIVATE]


@pytest.mark.parametrize(
    ("owners", "holds", "what"),
    [
        ({"/dev/sdb": "system"}, {"/dev/sdb": ["LVM2_member"]}, "the group system"),
        ({}, {"/dev/sdb": ["gpt", "PMBR"]}, "gpt, PMBR"),
        ({}, {"/dev/sdb": ["ext4"]}, "ext4"),
    ],
)
def test_disk_that_holds_something_else_is_refused_and_left_alone(
    group: ModuleType, owners: dict[str, str], holds: dict[str, list[str]], what: str
) -> None:
    with pytest.raises(group.Refused, match=f"/dev/sdb holds {what}: wipefs --all /dev/sdb"):
        group.plan("volumes", ["/dev/sdb"], owners, holds)


def test_tool_that_fails_is_told_with_its_last_words(group: ModuleType) -> None:
    with pytest.raises(group.Refused, match="No such file or directory"):
        group.said("ls", "/nowhere-at-all")


def test_module_is_there_built_in_loaded_or_to_be_loaded(kernel: ModuleType) -> None:
    wanted = {"dm_mod": "dm_create", "loop": "loop_configure", "dm_thin_pool": "thin_ctr"}
    symbols = "0 T dm_create\t[dm_mod]\n0 t loop_configure\n0 t thin_ctr_other\n"
    assert kernel.absent(wanted, symbols, lambda _: False) == ["dm_thin_pool"]
    assert kernel.absent(wanted, symbols, lambda name: name == "dm_thin_pool") == []


def test_node_that_lacks_a_module_is_told_which(kernel: ModuleType) -> None:
    told = kernel.complaint("volumes", "", ["dm_mod", "iscsi_tcp"])
    assert told == "volumes cannot be here, the kernel has no dm_mod, iscsi_tcp: boot one that has"


def test_container_is_refused_whatever_its_hosts_kernel_has(kernel: ModuleType) -> None:
    assert "this is a container (lxc): give" in kernel.complaint("volumes", "lxc", [])
    assert "the kernel has no dm_mod: give" in kernel.complaint("volumes", "lxc", ["dm_mod"])


def test_machine_whose_kernel_has_everything_is_taken(kernel: ModuleType) -> None:
    assert kernel.complaint("volumes", "", []) == ""


@pytest.mark.parametrize("kind", ["", "lxc"])
def test_state_asks_the_node_what_it_is(kernel: ModuleType, kind: str) -> None:
    kernel.__dict__["__salt__"] = {"machine.container": lambda: kind}
    answer = kernel.capable("it", "volumes", {})
    assert (answer["result"], answer["changes"]) == (not kind, {})
    assert ("this is a container (lxc)" in answer["comment"]) == bool(kind)
