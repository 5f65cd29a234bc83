"""What of a repository a kit carries, and what it refuses or leaves out by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError
from kitfiles import kit_names, one_book, tree_of

import gitshelf

Repo = Any


def test_folder_of_a_repository_is_proved_from_its_commit(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    repo.commit({b"a/b/c": b"1", b"a/b/d/e": b"2", b"a/x": b"3", b"y": b"4"})
    manifest = write_manifest(one_book(repo, "  path: a/b/\n"))
    kit = gitshelf.build(manifest, tmp_path / "kit.tar")
    assert len([n for n in kit_names(kit.path) if n.startswith("KIT/trees/")]) == 2
    gitshelf.extract(kit.path, tmp_path / "out")
    assert tree_of(tmp_path / "out" / "b") == {b"c": b"1", b"d/e": b"2"}
    for wrong in ("a/nope", "a/x"):
        with pytest.raises(GitshelfError, match=f"book b: its commit has no folder {wrong}"):
            gitshelf.build(
                write_manifest(one_book(repo, f"  path: {wrong}\n")), tmp_path / "kit.tar"
            )


SUBMODULE = ("160000", b"1" * 40)
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1\n"


@pytest.mark.parametrize(
    ("files", "key", "names", "left"),
    [
        ({b"vendor/sub": SUBMODULE, b"a": b"1"}, "submodules", "vendor/sub", {b"a"}),
        ({b"m.bin": LFS, b"a": b"1"}, "lfs", "m.bin", {b"a"}),
        ({b"l": ("120000", b"/etc/salt/pki"), b"a": b"1"}, "links", "l", {b"a"}),
        ({b"d/l": ("120000", b"../../x"), b"a": b"1"}, "links", "d/l", {b"a"}),
        (
            {b".gitattributes": b"/t export-ignore\n", b"t/x": b"1", b"u/t": b"2"},
            "export-ignore",
            "t/x",
            {b".gitattributes", b"u/t"},
        ),
        (
            {b"s/.gitattributes": b"v export-subst\n", b"s/v": b"$Format:%H$", b"v": b"2"},
            "export-subst",
            "s/v",
            {b"s/.gitattributes", b"v"},
        ),
    ],
)
def test_content_that_would_go_missing_is_refused_by_name_or_left_out_and_recorded(
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    files: dict[bytes, Any],
    key: str,
    names: str,
    left: set[bytes],
) -> None:
    repo = make_repo()
    repo.commit(files)
    with pytest.raises(GitshelfError, match=rf"gitshelf.yml:2: book b: it has .*{names}") as caught:
        gitshelf.build(write_manifest(one_book(repo)), tmp_path / "kit.tar")
    assert f"`{key}: omit" in caught.value.remedy
    assert not (tmp_path / "kit.tar").exists()
    kit = gitshelf.build(write_manifest(one_book(repo, f"  {key}: omit\n")), tmp_path / "kit.tar")
    assert [gitshelf.kit.lock.text(o.path) for o in kit.lock.books[0].omitted] == [names]  # type: ignore[attr-defined]
    gitshelf.extract(kit.path, tmp_path / "out")
    assert set(tree_of(tmp_path / "out" / "b")) == left


@pytest.mark.parametrize("key", ["export-ignore", "export-subst"])
def test_export_attributes_included_leave_the_bytes_alone(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path, key: str
) -> None:
    repo = make_repo()
    files = {b".gitattributes": f"v {key}\n".encode(), b"v": b"$Format:%H$"}
    repo.commit(files)
    kit = gitshelf.build(write_manifest(one_book(repo, f"  {key}: include\n")), tmp_path / "k.tar")
    gitshelf.extract(kit.path, tmp_path / "out")
    assert tree_of(tmp_path / "out" / "b") == files


def test_attributes_above_a_folder_count_in_it(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    repo.commit({b".gitattributes": b"salt/secret export-ignore\n", b"salt/secret": b"1"})
    with pytest.raises(GitshelfError, match="marked export-ignore: secret"):
        gitshelf.build(write_manifest(one_book(repo, "  path: salt\n")), tmp_path / "kit.tar")


def test_users_own_attributes_change_nothing(
    repo: Repo,
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repo.commit({b".gitattributes": b"nothing export-ignore\n", b"README": b"a\r\n"})
    before = gitshelf.build(write_manifest(one_book(repo)), tmp_path / "before.tar")
    (tmp_path / "attributes").write_text("* export-ignore ident eol=lf\n")
    (tmp_path / "config").write_text(f"[core]\nattributesFile={tmp_path}/attributes\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    shutil.rmtree(tmp_path / "cache")
    after = gitshelf.build(write_manifest(one_book(repo)), tmp_path / "after.tar")
    assert before.digest == after.digest
