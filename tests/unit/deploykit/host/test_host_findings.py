"""What doctor makes of a machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError
from deploykit.doctor import demand
from deploykit.host import machine
from deploykit.host.finding import Level, ok, problem, warning
from deploykit.host.network import firewall_findings


def test_docker_rules_are_a_problem_with_its_own_chain_as_remedy() -> None:
    rules = ["-P INPUT ACCEPT", "-P FORWARD DROP", "-N DOCKER-USER", "-A FORWARD -j DOCKER-USER"]
    (found,) = firewall_findings(rules, bridges_filtered=True, forwarding=True)
    assert found.level is Level.PROBLEM
    assert "between nodes" in found.detail
    assert "iptables -I DOCKER-USER -i dk+ -j ACCEPT" in found.remedy


def test_rules_that_let_the_bridges_through_are_fine() -> None:
    rules = ["-P FORWARD DROP", "-A FORWARD -i dk+ -j ACCEPT", "-A FORWARD -o dk+ -j ACCEPT"]
    assert [
        found.level for found in firewall_findings(rules, bridges_filtered=True, forwarding=True)
    ] == [Level.OK]


def test_closed_input_and_no_forwarding_are_told() -> None:
    found = firewall_findings(
        ["-P INPUT DROP", "-P FORWARD ACCEPT"], bridges_filtered=False, forwarding=False
    )
    assert [one.level for one in found] == [Level.PROBLEM, Level.PROBLEM]
    assert "DHCP" in found[0].detail
    assert "sysctl" in found[1].remedy


@pytest.mark.parametrize(
    ("user", "groups", "sudo", "level"),
    [
        (0, "root", True, Level.OK),
        (1000, "me lxd", True, Level.OK),
        (1000, "me", True, Level.WARNING),
        (1000, "me lxd", False, Level.WARNING),
        (1000, "me", False, Level.PROBLEM),
    ],
)
def test_rights(user: int, groups: str, sudo: bool, level: Level) -> None:
    assert machine.check_rights(user, groups, sudo).level is level


@pytest.mark.parametrize(
    ("total", "free", "level"),
    [(24, 20, Level.OK), (24, 0.5, Level.WARNING), (6, 5, Level.WARNING), (2, 2, Level.PROBLEM)],
)
def test_memory(tmp_path: Path, total: float, free: float, level: Level) -> None:
    file = tmp_path / "meminfo"
    kib = 1024 * 1024
    file.write_text(f"MemTotal: {int(total * kib)} kB\nMemAvailable: {int(free * kib)} kB\n")
    assert machine.check_memory(file).level is level


@pytest.mark.parametrize(
    ("free", "level"), [(100, Level.OK), (15, Level.WARNING), (5, Level.PROBLEM)]
)
def test_disk_of_a_folder_that_is_not_there_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: Level
) -> None:
    monkeypatch.setattr(
        machine.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free * 2**30})
    )
    assert machine.check_disk("nodes", tmp_path / "not" / "there").level is level


def test_other_system_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "os-release"
    file.write_text('ID=ubuntu\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04"\n')
    found = machine.check_system(file)
    assert found.level is Level.PROBLEM
    assert "Ubuntu 24.04" in found.detail


def test_missing_tool_names_its_package() -> None:
    found = machine.check_tools({"no-such-tool": "its-package", "sh": "dash"})
    assert found.level is Level.PROBLEM
    assert "no-such-tool" in found.detail
    assert "its-package" in found.remedy
    assert "dash" not in found.remedy


@pytest.mark.parametrize(
    ("off", "why", "level", "said"),
    [
        (False, "", Level.OK, "in one"),
        (False, "the program bwrap is missing", Level.PROBLEM, "bwrap is missing"),
        (True, "", Level.WARNING, "DEPLOY_KIT_SANDBOX=off"),
    ],
)
def test_machine_without_sandbox_is_a_problem_and_one_turned_off_is_told(
    off: bool, why: str, level: Level, said: str
) -> None:
    found = machine.check_sandbox(off, why)
    assert found.level is level and said in found.detail


def test_missing_range_of_ids_is_a_problem(tmp_path: Path) -> None:
    good, bad = tmp_path / "subuid", tmp_path / "subgid"
    good.write_text("root:100000:10000001\n")
    bad.write_text("me:100000:65536\nroot:100000:1000\n")
    assert machine.check_ids((good,)).level is Level.OK
    assert machine.check_ids((good, bad)).level is Level.PROBLEM


def test_low_limits_are_found(tmp_path: Path) -> None:
    for name, value in (("fs/inotify/max_user_instances", 128), ("kernel/keys/maxkeys", 9999)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{value}\n")
    assert machine.low_limits(tmp_path) == {"fs.inotify.max_user_instances": 1024}


def test_all_problems_are_told_at_once_and_warnings_do_not_stop() -> None:
    demand([ok("a", "fine"), warning("b", "so so", "maybe")])
    with pytest.raises(DeployKitError) as caught:
        demand([problem("disk", "full", "empty it"), warning("b", "so so", "maybe"),
                problem("rights", "none", "ask root")])  # fmt: skip
    assert "full" in caught.value.message
    assert "none" in caught.value.message
    assert caught.value.remedy.splitlines() == ["disk: empty it", "rights: ask root"]
