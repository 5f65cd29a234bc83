"""A kit becomes a folder: whole or not at all, and only what was proved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError, Refused
from smalldisk import small_disk

import gitshelf

Repo = Any
Cli = Callable[..., Any]
TIME = 1_700_000_001


def test_extract_twice_is_as_once_and_leaves_nothing_else(kit: Path, tmp_path: Path) -> None:
    target = tmp_path / "kits" / "one"
    gitshelf.extract(kit, target)
    before = sorted(target.rglob("*"))
    stale = target.with_name(".two.part-999999999-00000000")
    stale.mkdir()
    gitshelf.extract(kit, target)
    gitshelf.extract(kit, target.with_name("two"))
    assert sorted(target.rglob("*")) == before
    assert sorted(path.name for path in target.parent.iterdir()) == ["one", "two"]
    assert (target / "b" / "a").stat().st_mtime == TIME


def test_extract_onto_a_folder_that_holds_something_else_is_refused_and_leaves_it(
    kit: Path, repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path, run_cli: Cli
) -> None:
    other = gitshelf.build(
        write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n"), tmp_path / "other.tar"
    )
    gitshelf.extract(other.path, tmp_path / "release")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "file").write_text("mine")
    for folder in ("release", "mine"):
        said = run_cli("extract", kit, tmp_path / folder)
        assert said.code == 2
        assert "is in the way: it is not this release" in said.err
    assert (mine / "file").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    gitshelf.extract(kit, tmp_path / "empty")
    assert (tmp_path / "empty" / "b" / "a").read_bytes() == b"text\n"


def test_extract_onto_a_file_or_link_is_refused(kit: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(GitshelfError, match="in the way"):
        gitshelf.extract(kit, tmp_path / "link")


def test_kit_swapped_between_proof_and_unpacking_is_not_used(
    kit: Path,
    repo: Repo,
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gitshelf.kit import extraction

    other = gitshelf.build(
        write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n"),
        tmp_path / "other" / "kit.tar",
    )
    prove = extraction.verify

    def swap(*args: Any, **options: Any) -> Any:
        verified = prove(*args, **options)
        other.path.replace(kit)
        return verified

    monkeypatch.setattr(extraction, "verify", swap)
    with pytest.raises(Refused, match="changed while it was unpacked"):
        gitshelf.extract(kit, tmp_path / "kits" / "out")
    assert not list((tmp_path / "kits").iterdir())


def test_new_kit_takes_the_place_of_the_old_at_once(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    text = f"books:\n- {{book: b, git: '{repo.url}'}}\n"
    kit = gitshelf.build(write_manifest(text), tmp_path / "r" / "kit.tar")
    before = kit.path.read_bytes()
    with kit.path.open("rb") as reader:
        after = gitshelf.build(write_manifest("# new\n" + text), kit.path)
        assert after.digest != kit.digest
        # Who reads the old one still reads it, whole.
        assert reader.read() == before


def test_extract_onto_a_full_disk_leaves_nothing(
    three_books: Path, tmp_path: Path, run_cli: Cli
) -> None:
    kit = gitshelf.build(three_books, tmp_path / "kit.tar").path
    with small_disk(tmp_path / "small", "700k") as disk:
        said = run_cli("extract", kit, disk / "release")
        assert said.code == 2, said.err
        assert "o space left on device" in said.err
        assert list(disk.iterdir()) == []
