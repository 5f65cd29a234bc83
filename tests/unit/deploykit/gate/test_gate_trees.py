"""Speculative states in real repositories, compared with what git's own merge gives."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from deploykit.gate.builds import Conflict, Merged
from deploykit.gate.changes import Change
from deploykit.gate.trees import Remote, Trees, Unfetched

MAIN = ("alpha", "main")


class Origin:
    """A repository with `main`, and changes that stand on its first commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "-b", "main", ".")
        self.git("config", "user.name", "ann")
        self.git("config", "user.email", "ann@example.org")
        self.first = self.commit({"a": "1\n2\n3\n4\n5\n", "b": "1\n"})

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", "-C", self.folder, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, files: dict[str, str], on: str | None = None) -> str:
        if on is not None:
            self.git("checkout", "--quiet", on)
        for name, text in files.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", f"{files}")
        return self.git("rev-parse", "HEAD")

    def change(self, id: str, files: dict[str, str], on: str | None = None) -> Change:
        commit = self.commit(files, on or self.first)
        self.git("update-ref", f"refs/changes/0{id}/{id}/1", commit)
        return Change(id, "alpha", "main", commit)


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "remote" / "alpha")


@pytest.fixture
def trees(tmp_path: Path, origin: Origin) -> Trees:
    trees = Trees(tmp_path / "stores", Remote(f"file://{tmp_path}/remote/{{project}}"))
    trees.bring("alpha", {origin.first: "refs/heads/main"})
    return trees


def state(trees: Trees, origin: Origin, *changes: Change, tip: str = "") -> object:
    """The state of the last of `changes` after the others, each an item of its own."""
    by_commit = {change.commit: change for change in changes}
    for change in changes:
        trees.bring("alpha", {change.commit: f"refs/changes/0{change.id}/{change.id}/1"})
    found: object = None
    for count in range(1, len(changes) + 1):
        chain = tuple(change.commit for change in changes[:count])
        found = trees.state({MAIN: tip or origin.first}, chain, chain[-1:], by_commit)
    return found


def test_changes_that_touch_other_lines_are_merged_as_git_merges_them(
    trees: Trees, origin: Origin
) -> None:
    one = origin.change("1", {"a": "0\n2\n3\n4\n5\n"})
    two = origin.change("2", {"a": "1\n2\n3\n4\n6\n"})
    assert isinstance(state(trees, origin, one, two), Merged)
    found = trees.known({MAIN: origin.first}, (one.commit, two.commit)).commits[MAIN]
    origin.git("checkout", "--quiet", one.commit)
    origin.git("merge", "--quiet", "--no-edit", two.commit)
    assert trees.tree("alpha", found) == origin.git("rev-parse", "HEAD^{tree}")
    assert trees.changed("alpha", origin.first, found) == ("a",)


def test_change_on_the_tip_is_the_state_itself(trees: Trees, origin: Origin) -> None:
    one = origin.change("1", {"b": "2\n"})
    state(trees, origin, one)
    assert trees.known({MAIN: origin.first}, (one.commit,)).commits[MAIN] == one.commit


def test_order_of_merges_does_not_matter_to_the_digest(trees: Trees, origin: Origin) -> None:
    one, two = origin.change("1", {"a": "0\n"}), origin.change("2", {"b": "2\n"})
    assert state(trees, origin, one, two) == state(trees, origin, two, one)


def test_conflict_names_the_files(trees: Trees, origin: Origin) -> None:
    one, two = origin.change("1", {"b": "2\n"}), origin.change("2", {"b": "3\n"})
    found = state(trees, origin, one, two)
    assert isinstance(found, Conflict) and found.why == "it conflicts in b"


def test_what_stands_on_a_conflict_is_not_merged_at_all(trees: Trees, origin: Origin) -> None:
    one, two = origin.change("1", {"b": "2\n"}), origin.change("2", {"b": "3\n"})
    three = origin.change("3", {"a": "7\n"})
    assert state(trees, origin, one, two, three) is None


def test_state_is_the_same_in_another_process(trees: Trees, origin: Origin, tmp_path: Path) -> None:
    one, two = origin.change("1", {"a": "0\n"}), origin.change("2", {"b": "2\n"})
    state(trees, origin, one, two)
    again = Trees(trees.folder, trees.remote)
    state(again, origin, one, two)
    chain = (one.commit, two.commit)
    tips = {MAIN: origin.first}
    assert again.known(tips, chain) == trees.known(tips, chain)


def test_change_that_is_merged_already_adds_nothing(trees: Trees, origin: Origin) -> None:
    one = origin.change("1", {"b": "2\n"})
    assert state(trees, origin, one, tip=one.commit) == Merged(trees.digest({MAIN: one.commit}))


def test_commits_that_are_not_in_review_do_not_come_along(trees: Trees, origin: Origin) -> None:
    below = origin.commit({"b": "9\n"}, origin.first)
    two = origin.change("2", {"a": "7\n"}, on=below)
    found = state(trees, origin, two)
    assert isinstance(found, Conflict) and below[:12] in found.why


def test_history_of_its_own_is_a_conflict_and_no_crash(trees: Trees, origin: Origin) -> None:
    origin.git("checkout", "--quiet", "--orphan", "other")
    commit = origin.commit({"z": "1\n"})
    origin.git("update-ref", "refs/changes/01/1/1", commit)
    found = state(trees, origin, Change("1", "alpha", "main", commit))
    assert isinstance(found, Conflict)


def test_project_that_cannot_be_fetched_is_named(trees: Trees) -> None:
    with pytest.raises(Unfetched, match="gamma"):
        trees.bring("gamma", {"0" * 40: "refs/heads/main"})


def test_patch_set_that_moved_meanwhile_is_not_taken_for_the_old_one(
    trees: Trees, origin: Origin
) -> None:
    origin.change("1", {"b": "2\n"})
    with pytest.raises(Unfetched, match="no longer"):
        trees.bring("alpha", {"1" * 40: "refs/changes/01/1/1"})


def test_commits_of_a_build_are_kept_until_it_is_released(trees: Trees, origin: Origin) -> None:
    one, two = origin.change("1", {"a": "0\n"}), origin.change("2", {"b": "2\n"})
    state(trees, origin, one, two)
    commits = trees.known({MAIN: origin.first}, (one.commit, two.commit)).commits
    trees.hold("build", commits)
    collect = ["git", "-C", str(trees.store("alpha")), "gc", "--quiet", "--prune=now"]
    subprocess.run(collect, check=True)
    assert trees.has("alpha", commits[MAIN])
    trees.release("build", ["alpha"])
    subprocess.run(collect, check=True)
    assert not trees.has("alpha", commits[MAIN])
