"""The hooks of `make hooks`, run by real git: a commit's Change-Id, and lint of what is pushed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TRAILER = re.compile(r"^Change-Id: I[0-9a-f]{40}$", re.MULTILINE)
ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Kim",
    "GIT_AUTHOR_EMAIL": "kim@example.org",
    "GIT_COMMITTER_NAME": "Kim",
    "GIT_COMMITTER_EMAIL": "kim@example.org",
    "GIT_EDITOR": "true",
    "LC_ALL": "C.UTF-8",
}


class Clone:
    """A repository with the hooks and the Makefile of this one, and a remote."""

    def __init__(self, folder: Path, checkout: Path) -> None:
        self.folder, self.checkout = folder, checkout
        self.remote = folder.with_name("remote.git")
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("init", "--quiet", "--bare", str(self.remote))
        self.git("remote", "add", "origin", str(self.remote))
        shutil.copytree(checkout / ".githooks", folder / ".githooks")
        shutil.copy(checkout / "Makefile", folder)
        shutil.copy(checkout / "pyproject.toml", folder)
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", "before there were hooks")
        self.git("push", "--quiet", "origin", "main")

    def call(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.folder,
            env={**os.environ, **ENVIRONMENT, **env},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def git(self, *words: str, **env: str) -> str:
        done = self.call("git", *words, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        self.git("add", name)

    def commit(self, message: str, *words: str) -> str:
        """Commit whatever is staged; the whole message that it has then."""
        self.git("commit", "--quiet", "--allow-empty", *words, "-m", message)
        return self.message()

    def message(self) -> str:
        return self.git("log", "-1", "--format=%B").strip()


@pytest.fixture
def clone(tmp_path: Path, checkout: Path) -> Clone:
    clone = Clone(tmp_path / "clone", checkout)
    assert clone.call("make", "hooks").returncode == 0
    return clone


def test_commit_gets_a_change_id_of_its_own_below_its_text(clone: Clone) -> None:
    first = clone.commit("one\n\nwhy it is so\n\n---\nnot a patch\n\nCloses-Bug: 7")
    second = clone.commit("one")
    assert TRAILER.search(first.splitlines()[-1]) and first.splitlines()[-2] == "Closes-Bug: 7"
    assert second.splitlines()[1] == ""
    assert TRAILER.findall(first) != TRAILER.findall(second)
    assert len(TRAILER.findall(first)) == len(TRAILER.findall(second)) == 1


def test_amended_commit_is_the_same_change(clone: Clone) -> None:
    before = clone.commit("one")
    clone.write("file", "x")
    clone.git("commit", "--quiet", "--amend", "--no-edit")
    assert clone.message() == before


def test_commit_in_a_worktree_gets_one_too(clone: Clone, tmp_path: Path) -> None:
    clone.git("worktree", "add", "--quiet", str(tmp_path / "other"))
    clone.folder = tmp_path / "other"
    assert TRAILER.search(clone.commit("there"))


@pytest.mark.parametrize("message", ["fixup! one", "squash! one"])
def test_commit_that_a_rebase_melts_into_another_gets_none(clone: Clone, message: str) -> None:
    assert clone.commit(message) == message


def test_clone_that_wants_none_gets_none(clone: Clone) -> None:
    clone.git("config", "gerrit.createChangeId", "no")
    assert clone.commit("one") == "one"


def test_message_that_was_left_empty_still_stops_the_commit(clone: Clone) -> None:
    clone.write("file", "x")
    done = clone.call("git", "commit", "--verbose", GIT_EDITOR="true")
    assert done.returncode != 0 and "empty commit message" in done.stderr


def test_hooks_of_somebody_else_are_not_put_aside(clone: Clone) -> None:
    clone.git("config", "core.hooksPath", "/etc/hooks")
    done = clone.call("make", "hooks")
    assert done.returncode != 0 and "/etc/hooks already" in done.stderr
    assert clone.git("config", "core.hooksPath") == "/etc/hooks\n"


def with_ruff(clone: Clone) -> None:
    (clone.folder / ".venv").symlink_to(clone.checkout / ".venv")


def test_push_of_a_file_that_lint_refuses_is_stopped_and_says_where(clone: Clone) -> None:
    with_ruff(clone)
    clone.write("bad name.py", "import os\n")
    clone.commit("bad")
    clone.write("good.py", "x = 1\n")
    clone.commit("good")
    done = clone.call("git", "push", "origin", "main")
    assert done.returncode != 0
    assert "F401" in done.stderr and "bad name.py" in done.stderr
    assert "good.py" not in done.stderr
    assert clone.git("rev-parse", "origin/main") != clone.git("rev-parse", "main")
    clone.git("push", "--quiet", "--no-verify", "origin", "main")


def test_push_is_judged_by_what_is_committed_and_only_by_what_is_new(clone: Clone) -> None:
    with_ruff(clone)
    clone.write("old.py", "import os\n")
    clone.commit("old")
    clone.git("push", "--quiet", "--no-verify", "origin", "main")
    clone.write("new.py", "x = 1\n")
    clone.commit("new")
    (clone.folder / "new.py").write_text("import os\n")
    clone.git("push", "--quiet", "origin", "main")
    clone.git("rm", "--quiet", "old.py")
    clone.commit("gone")
    clone.git("push", "--quiet", "origin", "main")
    clone.git("push", "--quiet", "origin", "main:other")
    clone.git("push", "--quiet", "origin", ":other")


def test_push_of_a_file_that_is_not_formatted_is_stopped(clone: Clone) -> None:
    with_ruff(clone)
    clone.write("ugly.py", "x  =  1\n")
    clone.commit("ugly")
    done = clone.call("git", "push", "origin", "main")
    assert done.returncode != 0 and "ruff format ugly.py" in done.stderr


def test_push_for_review_wants_a_change_id_in_every_commit(clone: Clone) -> None:
    with_ruff(clone)
    clone.commit("without", "--no-verify")
    clone.commit("with")
    done = clone.call("git", "push", "origin", "HEAD:refs/for/main")
    assert done.returncode != 0
    assert "without: no Change-Id" in done.stderr and " with:" not in done.stderr
    clone.git("push", "--quiet", "origin", "main")  # which is for nobody to review


def test_push_without_a_virtual_environment_goes_through_and_says_so(clone: Clone) -> None:
    clone.write("bad.py", "import os\n")
    clone.commit("bad")
    done = clone.call("git", "push", "origin", "main")
    assert done.returncode == 0 and "not linted" in done.stderr


def test_review_file_is_one_that_git_review_reads(checkout: Path) -> None:
    words = ["git", "config", "--file", str(checkout / ".gitreview"), "--list"]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
    keys = dict(line.split("=", 1) for line in said.splitlines())
    assert {"gerrit.host", "gerrit.port", "gerrit.project", "gerrit.defaultbranch"} == set(keys)
    assert keys["gerrit.defaultbranch"] == "main"
