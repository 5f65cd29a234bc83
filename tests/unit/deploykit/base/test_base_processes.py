from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from deploykit.base.processes import Process, is_dead, parse_process, this_process


def test_own_process_is_alive() -> None:
    assert not is_dead(this_process())


def test_owner_survives_the_ledger() -> None:
    owner = this_process()
    assert parse_process(owner.as_json()) == owner


def test_ended_process_is_dead_at_once() -> None:
    child = subprocess.Popen(["sleep", "30"])
    owner = _owner_of(child.pid)
    assert not is_dead(owner)
    child.kill()
    child.wait()
    assert is_dead(owner)


def test_zombie_is_dead() -> None:
    child = subprocess.Popen(["sleep", "30"])
    owner = _owner_of(child.pid)
    child.kill()
    while _stat(child.pid)[0] != "Z":
        pass
    assert is_dead(owner)
    child.wait()


def test_number_taken_by_another_process_is_dead() -> None:
    owner = this_process()
    boot, _, ticks = owner.started.rpartition(":")
    assert is_dead(replace(owner, started=f"{boot}:{int(ticks) - 1}"))


@pytest.mark.parametrize(
    "other",
    [
        {"started": f"0000-boot:{this_process().started.rpartition(':')[2]}"},
        {"space": "1"},
        {"space": ""},
    ],
    ids=["of another boot, or a cloned machine", "of another container", "of an old deploy-kit"],
)
def test_process_that_is_counted_elsewhere_is_never_known_to_be_dead(other: dict[str, str]) -> None:
    gone = replace(this_process(), pid=2**22 - 1)
    assert is_dead(gone)
    assert is_dead(replace(gone, host="the same machine under another name"))
    assert not is_dead(replace(gone, **other))


def _owner_of(pid: int) -> Process:
    me = this_process()
    boot = me.started.rpartition(":")[0]
    return replace(me, pid=pid, started=f"{boot}:{_stat(pid)[19]}")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
