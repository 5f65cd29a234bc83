"""Repositories that are not whole, or another user's: what can be done is right, else the cause and
its remedy are said, and once the remedy was used all is right."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Repo = Any
Cli = Callable[..., Any]


@pytest.fixture
def up(make_repo: Callable[..., Repo]) -> Repo:
    """A repository of three commits, each with a file that the next has not."""
    repo = make_repo("up")
    for number in range(3):
        repo.commit({b"f%d" % number: b"%d\n" % number})
    repo.git("config", "uploadpack.allowFilter", "true")
    return repo


def git(*words: object) -> str:
    done = subprocess.run(["git", *map(str, words)], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def shallow(up: Repo, source: Path) -> None:
    git("clone", "-q", "--depth", "1", up.url, source)


def partial(up: Repo, source: Path) -> None:
    git("clone", "-q", "--bare", "--filter=tree:0", up.url, source)


def borrowing(up: Repo, source: Path) -> None:
    git("clone", "-q", "--shared", up.path, source)
    lent = up.path / "objects"
    (source / ".git/objects/info/alternates").write_text(f"{lent.parent}/lent\n")


def linked(up: Repo, source: Path) -> None:
    """A linked work tree of a shallow clone."""
    shallow(up, source.parent / "main")
    git("-C", source.parent / "main", "worktree", "add", "-q", "--detach", source)
    git("-C", source, "checkout", "-q", "-b", "side")


WHOLE = "the source is whole"
SOURCES = [
    (shallow, WHOLE, "is a shallow clone"),
    (linked, WHOLE, "is a shallow clone"),
    (partial, "is a partial clone: some of its objects are at its remote origin only", ""),
    (borrowing, "borrows objects from .*lent, which is not there", ""),
]


def mend(remedy: str, up: Repo) -> None:
    """Do what the remedy says, with the shell."""
    command = re.search(r"\((git .*?)\)", remedy)
    assert command
    if "repack" in command[1]:
        (up.path / "lent").symlink_to(up.path / "objects")
    subprocess.run(["sh", "-c", command[1]], check=True, timeout=60, capture_output=True)


@pytest.mark.parametrize(("make", "build", "history"), SOURCES)
def test_source_that_lacks_something_gives_what_it_has_or_says_what_mends_it(
    up: Repo,
    write_manifest: Callable[[str], Path],
    run_cli: Cli,
    shelf: Path,
    make: Callable[[Repo, Path], None],
    build: str,
    history: str,
) -> None:
    source = shelf.parent / "a source"
    make(up, source)
    manifest = write_manifest(f"books:\n- {{book: a, git: '{source}', branch: HEAD}}\n")
    kit = ("build", "--gitshelf", manifest, "--output", shelf.parent / "kit.tar")
    install = ("install", "--gitshelf", manifest)
    calls = [(kit, build), (install, history or build)]
    for call, expected in calls:
        said = run_cli(*call)
        if expected == WHOLE:
            assert said.code == 0, said.err
            continue
        assert said.code == 2
        assert re.search(expected, said.err), said.err
        assert list(shelf.iterdir()) == []
    mend(said.err, up)
    for call, _ in calls:
        assert run_cli(*call).code == 0
    assert git("-C", "a", "fsck") == ""
    assert git("-C", "a", "rev-parse", "--is-shallow-repository") == "false"
    assert git("-C", "a", "rev-list", "--count", "HEAD") == "3"
    assert run_cli("status", "--gitshelf", manifest).code == 0


@pytest.mark.parametrize(
    "question", ["changes", "lint on-branch", "lint descends", "build track", "build pin"]
)
def test_question_about_history_is_not_answered_from_a_part_of_it(
    up: Repo,
    write_manifest: Callable[[str], Path],
    run_cli: Cli,
    shelf: Path,
    question: str,
) -> None:
    """Each would be answered with no, or with a part of the commits."""
    source = shelf.parent / "ci"
    git("clone", "-q", "--depth", "2", up.url, source)
    old, new = (f"books:\n- book: a\n  git: {source}\n  branch: {up.commits[n]}\n" for n in (0, 2))
    if "track" in question or "on-branch" in question:
        old += "  track: master\n"
    (shelf / "old.yml").write_text(old)
    (shelf / "new.yml").write_text(new)
    words: dict[str, tuple[object, ...]] = {
        "changes": ("changes", "old.yml", "new.yml"),
        "lint on-branch": ("lint", "--rule", "on-branch", "--gitshelf", "old.yml"),
        "lint descends": (
            *("lint", "--rule", "descends", "--gitshelf", "new.yml", "--previous", "old.yml"),
        ),
        "build track": ("build", "--gitshelf", "old.yml", "--output", "kit.tar"),
        "build pin": ("build", "--gitshelf", "old.yml", "--output", "kit.tar"),
    }
    said = run_cli(*words[question])
    assert said.code == 2
    assert "ci is a shallow clone" in said.err
    assert f"git -C {source} fetch --unshallow" in said.err
    mend(said.err, up)
    said = run_cli(*words[question])
    assert said.code == 0, said.err
    assert question != "changes" or "2 commits by T" in said.out


def test_shallow_source_that_moves_on_never_leaves_a_history_with_a_hole(
    up: Repo, write_manifest: Callable[[str], Path], run_cli: Cli, shelf: Path
) -> None:
    source = shelf.parent / "ci"
    shallow(up, source)
    manifest = write_manifest(f"books:\n- {{book: a, git: '{source}', branch: master}}\n")
    for _ in range(2):
        assert "is a shallow clone" in run_cli("install", "--gitshelf", manifest).err
        for number in range(2):
            up.commit({b"more": b"%d%d" % (number, len(up.commits))})
        git("-C", source, "fetch", "-q", "--depth", "1")
        git("-C", source, "reset", "-q", "--hard", "origin/master")
    git("-C", source, "fetch", "-q", "--unshallow")
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert git("-C", "a", "fsck") == ""
    assert git("-C", "a", "rev-list", "--count", "HEAD") == "7"


def test_branch_that_is_moved_away_while_it_is_read_is_said_so(
    repo: Repo,
    write_manifest: Callable[[str], Path],
    run_cli: Cli,
    shelf: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gitshelf.cache.fetch import Fetcher

    ask = Fetcher.refs

    def moved(self: Fetcher, url: str, names: Any) -> Any:
        found = ask(self, url, names)
        repo.git("update-ref", "-d", "refs/heads/master")
        repo.commit({b"other": b"1"})
        repo.git("prune", "--expire=now")
        repo.git("repack", "-adq")
        repo.git("prune", "--expire=now")
        return found

    monkeypatch.setattr(Fetcher, "refs", moved)
    manifest = write_manifest(f"books:\n- {{book: a, git: '{repo.url}', branch: master}}\n")
    before = repo.commits[-1]
    call = ("build", "--gitshelf", manifest, "--output", "kit.tar")
    said = run_cli(*call)
    assert said.code == 2
    assert f"has no commit {before} any more: master was moved while it was read" in said.err
    assert "remedy: run again" in said.err
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(shelf.parent / "cache"))
    monkeypatch.chdir(shelf)
    assert run_cli(*call).code == 0


def test_source_that_goes_while_it_is_read_is_named_and_read_when_it_is_back(
    repo: Repo,
    write_manifest: Callable[[str], Path],
    run_cli: Cli,
    shelf: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gitshelf.cache.fetch import Fetcher

    ask = Fetcher.refs
    away = shelf.parent / "away"

    def gone(self: Fetcher, url: str, names: Any) -> Any:
        found = ask(self, url, names)
        repo.path.rename(away)
        return found

    manifest = write_manifest(f"books:\n- {{book: a, git: '{repo.url}', branch: master}}\n")
    for call in (
        ("build", "--gitshelf", manifest, "--output", "kit.tar"),
        ("install", "--gitshelf", manifest),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(Fetcher, "refs", gone)
            said = run_cli(*call)
        assert (said.code, "book a" in said.err, "is not there" in said.err) == (2, True, True)
        away.rename(repo.path)
        assert run_cli(*call).code == 0


def plain(repo: Repo, where: Path) -> Path:
    git("clone", "-q", repo.path, where)
    return where


def bare(repo: Repo, where: Path) -> Path:
    git("clone", "-q", "--bare", repo.path, where)
    return where


def work_tree(repo: Repo, where: Path) -> Path:
    git("-C", plain(repo, where), "worktree", "add", "-q", "--detach", where / "linked")
    return where / "linked"


def submodule(repo: Repo, where: Path) -> Path:
    plain(repo, where)
    allow = ("-c", "protocol.file.allow=always")
    git("-C", where, *allow, "submodule", "--quiet", "add", repo.url, "sub")
    return where / "sub"


@pytest.mark.parametrize("make", [plain, bare, work_tree, submodule])
@pytest.mark.parametrize("from_below", [False, True])
def test_remedy_for_a_repository_of_another_user_works_for_gitshelf_and_for_git(
    repo: Repo,
    run_cli: Cli,
    shelf: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Repo, Path], Path],
    from_below: bool,
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a repository to another user")
    top = shelf.parent
    config = top / "person"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    source = make(repo, top / "it's theirs")
    (top / "gitshelf.yml").write_text(
        f'books:\n- {{book: a, git: "./{source.relative_to(top)}", branch: HEAD}}\n'
    )
    subprocess.run(["chown", "-R", "65534:65534", top / "it's theirs"], check=True, timeout=30)
    monkeypatch.chdir(shelf if from_below else top)
    manifest = ("--gitshelf", "../gitshelf.yml") if from_below else ()
    said = run_cli("build", "--output", "kit.tar", *manifest)
    assert said.code == 2
    assert "belongs to another user" in said.err
    remedy = said.err.partition("remedy: ")[2]
    assert remedy.startswith("git config --global --add safe.directory ")
    subprocess.run(["sh", "-c", remedy], check=True, timeout=30)
    for words in (("build", "--output", "kit.tar"), ("install",)):
        said = run_cli(*words, *manifest)
        assert said.code == 0, said.err
    git("ls-remote", source)


@pytest.mark.parametrize("spelt", ["", "/.git", "/"])
def test_repository_that_a_person_called_safe_is_read_by_either_of_its_paths(
    repo: Repo, run_cli: Cli, shelf: Path, monkeypatch: pytest.MonkeyPatch, spelt: str
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a repository to another user")
    source = plain(repo, shelf / "theirs")
    (source / "gitshelf.yml").write_text("books:\n- {book: a, git: '{here}', branch: HEAD}\n")
    subprocess.run(["chown", "-R", "65534:65534", source], check=True, timeout=30)
    manifest = ("--gitshelf", "theirs/gitshelf.yml")
    said = run_cli("build", "--output", "kit.tar", *manifest)
    assert said.code == 2
    assert f"safe.directory {source}\n" in said.err
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(shelf / "person"))
    git("config", "--global", "--add", "safe.directory", f"{source}{spelt}")
    said = run_cli("build", "--output", "kit.tar", *manifest)
    assert said.code == 0, said.err
    shutil.rmtree(source)
