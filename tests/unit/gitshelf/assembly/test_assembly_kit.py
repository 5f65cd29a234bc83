"""Building kits from real repositories: what goes in comes out, always as the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kitfiles import kit_names, one_book, tree_of

import gitshelf

Repo = Any

ODD: dict[bytes, Any] = {
    b"README": b"hello\n",
    b"bin/run": ("100755", b"#!/bin/sh\n"),
    b"empty": b"",
    b"caf\xc3\xa9": b"utf-8\n",
    b"latin\xe9/f\xff": b"not utf-8\n",
    b"sp ace/new\nline": b"x",
    b"-dash": b"y",
    b"crlf.txt": b"a\r\nb\r\n",
    b".gitattributes": b"*.txt text eol=lf\n*.id ident\n",
    b"a.id": b"$Id$\n",
    b"link": ("120000", b"bin/run"),
    b"bin/up": ("120000", b"../README"),
    b"latin\xe9/l": ("120000", b"f\xff"),
    b"/".join([b"n" * 60] * 5): b"long\n",
    b"m" * 180: b"longer\n",
    b"m" * 101 + b"\xff": b"long and not utf-8\n",
    b"long-link": ("120000", b"./" * 80 + b"README"),
    b"foo": b"before",
    b"foo.d/x": b"between",
    b"foo0": b"after",
    b"big": bytes(range(256)) * 9000,
}


def test_every_kind_of_file_comes_out_as_it_went_in(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    repo.commit(ODD)
    kit = gitshelf.build(write_manifest(one_book(repo)), tmp_path / "kit.tar")
    gitshelf.extract(kit.path, tmp_path / "out")
    assert tree_of(tmp_path / "out" / "b") == ODD
    modes = {p.stat().st_mode & 0o7777 for p in (tmp_path / "out").rglob("*") if not p.is_symlink()}
    assert modes == {0o644, 0o755}
    # And other programs read the same.
    listed = subprocess.run(["tar", "tf", kit.path], capture_output=True, check=True).stdout
    assert listed.count(b"\n") == len(kit_names(kit.path))


def test_entries_are_normal_and_sorted(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    repo.commit(ODD)
    kit = gitshelf.build(write_manifest(one_book(repo)), tmp_path / "kit.tar")
    with tarfile.open(kit.path, errors="surrogateescape") as archive:
        members = archive.getmembers()
    names = [os.fsencode(m.name) + (b"/" if m.isdir() else b"") for m in members]
    assert names == sorted(names)
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {
        (0, 0, "", "", repo.clock)
    }


def test_same_kit_in_two_places_at_two_times_warm_and_cold(
    make_repo: Callable[..., Repo],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repo = make_repo()
    repo.commit(ODD)
    kits = []
    for number, place in enumerate(["one", "two/deeper"]):
        clone = tmp_path / place / "clone"
        shutil.copytree(repo.path, clone)
        site = tmp_path / place / "site"
        site.mkdir()
        (site / "gitshelf.yml").write_text("books:\n- {book: b, git: '{here}'}\n")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / place / "cache"))
        monkeypatch.setenv("TZ", ["UTC", "Asia/Tokyo"][number])
        old = os.umask([0o022, 0o077][number])
        try:
            for heat in ("cold", "warm"):
                output = tmp_path / place / heat / "kit.tar"
                kits.append(
                    gitshelf.build(site / "gitshelf.yml", output, tokens={"here": str(clone)})
                )
        finally:
            os.umask(old)
    contents = {kit.path.read_bytes() for kit in kits}
    assert len(contents) == 1
    assert len({kit.provenance.read_bytes() for kit in kits}) == 1
    assert len({kit.sums.read_bytes() for kit in kits}) == 1
    assert str(tmp_path).encode() not in contents.pop()
    assert str(tmp_path).encode() not in kits[0].provenance.read_bytes()


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.zst"])
def test_digest_is_that_of_the_tar_whatever_the_suffix(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path, suffix: str
) -> None:
    manifest = write_manifest(one_book(repo))
    plain = gitshelf.build(manifest, tmp_path / "plain" / "kit.tar")
    kit = gitshelf.build(manifest, tmp_path / ("kit" + suffix))
    again = gitshelf.build(manifest, tmp_path / "again" / ("kit" + suffix))
    assert kit.digest == plain.digest == gitshelf.verify(kit.path).digest
    assert kit.path.read_bytes() == again.path.read_bytes()
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)


def test_repository_of_sha256_is_built_and_proved(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo, old = make_repo("new", "--object-format=sha256"), make_repo("old")
    repo.commit({b"a": b"1", b"d/b": b"2"})
    old.commit({b"a": b"1"})
    assert len(repo.commits[0]) == 64
    manifest = write_manifest(
        f"books:\n- {{book: A, git: '{repo.url}'}}\n- {{book: b, git: '{repo.url}', "
        f"branch: {repo.commits[0]}, path: d}}\n- {{book: c, git: '{old.url}'}}\n"
    )
    kit = gitshelf.build(manifest, tmp_path / "kit.tar")
    assert gitshelf.verify(kit.path).lock == kit.lock


def test_nothing_is_ever_prompted_or_left_when_a_build_fails(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    kit = tmp_path / "out" / "kit.tar"
    gitshelf.build(write_manifest(one_book(repo)), kit)
    before = {path.name: path.read_bytes() for path in kit.parent.iterdir()}
    with pytest.raises(GitshelfError):
        gitshelf.build(write_manifest(one_book(repo, commit="0" * 39 + "1")), kit)
    assert {path.name: path.read_bytes() for path in kit.parent.iterdir()} == before


@pytest.mark.books
@pytest.mark.timeout(300)
def test_real_books_are_built_and_proved(
    book_bundles: list[Path], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    lines = []
    for bare in book_bundles:
        pin = subprocess.run(
            ["git", "-C", bare, "rev-parse", "HEAD~10"], capture_output=True, text=True, check=True
        ).stdout.strip()
        lines.append(f"- {{book: {bare.stem}, git: '{bare.as_uri()}', branch: {pin}}}\n")
    manifest = write_manifest("defaults: {submodules: omit}\nbooks:\n" + "".join(lines))
    kit = gitshelf.build(manifest, tmp_path / "kit.tar.zst")
    gitshelf.extract(kit.path, tmp_path / "out")
    for bare, book in zip(book_bundles, kit.lock.books, strict=True):
        work = tmp_path / "work" / bare.stem
        subprocess.run(["git", "clone", "-q", "-s", "-n", bare, work], check=True)
        subprocess.run(["git", "-C", work, "checkout", "-q", book.commit], check=True)
        shutil.rmtree(work / ".git")
        assert tree_of(tmp_path / "out" / bare.stem) == tree_of(work)


_part = st.sampled_from([b"a", b"b", b"a.b", b"c d", b"\xff", b"K", b"~"])
_path = st.lists(_part, min_size=1, max_size=3).map(b"/".join)
_file = st.one_of(
    st.binary(max_size=600),
    st.tuples(st.just("100755"), st.binary(max_size=10)),
    st.tuples(st.just("120000"), st.sampled_from([b"a", b"../a", b"b/a", b"."])),
)


@given(files=st.dictionaries(_path, _file, min_size=1, max_size=8))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_repository_comes_out_as_it_went_in_or_is_refused(
    files: dict[bytes, Any], make_repo: Callable[..., Repo], tmp_path: Path
) -> None:
    for name in ("servers", "out", "site"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    # A file cannot be a folder too.
    files = {p: c for p, c in files.items() if not any(o.startswith(p + b"/") for o in files)}
    repo = make_repo()
    repo.commit(files)
    site = tmp_path / "site"
    site.mkdir()
    (site / "gitshelf.yml").write_text(one_book(repo))
    try:
        kit = gitshelf.build(site / "gitshelf.yml", site / "kit.tar")
    except GitshelfError as error:
        assert "links that lead out" in str(error)
        return
    gitshelf.extract(kit.path, tmp_path / "out")
    assert tree_of(tmp_path / "out" / "b") == files


def test_provenance_says_where_books_came_from_and_what_was_made(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    kit = gitshelf.build(write_manifest(one_book(repo)), tmp_path / "kit.tar.gz")
    statement = json.loads(kit.provenance.read_text())
    assert statement["subject"][1]["digest"]["sha256"] == kit.digest
    commit = repo.commits[-1]
    assert statement["predicate"]["buildDefinition"]["resolvedDependencies"] == [
        {"name": "b", "uri": f"git+{repo.url}@{commit}", "digest": {"gitCommit": commit}}
    ]


def test_place_beside_the_kit_that_cannot_be_written_is_named(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    manifest = write_manifest(f"books:\n- {{book: a, git: '{repo.url}'}}\n")
    (tmp_path / "out" / "kit.tar.provenance.json").mkdir(parents=True)
    output = tmp_path / "out" / "kit.tar"
    with pytest.raises(GitshelfError, match=f"{output} is whole, but what lies beside it"):
        gitshelf.build(manifest, output)
    assert gitshelf.verify(output).digest
