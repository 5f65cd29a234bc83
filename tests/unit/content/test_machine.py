"""What a node says that it is, to states and to day 0: a container, or a machine."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import pytest
from loosemodule import module_of
from topologies import CONTAINER, MACHINE

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module on a machine that confines by AppArmor and has no KVM."""
    found = module_of(CHECKOUT / "salt/states/_modules/machine.py")
    found.__dict__["__context__"] = {}
    for name in ("CONTAINER", "APPARMOR", "KVM"):
        monkeypatch.setattr(found, name, tmp_path / name)
    (tmp_path / "APPARMOR").write_text("Y\n")
    return found


@pytest.fixture
def container(machine: ModuleType) -> ModuleType:
    """The same in a container of such a host."""
    machine.CONTAINER.write_text("lxc\n")
    return machine


def test_machine_has_no_container_and_its_kernels_apparmor(machine: ModuleType) -> None:
    told = machine.facts()
    assert (told["container"], told["apparmor"], told["kvm"]) == ("", True, False)


def test_container_tells_its_kind_and_has_no_apparmor_of_its_own(container: ModuleType) -> None:
    told = container.facts()
    assert (told["container"], told["apparmor"]) == ("lxc", False)


def test_machine_whose_kernel_has_no_apparmor_says_so(machine: ModuleType) -> None:
    machine.APPARMOR.unlink()
    assert machine.facts()["apparmor"] is False


def test_day_0_hears_the_same_of_containers(container: ModuleType) -> None:
    day0 = module_of(CHECKOUT / "ansible/playbooks/library/machine_facts.py")
    day0.CONTAINER = container.CONTAINER
    assert day0.container() == container.container() == "lxc"
    container.CONTAINER.unlink()
    assert day0.container() == container.container() == ""


def answering(version: int) -> tuple[list[int], object]:
    """What was asked of a device, and an ioctl that makes machines where `version` is KVM's."""
    asked: list[int] = []

    def ioctl(_device: int, request: int, _argument: int) -> int:
        asked.append(request)
        return version if len(asked) == 1 else os.open(os.devnull, os.O_RDONLY)

    return asked, ioctl


def test_kvm_works_where_its_device_makes_a_machine(machine: ModuleType) -> None:
    machine.KVM.touch()
    asked, ioctl = answering(12)
    assert machine.kvm_works(ioctl)
    assert asked == [0xAE00, 0xAE01]  # linux/kvm.h: the version, then a machine


def test_kvm_of_another_version_is_not_used(machine: ModuleType) -> None:
    machine.KVM.touch()
    assert not machine.kvm_works(answering(11)[1])


def test_device_without_a_driver_behind_it_is_no_kvm(machine: ModuleType) -> None:
    machine.KVM.touch()  # the kernel refuses such requests to what is no KVM
    assert not machine.kvm_works()


def test_node_without_the_device_has_no_kvm(machine: ModuleType) -> None:
    assert not machine.kvm_works()


def test_what_it_has_is_counted_once_in_a_run(machine: ModuleType) -> None:
    told = machine.facts()
    assert told["processors"] == len(os.sched_getaffinity(0))
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    assert abs(told["memory"] - pages) <= 1
    machine.CONTAINER.write_text("lxc\n")
    assert machine.facts() is told


def test_nodes_that_are_rendered_tell_what_real_ones_do(machine: ModuleType) -> None:
    assert set(CONTAINER) == set(MACHINE) == set(machine.facts())
