"""Why git failed, in one line."""

from __future__ import annotations

from pathlib import Path

from smalldisk import small_disk

from gitshelf import git


def test_full_disk_is_said_where_git_does_not_say_it(tmp_path: Path) -> None:
    silent = "fatal: could not set 'core.bare' to 'false'\n"
    said = silent.removeprefix("fatal: ").strip()
    assert git.reason(silent, tmp_path / "new" / "clone") == said
    with small_disk(tmp_path / "small", "64k") as disk:
        assert git.reason(silent, disk / "new") == f"{said}: No space left on device"
        told = "error: write: No space left on device\n"
        assert git.reason(told, disk) == "write: No space left on device"
