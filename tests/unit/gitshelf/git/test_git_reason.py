"""Why git failed, in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
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


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (
            "fatal: bad config line 11 in file /x/.git/config",
            "bad config line 11 in file /x/.git/c",
        ),
        ("git@x.example: Permission denied (publickey).", "git@x.example: Permission denied"),
        (
            "Warning: Permanently added 'x.example' (ED25519) to the list of known hosts.\n"
            "ERROR: Repository not found.",
            "Repository not found.",
        ),
        ("", "Could not read from remote repository."),
    ],
)
def test_reason_is_what_the_other_end_says_and_not_that_there_is_one(
    before: str, why: str, tmp_path: Path
) -> None:
    output = (
        f"{before}\nfatal: Could not read from remote repository.\n\n"
        "Please make sure you have the correct access rights\nand the repository exists.\n"
    )
    assert git.reason(output, tmp_path).startswith(why)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("[core\n", "bad config line"),
        (
            "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tfoo = true\n",
            "unknown repository",
        ),
    ],
)
def test_source_whose_own_configuration_is_broken_is_named_with_the_cause(
    repo: Any, write_manifest: Any, run_cli: Any, broken: str, why: str
) -> None:
    with (repo.path / "config").open("a") as file:
        file.write(broken)
    said = run_cli(
        *("build", "--output", repo.path.parent / "kit.tar", "--gitshelf"),
        write_manifest(f"books: [{{book: a, git: '{repo.url}'}}]"),
    )
    assert said.code == 2
    assert why in said.err
