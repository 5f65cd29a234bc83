"""What status and diff say of a shelf."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inclone import sh

Repo = Any
Cli = Callable[..., Any]
Manifest = Callable[[str], Path]


def test_clean_shelf_is_clean(installed: Path, run_cli: Cli) -> None:
    said = run_cli("status", "--gitshelf", installed)
    assert (said.code, said.out) == (0, f"{installed}: 4 books, 0 differ\n")
    assert (run_cli("diff", "--gitshelf", installed).code) == 0
    assert json.loads(run_cli("status", "--gitshelf", installed, "--json").out)["clean"] is True


def change_file(shelf: Path) -> str:
    (shelf / "b" / "README").write_text("mine\n")
    return "b: changed: README"


def stage_file(shelf: Path) -> str:
    (shelf / "b" / "new").write_text("mine\n")
    sh(shelf / "b", "add", "new")
    return "b: changed: new"


def remove_file(shelf: Path) -> str:
    (shelf / "b" / "README").unlink()
    return "b: changed: README"


def change_mode(shelf: Path) -> str:
    (shelf / "b" / "README").chmod(0o755)
    return "b: changed: README"


def add_untracked(shelf: Path) -> str:
    (shelf / "b" / "new").write_text("mine\n")
    return "b: untracked: new"


def move_head(shelf: Path) -> str:
    sh(shelf / "b", "checkout", "-q", "--detach", "HEAD^")
    return "b: is at "


def remove_book(shelf: Path) -> str:
    shutil.rmtree(shelf / "b")
    return "b: not installed"


def replace_book(shelf: Path) -> str:
    shutil.rmtree(shelf / "b" / ".git")
    return "b: not a git clone"


def break_book(shelf: Path) -> str:
    (shelf / "b" / ".git" / "HEAD").write_text("nonsense\n")
    return "b: cannot be read: "


def remove_link(shelf: Path) -> str:
    (shelf / "l").unlink()
    return "l: not installed"


@pytest.mark.parametrize(
    "drift",
    [
        change_file,
        stage_file,
        remove_file,
        change_mode,
        add_untracked,
        move_head,
        remove_book,
        replace_book,
        break_book,
        remove_link,
    ],
)
def test_original_bug_status_exited_0_on_drift(
    installed: Path, run_cli: Cli, shelf: Path, drift: Callable[[Path], str]
) -> None:
    expected = drift(shelf)
    said = run_cli("status", "--gitshelf", installed)
    assert said.code == 1
    assert expected in said.out
    assert said.out.endswith("4 books, 1 differ\n")
    books = json.loads(run_cli("status", "--gitshelf", installed, "--json").out)["books"]
    assert [one["book"] for one in books if not one["clean"]] == [expected.split(":")[0]]


def test_touched_and_ignored_files_are_no_drift(installed: Path, run_cli: Cli, shelf: Path) -> None:
    os.utime(shelf / "a" / "README", (1, 1))
    (shelf / "a" / ".git" / "info" / "exclude").write_text("*.pyc\n")
    (shelf / "a" / "x.pyc").write_text("")
    assert run_cli("status", "--gitshelf", installed).code == 0


def test_line_endings_are_judged_as_git_does(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    repo.commit({b".gitattributes": b"* text=auto eol=crlf\n", b"f": b"one\ntwo\n"})
    manifest = write_manifest(f"books:\n- {{book: a, git: '{repo.url}'}}\n")
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "a" / "f").read_bytes() == b"one\r\ntwo\r\n"
    assert run_cli("status", "--gitshelf", manifest).code == 0
    os.utime(shelf / "a" / "f", (1, 1))  # git has to read the file again
    assert run_cli("status", "--gitshelf", manifest).code == 0
    (shelf / "a" / "f").write_bytes(b"one\nthree\n")
    assert run_cli("status", "--gitshelf", manifest).code == 1


def test_commit_that_is_not_pushed_is_drift(installed: Path, run_cli: Cli, shelf: Path) -> None:
    (shelf / "b" / "README").write_text("mine\n")
    sh(shelf / "b", "commit", "-qam", "mine")
    said = run_cli("status", "--gitshelf", installed)
    assert (said.code, "b: is at" in said.out) == (1, True)
    assert "+mine" in run_cli("diff", "--gitshelf", installed).out


def test_original_bug_diff_stopped_at_the_first_dirty_book(
    installed: Path, run_cli: Cli, shelf: Path
) -> None:
    for name in "abc":
        (shelf / name / "README").write_bytes(b"mine \xff " + name.encode() + b"\n")
    done = subprocess.run(
        ["git", "-C", shelf / "c", "checkout", "-q", "--detach", "HEAD^", "-f"], timeout=60
    )
    assert done.returncode == 0
    said = run_cli("diff", "--gitshelf", installed, "--json")
    assert said.code == 1
    found = {one["book"]: one["diff"] for one in json.loads(said.out)["books"]}
    assert sorted(found) == ["a", "b", "c"]
    assert "-two\n+mine \ufffd a\n" in found["a"]
    assert "-two\n+one\n" in found["c"]


def test_diff_prints_a_patch_per_book(installed: Path, run_cli: Cli, shelf: Path) -> None:
    for name in "ab":
        (shelf / name / "README").write_text(f"mine {name}\n")
    said = run_cli("diff", "--gitshelf", installed)
    assert said.code == 1
    assert said.out.index("# book a: ") < said.out.index("+mine a") < said.out.index("# book b: ")
    assert "+mine b" in said.out


def test_glance_says_clean_only_where_git_does(installed: Path, run_cli: Cli, shelf: Path) -> None:
    from gitshelf.shelf import quick

    clone = shelf / "a"
    readme = clone / "README"
    nothing: frozenset[str] = frozenset()
    index = clone / ".git" / "index"
    os.utime(index, ns=(0, index.stat().st_mtime_ns + 10**9))
    facts = quick.facts_if_clean(clone, nothing)
    assert facts is not None
    assert (facts.commit, facts.branch) == (sh(clone, "rev-parse", "HEAD"), "master")
    before = readme.stat()
    readme.write_bytes(b"TWO\n")  # as long as before, and as old
    os.utime(readme, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert quick.facts_if_clean(clone, nothing) is None
    readme.write_bytes(b"two\n")
    index.unlink()  # within a second, git itself would not look at the file again
    sh(clone, "read-tree", "HEAD")
    sh(clone, "update-index", "--refresh")
    os.utime(index, ns=(0, readme.stat().st_mtime_ns))  # racy, as git calls it
    assert quick.facts_if_clean(clone, nothing) is None
    os.utime(index, ns=(0, readme.stat().st_mtime_ns + 1))
    assert quick.facts_if_clean(clone, nothing) is not None
    (clone / "a" / "new").write_text("")
    assert quick.facts_if_clean(clone, nothing) is None
    assert quick.facts_if_clean(clone, frozenset({"a/new"})) is not None
    (clone / "a" / "new").unlink()
    sh(clone, "rm", "-q", "--cached", "a/empty")
    (clone / "a" / "empty").unlink()
    assert quick.facts_if_clean(clone, nothing) is None
