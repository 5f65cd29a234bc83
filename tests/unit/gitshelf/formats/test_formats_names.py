"""Names that git never checks out are refused, in every spelling that git guards against."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import Refused
from gitshelf.formats import gitobjects, names
from looseobjects import write_object

import gitshelf

Repo = Any

_PARTS = [
    *(b".", b"g", b"G", b"i", b"I", b"t", b"T", b"a", b" ", b":", b"\\", b"~", b"1", b"9", b"\r"),
    *(b".git", b".GIT", b"git~1", b"GIT~1", b"git~2", b"modules", b"MODULES", b"attributes"),
    *(b".gitmodules", b"gitmod~1", b"gitmod~5", b"gi7eba~1", b"gi7eb~12", b"g~123456", b"~1000000"),
    # Ignored by HFS+, not ignored, broken off, not UTF-8, noncharacter, dotless i.
    *(b"\xe2\x80\x8c", b"\xe2\x80\xae", b"\xe2\x81\xaa", b"\xef\xbb\xbf", b"\xe2\x80\x8b"),
    *(b"\xe2\x80", b"\xff", b"\xef\xbf\xbf", b"\xef\xbf\xbd", b"\xc4\xb1"),
]
_BEGINNINGS = [b".git", b".gitmodules", b"git~1", b"gitmod~1", b"gi7eba~1", b"x\\.git", b".g"]
_FAULTS = {"hasDotgit", "hasDot", "hasDotdot", "gitmodulesSymlink"}


def _some_names() -> list[bytes]:
    chance = random.Random(15)
    made = set(_PARTS)
    for _ in range(900):
        name = b"".join(chance.choices(_PARTS, k=chance.randint(1, 4)))
        made |= {name, chance.choice(_BEGINNINGS) + name, name + chance.choice(_BEGINNINGS)}
    return sorted(made)


def test_names_are_refused_exactly_where_git_fsck_names_them(repo: Repo) -> None:
    blob = repo.git("rev-parse", "master:README")
    cases = {}
    for name in _some_names():
        for mode in (gitobjects.PLAIN, gitobjects.SYMLINK):
            raw = b"%b %b\0%b" % (mode.encode(), name, bytes.fromhex(blob))
            cases[write_object(repo.path, "tree", raw)] = (name, mode, raw)
    said = subprocess.run(
        ["git", "fsck", "--no-dangling"], cwd=repo.path, capture_output=True, timeout=60
    )
    text = (said.stdout + said.stderr).decode("utf-8", "replace")
    found = re.findall(r"^(?:warning|error) in tree ([0-9a-f]{40}): (\w+)", text, re.M)
    bad = {tree for tree, fault in found if fault in _FAULTS}
    assert len(bad) > 200
    for tree, (name, mode, raw) in cases.items():
        refused = bool(names.fault(name, link=mode == gitobjects.SYMLINK))
        assert refused == (tree in bad), (name, mode)
        if refused:
            with pytest.raises(Refused):
                gitobjects.parse_tree(raw, blob)
        else:
            assert gitobjects.parse_tree(raw, blob)[0].path == name


@pytest.mark.parametrize("path", [b"", b"/a", b"a//b", b"a/../b", b"a/.", b"a\0b", b"a/.GIT./b"])
def test_path_with_a_part_that_no_tree_has_is_refused(path: bytes) -> None:
    assert names.path_fault(path)
    assert not names.path_fault(b"a/.github/.gitignore/git~/x.git")


def _tree(repo: Repo, items: dict[bytes, tuple[str, str]]) -> str:
    lines = b"".join(
        b"%b %b\0%b" % (mode.encode(), name, bytes.fromhex(found))
        for name, (mode, found) in sorted(items.items())
    )
    return write_object(repo.path, "tree", lines)


@pytest.mark.parametrize(
    ("name", "where"),
    [(b".git", "top"), (b".git", "below"), (b".git", "above"), (b"a\\.GIT. \\x", "top"),
     (b".g\xe2\x80\x8cit", "below"), (b"git~1", "top")],
)  # fmt: skip
def test_book_with_a_repository_in_it_is_not_built_and_its_store_stays(
    name: bytes,
    where: str,
    repo: Repo,
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    shelf: Path,
    monkeypatch: pytest.MonkeyPatch,
    run_cli: Callable[..., Any],
) -> None:
    blob, good = repo.git("rev-parse", "master:README"), repo.commits[-1]
    inner = _tree(repo, {b"config": ("100644", blob)})
    hostile = _tree(repo, {name: ("40000", inner)})
    if where != "top":
        items = {b"d": ("40000", hostile if where == "below" else inner)}
        hostile = _tree(repo, items | ({name: ("40000", inner)} if where == "above" else {}))
    commit = repo.git(
        "-c", "user.name=t", "-c", "user.email=t@h", "commit-tree", "-m", "x", hostile
    )
    repo.git("update-ref", "refs/heads/hostile", commit)
    book = f"books:\n- {{book: b, git: '{repo.url}', branch: "
    built = run_cli(
        "build", "--gitshelf", write_manifest(f"{book}{good}}}\n"), "-o", tmp_path / "good.tar"
    )
    assert built.code == 0
    folder = ", path: d" if where == "above" else ""
    manifest = write_manifest(f"{book}{commit}{folder}}}\n")
    said = run_cli("build", "--gitshelf", manifest, "-o", tmp_path / "kit.tar")
    assert said.code == 2
    assert "gitshelf.yml:2: book b: " in said.err
    assert "git never checks out" in said.err
    assert not (tmp_path / "kit.tar").exists()
    # Nor does install check it out, whatever its user's git is told.
    (tmp_path / "config").write_text("[core]\n\tprotectNTFS = false\n\tprotectHFS = false\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    said = run_cli("install", "--gitshelf", manifest)
    assert (said.code, "invalid path" in said.err) == (2, True)
    # The repository is at fault, not the cache: what only the cache may still have is kept.
    assert list((tmp_path / "cache").glob(f"gitshelf/v1/stores/*/refs/pins/{good}"))


def test_link_in_the_place_of_gitmodules_is_not_built_and_other_links_of_git_are(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path, run_cli: Callable[..., Any]
) -> None:
    link = ("120000", b"README")
    repo.commit({b"README": b"1", b".gitignore": link, b".gitattributes": link, b".mailmap": link})
    manifest = write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n")
    assert run_cli("build", "--gitshelf", manifest, "-o", tmp_path / "kit.tar").code == 0
    blob = write_object(repo.path, "blob", b"README")
    tree = _tree(repo, {b".gitmodules": ("120000", blob), b"README": ("100644", blob)})
    commit = repo.git("-c", "user.name=t", "-c", "user.email=t@h", "commit-tree", "-m", "x", tree)
    repo.git("update-ref", "refs/heads/master", commit)
    said = run_cli("build", "--gitshelf", manifest, "-o", tmp_path / "kit.tar")
    assert (said.code, "in the place of .gitmodules" in said.err) == (2, True)


@pytest.mark.parametrize("entry", [("100644", b"x"), ("160000", b"1" * 40)])
def test_kit_of_a_builder_that_did_not_look_is_refused(
    entry: tuple[str, bytes],
    repo: Repo,
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = write_object(repo.path, "blob", entry[1])
    object_id = entry[1].decode() if entry[0] == "160000" else found
    tree = _tree(repo, {b".git": (entry[0], object_id), b"README": ("100644", found)})
    commit = repo.git("-c", "user.name=t", "-c", "user.email=t@h", "commit-tree", "-m", "x", tree)
    repo.git("update-ref", "refs/heads/master", commit)
    manifest = write_manifest(f"books:\n- {{book: b, git: '{repo.url}', submodules: omit}}\n")
    with monkeypatch.context() as blind:
        blind.setattr(names, "fault", lambda _name, link=False: "")
        kit = gitshelf.build(manifest, tmp_path / "kit.tar")
        gitshelf.verify(kit.path)
    with pytest.raises(Refused, match="git never checks out"):
        gitshelf.verify(kit.path)


@pytest.mark.parametrize("place", [".git", "a/.git/hooks", "a/GIT~1", ".Git /x"])
@pytest.mark.parametrize("kind", ["git: ./x", "link: y"])
def test_place_in_a_repository_is_refused_with_its_line(
    place: str,
    kind: str,
    write_manifest: Callable[[str], Path],
    run_cli: Callable[..., Any],
    shelf: Path,
) -> None:
    manifest = write_manifest(f"books:\n- book: '{place}'\n  {kind}\n")
    for command in ("build", "install"):
        output = ["-o", "kit.tar"] if command == "build" else []
        said = run_cli(command, "--gitshelf", manifest, *output)
        assert said.code == 2
        assert "gitshelf.yml:2: book " in said.err
        assert "is a name for .git" in said.err
