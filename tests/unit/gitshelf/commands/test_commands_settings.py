"""What a person has set of git, or a hook has in its environment, changes no command's meaning."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hostile
import pytest
from lfsbooks import ATTRIBUTES, SMALL, stored
from submodulebooks import gitmodules, link_to

Repo = Any
HAS_LFS = shutil.which("git-lfs") is not None or os.environ.get("CI") == "true"
_OWN = ("index", "logs", "gitshelf-tree", "objects", "lfs")
"""In `.git`: times, packs, which git need not write alike, and what git-lfs keeps for itself."""


@pytest.fixture
def books(make_repo: Callable[..., Repo], signing_key: Path, tmp_path: Path) -> str:
    """A manifest of a book with all kinds of files, a signed commit and a submodule; one of a
    folder; and one with an LFS object. Two commits each."""
    inner = make_repo("inner")
    inner.commit({b"x": b"1\n"})
    first = {
        b"text.txt": b"one\ntwo\nthree\n",
        "a b/ä.txt".encode(): b"x\n",
        b"run": ("100755", b"#!/bin/sh\n"),
        b"link": ("120000", b"text.txt"),
        b".gitmodules": gitmodules(sub="../inner.git"),
        b"sub": link_to(inner),
    }
    app = make_repo("app")
    app.commit(first)
    app.git("tag", "v1")
    app.commit({**first, b"text.txt": b"one\nzwei\nthree\nfour\n", b"new": b"n\n"})
    config = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={signing_key}.pub")
    config += ("-c", "user.name=Ünal", "-c", "user.email=t@example.org")
    words = ("commit-tree", "-S", "-p", "master", "-m", "signed: ü", "master^{tree}")
    app.git("update-ref", "refs/heads/master", app.git(*config, *words))
    tool = make_repo("tool")
    tool.commit({b"d/x": b"1\n", b"e": b"2\n"})
    text = f"""books:
- {{book: app, git: '{app.url}', branch: master, submodules: include}}
- {{book: tool, git: '{tool.path}', branch: master, path: d}}
"""
    if HAS_LFS:
        big = make_repo("big")
        big.commit({b".gitattributes": ATTRIBUTES, b"a.bin": stored(big, SMALL), b"b": b"1\n"})
        # git-lfs asks a bare one with its user's own configuration, in which it may be refused.
        work = tmp_path / "servers" / "big"
        big.git("clone", "-q", str(big.path), str(work))
        (big.path / "lfs").rename(work / ".git" / "lfs")
        text += f"- {{book: big, git: '{work.as_uri()}', branch: master, lfs: include}}\n"
        text += f"- {{book: pointers, git: '{work}', branch: master, lfs: omit}}\n"
    return text


def everything(world: Path, text: str, signers: Path, run: Callable[..., Any]) -> dict[str, Any]:
    """What each command says of these books in a new folder `world`, and what it leaves there."""
    world.mkdir()
    os.chdir(world)
    os.environ["XDG_CACHE_HOME"] = str(world / "cache")
    said: dict[str, Any] = {}

    def tell(name: str, *words: object) -> None:
        said[name] = run(*words)

    Path("gitshelf.yml").write_text(text)
    shutil.copy("gitshelf.yml", "branches.yml")
    Path("old.yml").write_text(text.replace("master, submodules", "v1, submodules"))
    tell("pin", "pin")
    said["pinned"] = Path("gitshelf.yml").read_text()
    tell("pin old", "pin", "--gitshelf", "old.yml")
    tell("build", "build", "--output", "kit.tar")
    assert said["build"].code == 0, said
    said["kit"] = Path("kit.tar").read_bytes()
    tell("changes", "changes", "old.yml", "branches.yml")
    tell("json", "changes", "--json", "branches.yml", "old.yml")
    tell("lint", "lint", "--rule", "signed", "--signers", signers)
    tell("rules", "lint")
    Path("shelf").mkdir()
    os.chdir("shelf")
    for step, file in (("old", "../old.yml"), ("new", "../branches.yml")):
        tell(f"install {step}", "install", "--gitshelf", file)
        tell(f"status {step}", "status", "--gitshelf", file)
    said |= snapshot(Path())
    Path("app/text.txt").write_text("one\nmine\nthree\nfour\n")
    Path("app/notes.swp").write_text("x")
    Path("app/run").touch()
    Path("tool").resolve().joinpath("more").write_text("x")
    for command in ("status", "diff", "discover"):
        words = [] if command == "discover" else ["--gitshelf", "../branches.yml"]
        tell(command, command, *words)
    tell("keep", "install", "--gitshelf", "../old.yml")
    tell("force", "install", "--force", "--gitshelf", "../old.yml")
    kept = Path("app/.git/refs/gitshelf/kept")
    said["stashes"] = len(list(kept.iterdir())) if kept.is_dir() else 0
    tell("update", "update", "--check", "--gitshelf", "../gitshelf.yml")
    tell("empty", "install", "--gitshelf", _written("../none.yml", "books: []\n"))
    os.chdir(world.parent)
    return said


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return [key for key in {**one, **other} if one.get(key) != other.get(key)]


def _written(file: str, text: str) -> str:
    Path(file).write_text(text)
    return file


def snapshot(folder: Path) -> dict[str, object]:
    """Mode and content of all below it, but for what differs from run to run."""
    found: dict[str, object] = {}
    for top, folders, names in os.walk(folder):
        if Path(top).name == ".git":
            folders[:] = [name for name in folders if name not in _OWN]
            names = [name for name in names if name not in _OWN]
        for name in names:
            file = Path(top, name)
            mode = file.lstat().st_mode
            content: object = str(file.readlink()) if stat.S_ISLNK(mode) else file.read_bytes()
            if file.parts[-2:] == (".git", "config"):
                # git-lfs writes its lines in any order.
                content = sorted(file.read_text().splitlines())
            found[str(file)] = (stat.filemode(mode), content)
    return found


def test_whole_command_line_says_and_makes_the_same_whatever_a_person_has_set_of_git(
    books: str,
    signers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run_cli: Callable[..., Any],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "replaced")
    world = tmp_path / "world"
    plain = everything(world, books, signers, run_cli)
    assert plain["stashes"] == 1
    world.rename(tmp_path / "plain")
    file = hostile.configuration(tmp_path / "hostile")
    monkeypatch.delenv("GIT_CONFIG_GLOBAL")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(file))
    (tmp_path / "home/.config/git").mkdir(parents=True)
    for name in ("ignore", "attributes"):
        shutil.copy(file.parent / name, tmp_path / "home/.config/git" / name)
    shutil.copy(file, tmp_path / "home/.gitconfig")
    for key, value in hostile.environment(file.parent).items():
        monkeypatch.setenv(key, value)
    again = everything(world, books, signers, run_cli)
    assert {key: (plain.get(key), again.get(key)) for key in differing(plain, again)} == {}
    assert not hostile.was_called(file.parent)


def hook(folder: Path, name: str, manifest: Path) -> None:
    """A hook that builds a kit of `manifest` beside it, and an old record of what it said."""
    file = folder / "hooks" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        f"#!/bin/sh\ncd {manifest.parent} && {sys.executable} -m gitshelf build --output hook.tar "
        "> said 2>&1\n"
    )
    file.chmod(0o755)


@pytest.mark.parametrize("name", ["pre-receive", "update", "post-receive", "pre-commit"])
def test_build_in_a_hook_builds_the_manifest_and_leaves_the_hooks_repository_alone(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    manifest = write_manifest("books:\n- {book: here, git: '{here}', branch: HEAD}\n")
    commands = ["init -q -b main", "add .", "-c user.name=N -c user.email=e commit -q -m one"]
    for words in commands:
        subprocess.run(["git", *words.split()], cwd=manifest.parent, check=True, timeout=30)
    built = [sys.executable, "-m", "gitshelf", "build", "--output"]
    subprocess.run([*built, tmp_path / "kit.tar"], cwd=manifest.parent, check=True, timeout=60)
    work, side = tmp_path / "work", tmp_path / "side"
    for words in (
        ["clone", "-q", str(repo.path), str(work)],
        ["-C", str(work), "worktree", "add", "-q", "-b", "side", str(side)],
    ):
        subprocess.run(["git", *words], check=True, timeout=30, capture_output=True)
    hook(work / ".git" if name == "pre-commit" else repo.path, name, manifest)
    (side / "new").write_text("x")
    for line in (
        "add new",
        "-c user.name=N -c user.email=e commit -q -m mine",
        "push -q origin side",
    ):
        done = subprocess.run(["git", *line.split()], cwd=side, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
    assert (manifest.parent / "hook.tar").read_bytes() == (tmp_path / "kit.tar").read_bytes()
    log = repo.git("log", "--format=%s", "--name-only", "-1", "side")
    assert log.split() == ["mine", "new"]
    assert repo.git("fsck", "--no-dangling") == ""


def test_manifests_of_a_bare_repository_are_compared_in_it(
    repo: Repo, run_cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    site_texts = (f"books:\n- {{book: a, git: '{repo.url}', branch: {c}}}\n" for c in repo.commits)
    for text in list(site_texts):
        repo.commit({b"gitshelf.yml": text.encode()}, "site")
    monkeypatch.chdir(repo.path)
    monkeypatch.setenv("GIT_DIR", ".")
    said = run_cli("changes", "site~1:gitshelf.yml", "site:gitshelf.yml")
    assert said.code == 0, said.err
    assert f"a: {repo.commits[0][:12]} -> {repo.commits[1][:12]}, 1 commit by T" in said.out
