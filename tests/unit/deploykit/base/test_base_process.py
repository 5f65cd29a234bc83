"""The one place that starts programs: time limits, output, failures."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from deploykit.base import process
from deploykit.base.errors import CommandFailed
from deploykit.base.process import run


def test_output_goes_to_log_lines_and_result(tmp_path: Path) -> None:
    seen: list[str] = []
    log = tmp_path / "log"
    result = run(
        ["sh", "-c", "echo one; echo two >&2; cat"],
        timeout=10, input="three\n", log=log, on_line=seen.append,
    )  # fmt: skip
    assert (result.stdout, result.stderr) == ("one\nthree\n", "two\n")
    assert seen == ["one", "three"]
    assert "two\n" in log.read_text(encoding="utf-8")


def test_failure_carries_the_last_lines_and_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(CommandFailed) as caught:
        run(["sh", "-c", "echo because >&2; exit 3"], timeout=10, log=log)
    assert "exit status 3" in caught.value.message
    assert "because" in caught.value.remedy
    assert str(log) in caught.value.remedy


def test_missing_program_is_told() -> None:
    with pytest.raises(CommandFailed, match="cannot start no-such-program"):
        run(["no-such-program"], timeout=10)


def test_program_out_of_time_dies_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    began = time.monotonic()
    with pytest.raises(CommandFailed, match="did not finish within 1 s"):
        run(["sh", "-c", f"(sleep 3; touch {mark}) & sleep 60"], timeout=1)
    assert time.monotonic() - began < 10
    time.sleep(3)
    assert not mark.exists()


def test_program_that_wants_no_input_is_no_failure() -> None:
    assert run(["true"], timeout=10, input="x" * 1_000_000).returncode == 0


def test_program_ends_with_its_children_once_it_may_not_go_on(tmp_path: Path) -> None:
    mark, asked = tmp_path / "mark", []

    def still() -> None:
        asked.append(time.monotonic())
        if len(asked) == 3:
            raise InterruptedError("it is another's")

    with pytest.raises(InterruptedError):
        run(["sh", "-c", f"(sleep 6; touch {mark}) & sleep 60"], timeout=60, still=still)
    assert time.monotonic() - asked[0] < 20
    time.sleep(3)
    assert not mark.exists()


def test_program_that_may_not_start_does_not(tmp_path: Path) -> None:
    def never() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        run(["touch", tmp_path / "mark"], timeout=20, still=never)
    assert not list(tmp_path.iterdir())
    asked: list[None] = []
    assert run(["true"], timeout=20, still=lambda: asked.append(None)).returncode == 0
    assert asked


@pytest.mark.parametrize("what", ["yes $(seq 999)", "seq 999999 | tr -d '\\n'; sleep 60"])
@pytest.mark.parametrize("where", ["1", "2"])
def test_program_that_prints_without_end_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, where: str
) -> None:
    """It may be the code of a release, which could fill this machine's memory and disk."""
    monkeypatch.setattr(process, "MOST", 2 * 2**20)
    log, mark = tmp_path / "log", tmp_path / "mark"
    began = time.monotonic()
    with pytest.raises(CommandFailed, match=r"sh .* printed more than 2 MiB and was ended"):
        run(["sh", "-c", f"(sleep 3; touch {mark}) & ({what}) >&{where}"], timeout=40, log=log)
    assert time.monotonic() - began < 30
    assert log.stat().st_size < 3 * 2**20
    time.sleep(3)
    assert not mark.exists()


def test_line_that_is_too_long_is_taken_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LONGEST", 100)
    told: list[str] = []
    line = "x" * 250
    assert run(["echo", line], timeout=10, on_line=told.append).stdout == f"{line}\n"
    assert told == ["x" * 100, "x" * 100, "x" * 50]
