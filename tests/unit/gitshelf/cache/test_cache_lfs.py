"""LFS objects in the cache: fetched by the real git-lfs, and never believed unproved."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lfsserver
import pytest
from gitshelf.base.errors import GitshelfError
from lfsbooks import BIG, SMALL, manifest_of, pointer
from smalldisk import small_disk

import gitshelf

Repo = Any

if shutil.which("git-lfs") is None and os.environ.get("CI") != "true":
    pytest.skip("git-lfs is not installed", allow_module_level=True)


def test_object_that_is_not_there_is_named(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    repo.commit({b"a.bin": pointer(b"never pushed"), b"b": b"1"})
    with pytest.raises(
        GitshelfError, match=r"gitshelf.yml:2: book b: the LFS object of a.bin cannot be fetched"
    ) as caught:
        gitshelf.build(write_manifest(manifest_of(repo)), tmp_path / "kit.tar")
    assert "lfs: omit" in caught.value.remedy


def test_pointer_in_another_form_is_named(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    odd = pointer(b"x").replace(b"oid", b"ext-0-case sha256:" + b"0" * 64 + b"\noid")
    repo.commit({b"a.bin": odd, b"b": b"1"})
    with pytest.raises(GitshelfError, match=r"book b: it has LFS pointers in a form .*: a.bin"):
        gitshelf.build(write_manifest(manifest_of(repo)), tmp_path / "kit.tar")


def test_missing_git_lfs_is_said_with_its_package(
    big: Repo,
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run_cli: Callable[..., Any],
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("git", "sh"):
        (tools / name).symlink_to(shutil.which(name) or name)
    monkeypatch.setenv("PATH", str(tools))
    said = run_cli(
        "build", "--gitshelf", write_manifest(manifest_of(big)), "--output", tmp_path / "kit.tar"
    )
    assert said.code == 2
    assert "git-lfs, which is not installed" in said.err
    assert "Debian: git-lfs" in said.err


def test_damaged_object_in_the_cache_is_fetched_again(
    big: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    manifest = write_manifest(manifest_of(big))
    before = gitshelf.build(manifest, tmp_path / "one.tar")
    cache = tmp_path / "cache" / "gitshelf" / "v1"
    shutil.rmtree(cache / "chunks")
    for file in cache.glob("stores/*/lfs/objects/*/*/*"):
        size = file.stat().st_size
        # It may be a hard link to the server's.
        file.unlink()
        file.write_bytes(bytes(size))
    assert gitshelf.build(manifest, tmp_path / "two.tar").digest == before.digest


def test_server_of_lfsconfig_is_asked_for_the_folder_only(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    with lfsserver.serving() as server:
        server.objects = {hashlib.sha256(one).hexdigest(): one for one in (SMALL, BIG)}
        config = f"[lfs]\n\turl = {server.url}\n".encode()
        repo.commit({b".lfsconfig": config, b"a": pointer(SMALL), b"d/b": pointer(BIG)})
        manifest = write_manifest(manifest_of(repo, "  path: d\n"))
        kit = gitshelf.build(manifest, tmp_path / "kit.tar")
        assert set(server.asked) == {hashlib.sha256(BIG).hexdigest()}
    gitshelf.extract(kit.path, tmp_path / "out")
    assert (tmp_path / "out/b/b").read_bytes() == BIG


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("answer", "said"), [(401, "asks for credentials"), (404, "cannot be fetched")]
)
def test_server_that_says_no_is_an_error_with_the_file(
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    answer: int,
    said: str,
) -> None:
    repo = make_repo()
    with lfsserver.serving() as server:
        server.answer = answer
        config = f"[lfs]\n\turl = {server.url}\n".encode()
        repo.commit({b".lfsconfig": config, b"a": pointer(SMALL)})
        with pytest.raises(GitshelfError, match=rf"book b: the LFS object of a {said}"):
            gitshelf.build(write_manifest(manifest_of(repo)), tmp_path / "kit.tar")


def test_server_that_sends_other_bytes_is_never_believed(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    with lfsserver.serving() as server:
        server.objects = {hashlib.sha256(SMALL).hexdigest(): b"SMALL\n"}
        config = f"[lfs]\n\turl = {server.url}\n".encode()
        repo.commit({b".lfsconfig": config, b"a": pointer(SMALL)})
        with pytest.raises(GitshelfError, match="book b: the LFS object of a cannot be fetched"):
            gitshelf.build(write_manifest(manifest_of(repo)), tmp_path / "kit.tar")
    assert not (tmp_path / "kit.tar").exists()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://me:secret@example.org/x", "user or password"),
        ("ext::sh -c x", "remote helper"),
        ("plain", "not a URL"),
    ],
)
def test_lfsconfig_with_a_url_that_no_book_may_have_is_refused(
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    url: str,
    said: str,
) -> None:
    repo = make_repo()
    repo.commit({b".lfsconfig": f"[lfs]\n\turl = {url}\n".encode(), b"a": pointer(SMALL)})
    with pytest.raises(GitshelfError, match=f"book b: the LFS server .*{said}") as caught:
        gitshelf.build(write_manifest(manifest_of(repo)), tmp_path / "kit.tar")
    assert "secret" not in str(caught.value)


def test_disk_without_room_for_an_object_is_said_to_be_full(
    big: Repo,
    write_manifest: Callable[[str], Path],
    run_cli: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = write_manifest(manifest_of(big))
    for size, call in (
        ("3m", ("build", "--gitshelf", manifest, "--output", tmp_path / "kit.tar")),
        ("8m", ("install", "--gitshelf", manifest)),
    ):
        with small_disk(tmp_path / call[0], size) as disk:
            monkeypatch.setenv("XDG_CACHE_HOME", str(disk))
            monkeypatch.chdir(disk)
            said = run_cli(*call)
            assert said.code == 2, said.err
            assert "o space left on device" in said.err
            assert "push it" not in said.err
            monkeypatch.chdir(tmp_path)
