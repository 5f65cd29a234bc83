"""Which backup leads to a moment, what goes and what stays: decided from what is there."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from loosemodule import module_of

FILE = Path(__file__).resolve().parents[3] / "salt/states/mariadb/files/backups.py"
DAY = 86400


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return module_of(FILE)


def log(number: int, size: int = 10, began: int = 0) -> dict[str, dict[str, Any]]:
    name = f"binlog.{number:06}"
    return {name: {"bytes": size, "sha256": "", "began": began or number}}


def backup(name: str, time: int, timeline: str = "a", start: int = 1) -> dict[str, Any]:
    return {"name": name, "time": time, "timeline": timeline, "log": f"binlog.{start:06}"}


def timeline(until: int, *numbers: int) -> dict[str, Any]:
    return {"until": until, "logs": {k: v for n in numbers for k, v in log(n).items()}}


def test_logs_that_go_on_after_the_last_one_kept_are_of_its_row(tool: ModuleType) -> None:
    assert tool.follows(log(7), {"binlog.000007": 7, "binlog.000008": 8})


@pytest.mark.parametrize(
    "present",
    [{"binlog.000007": 99, "binlog.000008": 100}, {"binlog.000009": 9}, {}],
    ids=["another of that name", "a gap", "none"],
)
def test_logs_of_another_row_begin_a_timeline(tool: ModuleType, present: dict[str, int]) -> None:
    assert not tool.follows(log(7), present)
    assert not tool.follows({}, present)


def test_backup_leads_to_the_end_of_its_logs(tool: ModuleType) -> None:
    assert tool.reaches(backup("x", 100, start=2), {"a": timeline(500, 1, 2, 3)}) == 500


@pytest.mark.parametrize("numbers", [(1, 3), (3, 4), ()], ids=["a gap", "no first", "none"])
def test_backup_whose_logs_have_a_gap_leads_to_itself_alone(
    tool: ModuleType, numbers: tuple[int, ...]
) -> None:
    one = backup("x", 100, start=numbers[0] if numbers == (1, 3) else 2)
    assert tool.reaches(one, {"a": timeline(500, *numbers)}) == 100
    assert tool.reaches(one, {}) == 100


def test_newest_backup_before_the_moment_is_chosen(tool: ModuleType) -> None:
    backups = [backup("x", 100), backup("y", 200, start=2), backup("z", 300, start=3)]
    timelines = {"a": timeline(400, 1, 2, 3)}
    assert tool.chosen(backups, timelines, 299)["name"] == "y"
    assert tool.chosen(backups, timelines, 300)["name"] == "z"
    assert tool.chosen(backups, timelines, None)["name"] == "z"


def test_moment_after_a_restore_is_reached_from_its_own_row_only(tool: ModuleType) -> None:
    """Until 300 the first row; then the way back, and a second one without a backup before 350."""
    backups = [backup("x", 100), backup("y", 350, timeline="b")]
    timelines = {"a": timeline(300, 1), "b": timeline(500, 1)}
    assert tool.chosen(backups, timelines, 250)["name"] == "x"
    assert tool.chosen(backups, timelines, 400)["name"] == "y"
    with pytest.raises(tool.Failed, match="no backup leads to"):
        tool.chosen(backups, timelines, 320)


def test_nothing_to_choose_from_is_told(tool: ModuleType) -> None:
    with pytest.raises(tool.Failed, match="there is no backup"):
        tool.chosen([], {}, None)


def test_old_backups_go_and_the_least_stay(tool: ModuleType) -> None:
    backups = [backup(name, place * DAY) for place, name in enumerate("abcd")]
    assert tool.outdated(backups, now=10 * DAY, keep=8.5 * DAY, least=2) == ["a", "b"]
    assert tool.outdated(backups, now=100 * DAY, keep=DAY, least=2) == ["a", "b"]
    assert tool.outdated(backups, now=100 * DAY, keep=DAY, least=5) == []


def test_logs_that_no_backup_needs_go_but_the_last_of_the_row(tool: ModuleType) -> None:
    timelines = {"a": timeline(1, 1, 2), "b": timeline(2, 1, 2, 3, 4)}
    backups = [backup("x", 1, timeline="b", start=3)]
    assert tool.spare_logs(backups, timelines, "b") == [
        *(("a", "binlog.000001"), ("a", "binlog.000002")),
        *(("b", "binlog.000001"), ("b", "binlog.000002")),
    ]
    assert ("b", "binlog.000004") not in tool.spare_logs([], timelines, "b")


def test_logs_that_take_too_much_go_the_oldest_first(tool: ModuleType) -> None:
    timelines = {"a": timeline(1, 1), "b": timeline(2, 1, 2)}
    assert tool.too_much(timelines, 30, "b") == []
    assert tool.too_much(timelines, 20, "b") == [("a", "binlog.000001")]
    assert tool.too_much(timelines, 0, "b") == [("a", "binlog.000001"), ("b", "binlog.000001")]


def test_name_of_a_backup_is_its_time(tool: ModuleType) -> None:
    assert tool.stamp(tool.moment_of("20261129T080000Z")) == "20261129T080000Z"
    with pytest.raises(tool.Failed, match="not a time"):
        tool.moment_of("yesterday")


def test_head_of_a_log_tells_when_it_was_begun(tool: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "binlog.000001"
    file.write_bytes(b"\xfebin" + (1795936003).to_bytes(4, "little") + b"\x0f")
    assert tool.began(file) == 1795936003


@pytest.fixture
def sender(tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Backups with something to send; `rsync` runs here, its ssh writes to a folder `elsewhere`."""
    monkeypatch.setattr(tool, "FOLDER", tmp_path / "kept")
    (tmp_path / "kept/full/20261129T080000Z").mkdir(parents=True)
    (tmp_path / "kept/full/20261129T080000Z/data.tar.gz").write_text("all of it")
    ssh = tmp_path / "bin/ssh"
    ssh.parent.mkdir()
    # What stands before the host are options and their values; behind it what runs there.
    ssh.write_text(
        '#!/bin/bash\necho "$*" >>"$OUT.calls"\n'
        'while [[ $1 != rsync ]]; do shift; done\nexec "$@"\n'
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", str(ssh.parent), prepend=":")
    monkeypatch.setenv("OUT", str(tmp_path / "ssh"))

    def make(recipients: list[str], host: str = "nas.example.org") -> Any:
        copies = {"to": f"keep@{host}:{tmp_path / 'elsewhere'}", "recipients": recipients}
        copies["host_key"] = "ssh-ed25519 AAAA"
        return tool.Backups({"node": "one", "addresses": ["10.0.0.11"], "copies": copies})

    return make


def test_copies_that_leave_the_region_are_encrypted(sender: Any, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True, timeout=60)
    public = key.read_text().split("public key: ")[1].split()[0]
    sender([public]).send()
    (sent,) = (tmp_path / "elsewhere").rglob("data.tar.gz*")
    assert sent == tmp_path / "elsewhere/one/full/20261129T080000Z/data.tar.gz.age"
    assert b"all of it" not in sent.read_bytes()
    plain = subprocess.run(
        ["age", "-d", "-i", key, sent], check=True, capture_output=True, timeout=60
    ).stdout
    assert plain == b"all of it"
    assert "StrictHostKeyChecking=yes" in (tmp_path / "ssh.calls").read_text()


def test_copy_is_sent_once(sender: Any, tmp_path: Path) -> None:
    sender([], "10.0.0.11").send()
    (sent,) = (tmp_path / "elsewhere").rglob("data.tar.gz")
    sent.unlink()
    sender([], "10.0.0.11").send()
    assert not sent.exists()


def test_copy_in_plain_goes_to_nodes_of_the_region_only(
    sender: Any, tool: ModuleType, tmp_path: Path
) -> None:
    with pytest.raises(tool.Failed, match=r"nas\.example\.org is no node of this region"):
        sender([]).send()
    assert not (tmp_path / "elsewhere").exists()
