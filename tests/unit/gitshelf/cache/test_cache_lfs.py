"""LFS objects in a kit: fetched by the real git-lfs, and proved from the pointers in git."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lfsserver
import pytest
from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.formats import pointers
from smalldisk import small_disk

import gitshelf

Repo = Any

if shutil.which("git-lfs") is None and os.environ.get("CI") != "true":
    pytest.skip("git-lfs is not installed", allow_module_level=True)


def pointer(content: bytes) -> bytes:
    return pointers.Pointer(hashlib.sha256(content).hexdigest(), len(content)).to_bytes()


def stored(repo: Repo, content: bytes) -> bytes:
    """Put an object where git-lfs looks for it in a local repository, and give its pointer."""
    oid = hashlib.sha256(content).hexdigest()
    file = repo.path / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return pointer(content)


def manifest_of(repo: Repo, extra: str = "") -> str:
    pin = repo.commits[-1]
    return f"books:\n- book: b\n  git: {repo.url}\n  branch: {pin}\n  lfs: include\n{extra}"


ATTRIBUTES = b"*.bin filter=lfs diff=lfs merge=lfs -text\n"
SMALL, BIG = b"small\n", bytes(range(256)) * 20_000


@pytest.fixture
def big(make_repo: Callable[..., Repo]) -> Repo:
    repo = make_repo()
    repo.commit(
        {
            b".gitattributes": ATTRIBUTES,
            b"a.bin": stored(repo, SMALL),
            b"d/b.bin": ("100755", stored(repo, BIG)),
            b"d/same.bin": stored(repo, BIG),
            b"d/link": ("120000", b"b.bin"),
            b"plain": b"x",
        }
    )
    return repo


def test_objects_are_carried_in_the_place_of_their_pointers_and_proved(
    big: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    kit = gitshelf.build(write_manifest(manifest_of(big)), tmp_path / "kit.tar")
    (book,) = kit.lock.books
    assert [path for path, _ in book.lfs] == [b"a.bin", b"d/b.bin", b"d/same.bin"]
    assert book.size == len(SMALL) + 2 * len(BIG) + 1 + len(
        b"*.bin filter=lfs diff=lfs merge=lfs -text\n"
    )
    shutil.rmtree(big.path)
    assert gitshelf.verify(kit.path).lock == kit.lock
    gitshelf.extract(kit.path, tmp_path / "out")
    assert (tmp_path / "out/b/a.bin").read_bytes() == SMALL
    assert (tmp_path / "out/b/d/same.bin").read_bytes() == BIG
    assert (tmp_path / "out/b/d/b.bin").read_bytes() == BIG
    assert (tmp_path / "out/b/d/b.bin").stat().st_mode & 0o777 == 0o755
    shutil.rmtree(tmp_path / "cache" / "gitshelf" / "v1" / "chunks")
    offline = gitshelf.Options(offline=True)
    again = gitshelf.build(write_manifest(manifest_of(big)), tmp_path / "2.tar", options=offline)
    assert again.digest == kit.digest


def test_objects_pushed_by_git_lfs_itself(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    work = tmp_path / "work"

    def run(*argv: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        done = subprocess.run(
            ["git", *who, *argv], cwd=work if work.exists() else tmp_path, capture_output=True
        )
        assert done.returncode == 0, done.stderr

    run("clone", "-q", str(repo.path), str(work))
    run("lfs", "install", "--local")
    run("lfs", "track", "*.bin")
    (work / "x.bin").write_bytes(BIG)
    run("add", ".")
    run("commit", "-qm", "x")
    run("push", "-q", "origin", "HEAD:master")
    manifest = write_manifest(f"books:\n- {{book: b, git: '{repo.url}', lfs: include}}\n")
    kit = gitshelf.build(manifest, tmp_path / "kit.tar.zst")
    gitshelf.extract(kit.path, tmp_path / "out")
    assert (tmp_path / "out/b/x.bin").read_bytes() == BIG


@pytest.mark.parametrize("place", ["b", "Before KIT", "."])
def test_changed_object_is_refused_wherever_it_lies(
    big: Repo, write_manifest: Callable[[str], Path], tmp_path: Path, place: str
) -> None:
    text = manifest_of(big).replace("book: b", f"book: {place}")
    kit = gitshelf.build(write_manifest(text), tmp_path / "kit.tar").path
    assert gitshelf.verify(kit)
    (tmp_path / "SHA256SUMS").unlink()
    data = kit.read_bytes()
    for content in (SMALL, BIG):
        at = data.index(content)
        kit.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(Refused, match="is not the LFS object that the lock names"):
            gitshelf.verify(kit)


@pytest.mark.parametrize(
    "change",
    [
        lambda book: book["lfs"][0].update(bytes=7),
        lambda book: book["lfs"][0].update(sha256="0" * 64),
        lambda book: book["lfs"][0].update(path="plain"),
        lambda book: book["lfs"].append({"path": "other", "sha256": "0" * 64, "bytes": 1}),
        lambda book: book["lfs"].pop(),
        lambda book: book.pop("lfs"),
        lambda book: book["policies"].update(lfs="omit"),
    ],
)
def test_lock_that_says_something_else_of_lfs_is_refused(
    big: Repo, write_manifest: Callable[[str], Path], tmp_path: Path, change: Callable[[Any], None]
) -> None:
    import io

    from gitshelf.formats import tar
    from gitshelf.formats.tarreader import Reader

    kit = gitshelf.build(write_manifest(manifest_of(big)), tmp_path / "kit.tar").path
    (tmp_path / "SHA256SUMS").unlink()
    reader = Reader(io.BytesIO(kit.read_bytes()))
    parts = []
    while (entry := reader.entry()) is not None:
        content = b"".join(reader.content(entry)) if entry.size else b""
        if entry.name == b"KIT/lock.json":
            document = json.loads(content)
            change(document["books"][0])
            content = (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
            entry = tar.Entry(entry.name, entry.kind, entry.mode, len(content), entry.mtime)
        parts += [tar.header(entry), content, tar.padding(len(content))]
    kit.write_bytes(b"".join([*parts, tar.END]))
    with pytest.raises(Refused):
        gitshelf.verify(kit)


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


def test_object_is_not_held_in_memory(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    size = 160 << 20
    content = bytes(size)
    repo.commit({b"a.bin": stored(repo, content)})
    del content
    manifest = write_manifest(manifest_of(repo))
    # Not RUSAGE_SELF: a program that is exec'd inherits its caller's peak there.
    code = (
        "import re, resource, sys, gitshelf\n"
        "from pathlib import Path\n"
        "kit = gitshelf.build(sys.argv[1], sys.argv[2])\n"
        "gitshelf.verify(kit.path)\n"
        "own = re.search(r'VmHWM:\\s*(\\d+)', Path('/proc/self/status').read_text())[1]\n"
        "print(int(own) + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, manifest, tmp_path / "kit.tar"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 140 << 10, "KiB of gitshelf and of its biggest child"


def test_install_brings_the_objects_that_a_book_includes(
    big: Repo, write_manifest: Callable[[str], Path], run_cli: Callable[..., Any], shelf: Path
) -> None:
    manifest = write_manifest(manifest_of(big))
    said = run_cli("install", "--gitshelf", manifest)
    assert (said.code, said.err) == (0, "")
    assert (shelf / "b/a.bin").read_bytes() == SMALL
    assert (shelf / "b/d/b.bin").read_bytes() == BIG
    assert run_cli("status", "--gitshelf", manifest).code == 0
    again = run_cli("install", "--gitshelf", manifest)
    assert again.out == f"{manifest}: 1 books, 0 changed, 0 kept\n"
    big.commit({b".gitattributes": ATTRIBUTES, b"c.bin": stored(big, b"new\n")})
    assert run_cli("install", "--gitshelf", write_manifest(manifest_of(big))).code == 0
    assert (shelf / "b/c.bin").read_bytes() == b"new\n"
    (shelf / "b/c.bin").write_bytes(b"mine\n")
    assert "b: changed: c.bin" in run_cli("status", "--gitshelf", manifest).out


def test_install_names_pointers_that_stay_until_the_book_includes_them(
    big: Repo, write_manifest: Callable[[str], Path], run_cli: Callable[..., Any], shelf: Path
) -> None:
    text = manifest_of(big)
    said = run_cli("install", "--gitshelf", write_manifest(text.replace("  lfs: include\n", "")))
    assert said.code == 0
    assert "b: cloned (LFS pointers, as the book does not say `lfs: include`: a.bin, " in said.out
    assert (shelf / "b/a.bin").read_bytes() == pointer(SMALL)
    said = run_cli("install", "--gitshelf", write_manifest(text.replace("include", "omit")))
    assert "LFS pointers" not in said.out
    assert run_cli("install", "--gitshelf", write_manifest(text)).code == 0
    assert (shelf / "b/a.bin").read_bytes() == SMALL


def test_install_without_an_object_or_without_git_lfs_names_the_file_and_leaves_no_clone(
    big: Repo,
    write_manifest: Callable[[str], Path],
    run_cli: Callable[..., Any],
    shelf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = write_manifest(manifest_of(big))
    (big.path / "lfs").rename(tmp_path / "away")
    for options, message in (
        ((), "book b: the LFS object of a.bin, d/b.bin, d/same.bin cannot be fetched ("),
        (
            ("--offline",),
            "book b: the LFS object of a.bin, d/b.bin, d/same.bin is not in the cache",
        ),
    ):
        said = run_cli("install", "--gitshelf", manifest, *options)
        assert said.code == 2
        assert message in said.err
        assert list(shelf.iterdir()) == []
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("git", "sh"):
        (tools / name).symlink_to(shutil.which(name) or name)
    monkeypatch.setenv("PATH", str(tools))
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 2
    assert "which is not installed" in said.err
    assert "Debian: git-lfs" in said.err


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
