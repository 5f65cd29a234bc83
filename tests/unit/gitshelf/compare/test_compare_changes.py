"""`changes`: what happened between two manifests, locks or kits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError
from gitshelf.compare.comparison import parse_commit

import gitshelf

Repo = Any
Cli = Callable[..., Any]
BUG = "Fix *it*\n\nCloses-Bug: #1234\nChange-Id: I" + "a" * 40


def say(repo: Repo, message: str, author: str = "Ann", branch: str = "master") -> str:
    """Commit the same tree once more with a message, and give the id."""
    new = repo.git(
        *("-c", f"user.name={author}", "-c", "user.email=a@example.org"),
        *("commit-tree", f"{branch}^{{tree}}", "-p", branch, "-m", message),
    )
    repo.git("update-ref", f"refs/heads/{branch}", new)
    return new


@pytest.fixture
def two(repo: Repo, tmp_path: Path) -> tuple[Path, Path, str]:
    """Two manifests, two commits apart, and the newer pin."""
    new = say(repo, BUG, "Bob")
    old, now = tmp_path / "old.yml", tmp_path / "new.yml"
    text = "books:\n- book: a\n  git: {}\n  branch: {}\n"
    old.write_text(text.format(repo.url, repo.commits[0]))
    now.write_text(text.format(repo.url, new) + f"- {{book: b, git: '{repo.url}'}}\n")
    return old, now, new


def test_changes_of_manifests_list_commits_authors_change_ids_and_bugs(
    two: tuple[Path, Path, str], repo: Repo, run_cli: Cli
) -> None:
    old, now, new = two
    said = run_cli("changes", old, now, "--json")
    assert said.code == 0, said.err
    one, added = json.loads(said.out)["books"]
    assert (one["book"], one["kind"]) == ("a", "changed")
    assert (one["old"], one["new"]) == (repo.commits[0], new)
    assert [change["commit"] for change in one["commits"]] == [new, repo.commits[1]]
    assert one["authors"] == ["Bob", "T"]
    assert one["commits"][0]["change_ids"] == ["I" + "a" * 40]
    assert one["commits"][0]["closes"] == ["1234"]
    assert one["taken_back"] == []
    assert (added["book"], added["kind"], added["new"]) == ("b", "added", new)
    assert one["commits"][0]["address"] == "a@example.org"
    text = run_cli("changes", old, now).out
    assert "a: " in text
    assert "2 commits by Bob, T" in text
    assert f"Bob: Fix *it*  Closes-Bug: 1234  Change-Id: I{'a' * 40}" in text
    markdown = run_cli("changes", old, now, "--markdown").out
    assert markdown.startswith("## a\n\n")
    assert rf"- {new[:12]} Fix \*it\* (Bob; Closes-Bug: 1234; Change-Id: I{'a' * 40})" in markdown
    assert run_cli("changes", now, now).out == "no changes\n"


def test_changes_of_kits_locks_and_folders_are_those_of_their_manifests(
    two: tuple[Path, Path, str], run_cli: Cli, tmp_path: Path
) -> None:
    old, now, _ = two
    gitshelf.build(old, tmp_path / "old.tar.gz")
    gitshelf.build(now, tmp_path / "new.tar")
    gitshelf.extract(tmp_path / "new.tar", tmp_path / "unpacked")
    wanted = gitshelf.changes(old, now)
    assert len(wanted) == 2
    for one in ("new.tar", "unpacked", "unpacked/KIT/lock.json"):
        assert gitshelf.changes(tmp_path / "old.tar.gz", tmp_path / one) == wanted
    lock = tmp_path / "lock.json"
    lock.write_bytes((tmp_path / "unpacked/KIT/lock.json").read_bytes())
    assert gitshelf.changes(old, lock)[0] == wanted[0]
    (tmp_path / "old.tar.gz").write_bytes(b"\x1f\x8b nonsense")
    said = run_cli("changes", tmp_path / "old.tar.gz", now)
    assert said.code == 1
    assert "old.tar.gz" in said.err


def test_changes_backwards_are_taken_back_and_removed(two: tuple[Path, Path, str]) -> None:
    old, now, new = two
    one, removed = gitshelf.changes(now, old)
    assert one.commits == ()
    assert one.taken_back[0].commit == new
    assert removed.kind == "removed"


def test_changes_whole_list_all_commits_of_a_book_that_is_new(
    two: tuple[Path, Path, str], repo: Repo
) -> None:
    old, now, new = two
    _, plain = gitshelf.changes(old, now)
    _, added = gitshelf.changes(old, now, whole=True)
    assert (plain.commits, added.kind) == ((), "added")
    assert [change.commit for change in added.commits] == [new, *reversed(repo.commits)]


def test_changes_of_a_folder_are_only_its_commits(repo: Repo, tmp_path: Path) -> None:
    new = repo.commit({b"README": b"3", b"a/run": b"3"})
    newest = repo.commit({b"README": b"4", b"a/run": b"3"})
    files = []
    for pin in (repo.commits[1], newest):
        files.append(tmp_path / f"{pin}.yml")
        files[-1].write_text(f"books:\n- {{book: a, git: '{repo.url}', branch: {pin}, path: a}}\n")
    (one,) = gitshelf.changes(*files)
    assert [change.commit for change in one.commits] == [new]


def test_changes_of_a_book_whose_folder_moved_are_listed_though_there_be_none(
    repo: Repo, tmp_path: Path
) -> None:
    moved = repo.commit({b"README": b"3", b"b/run": b"3"})
    newest = repo.commit({b"README": b"4", b"b/run": b"3"})
    files = [tmp_path / "old.yml", tmp_path / "new.yml"]
    for file, pin, path in zip(files, (moved, newest), ("", ", path: b"), strict=True):
        file.write_text(f"books:\n- {{book: a, git: '{repo.url}', branch: {pin}{path}}}\n")
    (one,) = gitshelf.changes(*files)
    assert (one.commits, one.taken_back, one.listed) == ((), (), True)
    assert one.note == "its folder was ., now it is b"


def test_changes_whole_list_all_commits_of_a_book_that_was_a_link(
    repo: Repo, tmp_path: Path
) -> None:
    files = [tmp_path / "old.yml", tmp_path / "new.yml"]
    files[0].write_text("books:\n- {book: a, link: b}\n")
    files[1].write_text(f"books:\n- {{book: a, git: '{repo.url}', branch: {repo.commits[1]}}}\n")
    (one,) = gitshelf.changes(*files, whole=True)
    assert (one.kind, one.old, one.listed) == ("changed", "b", True)
    assert [change.commit for change in one.commits] == [*reversed(repo.commits)]


def test_changes_of_a_book_list_those_of_the_submodules_that_it_includes(
    repo: Repo, make_repo: Callable[..., Repo], tmp_path: Path, run_cli: Cli
) -> None:
    outer = make_repo("outer")

    def at(*names: str) -> dict[bytes, Any]:
        modules = b"".join(
            f'[submodule "{name}"]\n\tpath = lib/{name}\n\turl = ../book.git\n'.encode()
            for name in names
        )
        link = ("160000", repo.git("rev-parse", "master").encode())
        return {b".gitmodules": modules} | {b"lib/" + name.encode(): link for name in names}

    outer.commit(at("in", "gone"))
    fixed = say(repo, BUG, "Bob")
    outer.commit(at("in", "new"))
    old, now = tmp_path / "old.yml", tmp_path / "new.yml"
    kits = []
    for file, pin in zip((old, now), outer.commits, strict=True):
        more = f"git: '{outer.url}', branch: {pin}, submodules: include"
        file.write_text(f"books:\n- {{book: o, {more}}}\n")
        kits.append(gitshelf.build(file, file.with_suffix(".tar")).path)
    for one, other in ((old, now), kits):
        book, gone, inner, new = gitshelf.changes(one, other)
        assert (book.book, book.new) == ("o", outer.commits[1])
        assert (gone.book, gone.kind) == ("o/lib/gone", "removed")
        assert (inner.book, inner.old, inner.new) == ("o/lib/in", repo.commits[1], fixed)
        assert [change.closes for change in inner.commits] == [("1234",)]
        assert (new.book, new.kind, new.new) == ("o/lib/new", "added", fixed)
    now.write_text(now.read_text().replace("include", "omit"))
    old.write_text(old.read_text().replace("include", "omit"))
    assert [one.book for one in gitshelf.changes(old, now)] == ["o"]
    assert "o/lib/in: " in run_cli("changes", *kits).out


def test_changes_after_a_rewritten_history_say_so(two: tuple[Path, Path, str], repo: Repo) -> None:
    old, now, _ = two
    repo.git("update-ref", "-d", "refs/heads/master")
    new = repo.commit({b"x": b"rewritten"})
    repo.git("gc", "-q", "--prune=now")
    now.write_text(f"books:\n- {{book: a, git: '{repo.url}', branch: {new}}}\n")
    (one,) = gitshelf.changes(old, now)
    assert (one.commits, one.listed) == ((), False)
    assert f"{repo.commits[0]} is not in {repo.url} any more" in one.note


def test_changes_since_a_revision_in_git(
    two: tuple[Path, Path, str], repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, now, _ = two
    site = Path(tmp_path / "work")
    site.mkdir()
    monkeypatch.chdir(site)
    shelf = site / "gitshelf.yml"
    run = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-C", str(site))
    repo.git(*run, "init", "-q", "-b", "main")
    shelf.write_bytes(old.read_bytes())
    repo.git(*run, "add", ".")
    repo.git(*run, "commit", "-q", "-m", "old")
    shelf.write_bytes(now.read_bytes())
    assert gitshelf.changes("HEAD:gitshelf.yml", shelf) == gitshelf.changes(old, now)
    with pytest.raises(GitshelfError, match="neither a file nor in git"):
        gitshelf.changes("HEAD:nothing.yml", shelf)


def test_changes_name_the_book_of_an_unknown_pin_and_a_place_without_url(
    two: tuple[Path, Path, str], tmp_path: Path, run_cli: Cli, repo: Repo
) -> None:
    old, now, new = two
    now.write_text(now.read_text().replace(new, "1" * 40))
    said = run_cli("changes", old, now)
    assert said.code == 2
    assert f"{now}:2: book a: {repo.url} has no commit 1111" in said.err
    locks = []
    for name, manifest in (("x", old), ("y", tmp_path / "other.yml")):
        manifest.write_text(
            old.read_text().replace(repo.commits[0], repo.commits["xy".index(name)])
        )
        gitshelf.build(manifest, tmp_path / f"{name}.tar")
        gitshelf.extract(tmp_path / f"{name}.tar", tmp_path / name)
        locks.append(tmp_path / f"{name}.json")
        locks[-1].write_bytes((tmp_path / name / "KIT/lock.json").read_bytes())
    said = run_cli("changes", *locks)
    assert said.code == 2
    assert "book a: nothing says where it comes from" in said.err


def test_commit_message_cannot_steer_the_terminal() -> None:
    change = parse_commit(
        "1\nA\x1b[31m\na\x1b[m@b.org\n5\nsub\x1b]0;x\x07ject\nCloses-Bug: \x9b1\n"
    )
    assert (change.author, change.address) == ("A?[31m", "a?[m@b.org")
    assert change.subject == "sub?]0;x?ject"
    assert change.closes == ("?1",)


def test_changes_of_a_kit_of_the_repository_that_holds_its_manifest(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_cli: Cli
) -> None:
    site = tmp_path / "clone"
    repo.git("clone", "-q", str(repo.path), str(site))
    shelf = site / "gitshelf.yml"
    shelf.write_text(f"books:\n- {{book: a, git: '{{here}}', branch: {repo.commits[0]}}}\n")
    gitshelf.build(shelf, tmp_path / "kit.tar")
    shelf.write_text(shelf.read_text().replace(*repo.commits))
    monkeypatch.chdir(site)
    (one,) = gitshelf.changes(tmp_path / "kit.tar", shelf)
    assert [change.commit for change in one.commits] == [repo.commits[1]]
    monkeypatch.chdir(tmp_path)
    said = run_cli("changes", tmp_path / "kit.tar", shelf)
    assert said.code == 2
    assert "--token here=PATH" in said.err
    assert run_cli("changes", "--token", f"here={site}", tmp_path / "kit.tar", shelf).code == 0
