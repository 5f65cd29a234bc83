"""Which commit a tag, a branch or nothing at all stands for."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gitshelf

Repo = Any


def test_here_builds_the_checked_out_commit_of_the_clone_that_holds_the_manifest(
    tmp_path: Path, run_cli: Callable[..., Any]
) -> None:
    clone = tmp_path / "clone"
    site = clone / "site"
    site.mkdir(parents=True)
    (site / "gitshelf.yml").write_text(
        "books:\n- {book: srv/salt, git: '{here}', branch: HEAD, path: salt}\n"
    )
    (clone / "salt").mkdir()
    (clone / "salt" / "top.sls").write_text("base: {}\n")
    git = ["git", "-C", str(clone), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for argv in (
        ["init", "-q"],
        ["add", "."],
        ["commit", "-qm", "x"],
        ["checkout", "-q", "HEAD~0"],
    ):
        subprocess.run([*git, *argv], check=True)
    (clone / "salt" / "top.sls").write_text("not committed\n")
    said = run_cli(
        "build", "--gitshelf", site / "gitshelf.yml", "--output", tmp_path / "k.tar", "--json"
    )
    assert said.code == 0
    (book,) = json.loads(said.out)["books"]
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True).stdout
    assert (book["commit"], book["files"]) == (head.strip(), 1)
    with tarfile.open(tmp_path / "k.tar") as archive:
        found = archive.extractfile("srv/salt/top.sls")
        assert found is not None
        assert found.read() == b"base: {}\n"


def test_tag_branch_and_annotated_tag_all_lead_to_their_commit(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    first, second = repo.commits
    repo.git("tag", "light", first)
    repo.git("-c", "user.name=t", "-c", "user.email=t@h", "tag", "-a", "-m", "x", "heavy", first)
    tag = repo.git("rev-parse", "heavy")
    lines = "".join(
        f"- {{book: b{i}, git: '{repo.url}', branch: {ref}}}\n"
        for i, ref in enumerate(["light", "heavy", tag, first, "refs/heads/master", "HEAD"])
    )
    manifest = write_manifest(f"books:\n{lines}- {{book: b6, git: '{repo.url}'}}\n")
    kit = gitshelf.build(manifest, tmp_path / "kit.tar")
    assert [b.commit for b in kit.lock.books] == [first] * 4 + [second] * 3
    assert gitshelf.verify(kit.path).lock == kit.lock
