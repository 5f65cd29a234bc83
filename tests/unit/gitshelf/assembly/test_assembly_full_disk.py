"""Builds that are killed or run out of disk, large kits with one wrong byte, any input at all."""

from __future__ import annotations

import os
import random
import shutil
import signal
import string
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.formats import tar
from gitshelf.manifest.tokens import TokenError, Values, expand, hide, show
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from smalldisk import small_disk

import gitshelf
from gitshelf import git

Repo = Any
Said = Any
Write = Callable[[str], Path]
KILLS = 50


@pytest.fixture
def shelf(make_repo: Callable[..., Repo], write_manifest: Write) -> Path:
    """A manifest of three books of about half a megabyte each."""
    lines = []
    for number in range(3):
        repo = make_repo(f"r{number}")
        chance = random.Random(number)
        repo.commit({b"%d/%d" % (number, i): chance.randbytes(3000) for i in range(150)})
        lines.append(f"- {{book: b{number}, git: '{repo.url}', branch: {repo.commits[0]}}}\n")
    return write_manifest("books:\n" + "".join(lines))


def started(manifest: Path, output: Path) -> subprocess.Popen[bytes]:
    """A build in a process group of its own."""
    argv = [sys.executable, "-m", "gitshelf", "build", "--gitshelf", manifest, "--output", output]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(argv, stdout=quiet, stderr=quiet, start_new_session=True)


def fsck(cache: Path) -> int:
    """How many stores there are in the cache; every object of them is whole."""
    stores = list((cache / "gitshelf" / "v1" / "stores").iterdir())
    for store in stores:
        argv = ["git", "fsck", "--full", "--strict", "--no-dangling"]
        done = subprocess.run(argv, cwd=store, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        # Half-made packs and locks of the killed are gone too.
        assert not [*store.glob("objects/pack/tmp_*"), *store.glob("**/*.lock")]
    return len(stores)


@pytest.mark.lengthy
@pytest.mark.timeout(600)
def test_build_killed_with_its_children_at_any_moment_is_finished_by_the_next(
    shelf: Path, tmp_path: Path
) -> None:
    undisturbed = gitshelf.build(shelf, tmp_path / "undisturbed.tar").path.read_bytes()
    cache, output = tmp_path / "cache", tmp_path / "out" / "kit.tar"
    shutil.rmtree(cache)
    begun = time.monotonic()
    assert started(shelf, output).wait(60) == 0
    whole = time.monotonic() - begun
    chance = random.Random(11)
    killed = 0
    for moment in range(KILLS):
        if moment % 3 < 2:
            shutil.rmtree(cache, ignore_errors=True)
            shutil.rmtree(output.parent, ignore_errors=True)
        run = started(shelf, output)
        # What comes before the first fetch is of little interest.
        time.sleep(chance.uniform(0.2, 1.0) * whole)
        if moment % 5 == 4:
            # Its children live on for a while, with its locks.
            run.kill()
        else:
            os.killpg(run.pid, signal.SIGKILL)
        killed += run.wait(60) == -signal.SIGKILL
        if output.exists():
            assert output.read_bytes() == undisturbed
        kit = gitshelf.build(shelf, output)
        assert kit.path.read_bytes() == undisturbed
        names = sorted(path.name for path in output.parent.iterdir())
        assert names == ["SHA256SUMS", "kit.tar", "kit.tar.provenance.json"]
        if moment % 10 == 0:
            assert fsck(cache) == 3
    assert fsck(cache) == 3
    # Else the machine was so busy that hardly any was killed before its end.
    assert killed >= KILLS // 2


@pytest.fixture
def large(make_repo: Callable[..., Repo], write_manifest: Write, tmp_path: Path) -> Path:
    """A kit of five megabytes with every kind of record, alone in a folder."""
    chance = random.Random(5)
    files: dict[bytes, Any] = {b"small/%03d" % i: chance.randbytes(i * 7) for i in range(300)}
    files |= {b"deep/" * 30 + b"%d" % i: b"%d" % i for i in range(10)}
    files |= {b"odd\xff" + b"n" * 120 + b"%d" % i: b"" for i in range(10)}
    files |= {b"l%d" % i: ("120000", b"./" * 70 + b"big") for i in range(10)}
    files[b"big"] = ("100755", chance.randbytes(4_000_001))
    repo = make_repo("large")
    repo.commit(files)
    built = gitshelf.build(
        write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n- {{book: x, link: b/big}}\n"),
        tmp_path / "built" / "kit.tar",
    )
    alone = tmp_path / "alone" / "kit.tar"
    alone.parent.mkdir()
    return built.path.rename(alone)


def places(data: bytes) -> dict[str, list[int]]:
    """The bytes of a tar by what they are for, found without gitshelf's own reader."""
    found: dict[str, list[int]] = {
        key: [] for key in ("header", "content", "padding", "pax header", "pax record", "end")
    }
    at = 0
    while data[at] != 0:
        size = int(data[at + 124 : at + 135], 8)
        is_pax = data[at + 156 : at + 157] == b"x"
        found["pax header" if is_pax else "header"] += range(at, at + 512)
        body = at + 512
        found["pax record" if is_pax else "content"] += range(body, body + size)
        at = body + (size + 511) // 512 * 512
        found["padding"] += range(body + size, at)
    found["end"] += range(at, len(data))
    return found


@pytest.mark.lengthy
@pytest.mark.timeout(600)
def test_one_changed_byte_anywhere_in_a_large_kit_is_found(large: Path) -> None:
    data = large.read_bytes()
    assert len(data) > 4_500_000
    chance = random.Random(21)
    by_kind = places(data)
    assert all(by_kind.values())
    missed = []
    with large.open("r+b", buffering=0) as file:
        for kind, positions in by_kind.items():
            for position in chance.sample(positions, min(40, len(positions))):
                os.pwrite(file.fileno(), bytes([data[position] ^ chance.randint(1, 255)]), position)
                try:
                    gitshelf.verify(large)
                    missed.append((kind, position))
                except Refused:
                    pass
                os.pwrite(file.fileno(), data[position : position + 1], position)
    assert not missed
    assert gitshelf.verify(large)


@pytest.mark.parametrize("size", ["64k", "700k", "2m"])
@pytest.mark.parametrize("full", ["cache", "output"])
def test_full_disk_is_one_clear_error_and_leaves_no_half_kit(
    shelf: Path,
    tmp_path: Path,
    run_cli: Callable[..., Said],
    monkeypatch: pytest.MonkeyPatch,
    full: str,
    size: str,
) -> None:
    with small_disk(tmp_path / "small", size) as disk:
        output = (disk if full == "output" else tmp_path) / "out" / "kit.tar"
        if full == "cache":
            monkeypatch.setenv("XDG_CACHE_HOME", str(disk))
        said = run_cli("build", "--gitshelf", shelf, "--output", output)
        if said.code == 0:
            assert size == "2m"
            assert full == "output"
            assert gitshelf.verify(output)
            return
        assert said.code == 2, said.err
        assert "o space left on device" in said.err
        assert [line[:7] for line in said.err.splitlines()] == ["error: ", "remedy:"]
        assert said.err.count("remedy: ") == 1
        left = list(output.parent.iterdir()) if output.parent.exists() else []
        assert left == []
        # With more room the same call succeeds.
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True, timeout=30)
        assert run_cli("build", "--gitshelf", shelf, "--output", output).code == 0
        assert gitshelf.verify(output)


def test_extract_onto_a_full_disk_leaves_nothing(
    shelf: Path, tmp_path: Path, run_cli: Callable[..., Said]
) -> None:
    kit = gitshelf.build(shelf, tmp_path / "kit.tar").path
    with small_disk(tmp_path / "small", "700k") as disk:
        said = run_cli("extract", kit, disk / "release")
        assert said.code == 2, said.err
        assert "o space left on device" in said.err
        assert list(disk.iterdir()) == []


@pytest.mark.parametrize("size", ["100k", "300k", "400k", "700k"])
def test_install_on_another_file_system_than_the_caches_and_a_full_one(
    shelf: Path,
    tmp_path: Path,
    run_cli: Callable[..., Said],
    monkeypatch: pytest.MonkeyPatch,
    size: str,
) -> None:
    """Where the disk is full git says so, unless it was writing a configuration."""
    with small_disk(tmp_path / "small", size) as disk:
        monkeypatch.chdir(disk)
        said = run_cli("install", "--gitshelf", shelf)
        assert said.code == 2, said.err
        assert "o space left on device" in said.err
        assert ": book b" in said.err
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True, timeout=30)
        assert run_cli("install", "--gitshelf", shelf).code == 0
        assert run_cli("status", "--gitshelf", shelf).code == 0
        monkeypatch.chdir(tmp_path)


def test_full_disk_is_said_where_git_does_not_say_it(tmp_path: Path) -> None:
    silent = "fatal: could not set 'core.bare' to 'false'\n"
    said = silent.removeprefix("fatal: ").strip()
    assert git.reason(silent, tmp_path / "new" / "clone") == said
    with small_disk(tmp_path / "small", "64k") as disk:
        assert git.reason(silent, disk / "new") == f"{said}: No space left on device"
        told = "error: write: No space left on device\n"
        assert git.reason(told, disk) == "write: No space left on device"


_token_names = st.text(string.ascii_letters + string.digits + "_.-", min_size=1, max_size=3)
_token_texts = st.lists(
    st.one_of(_token_names.map("{{{}}}".format), st.text(max_size=4)), max_size=6
).map("".join)


@given(text=_token_texts, values=st.dictionaries(_token_names, _token_texts, max_size=5))
@settings(max_examples=400, deadline=None)
def test_any_tokens_end_in_a_text_or_an_error(text: str, values: dict[str, str]) -> None:
    try:
        hidden = hide(text)
        raw = {name: hide(value) for name, value in values.items()}
    except ValueError:
        assert any("\ue000" in t or "\ue001" in t for t in (text, *values.values()))
        return
    assert len(hidden) == len(text)
    assert show(hidden) == text
    try:
        expanded = expand(hidden, Values(raw))
    except TokenError as error:
        assert str(error)
        assert error.missing not in values
        return
    assert "\ue000" not in expanded


_names = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.text(min_size=1, max_size=6).map(lambda name: name.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [b"a", b"b", b"-x", b"new\nline", b"\xff\xfe", b" ", b"KIT", b"n" * 255, b"\xc3\xa9" * 60,
         b"a" * 101, b".gitattributes", b".gitmodules", b"LICENSE", b"~", b"tab\t", b"\\", b"*"]
    ),
)  # fmt: skip
_usable = _names.filter(
    lambda name: name not in (b".", b"..") and not set(name) & {0, 0x2F} and len(name) < 256
).filter(lambda name: not name.lower().startswith((b".git\0", b"git~")) and name.lower() != b".git")
_paths = st.lists(_usable, min_size=1, max_size=12).map(b"/".join)
_attributes = st.lists(
    st.sampled_from(
        [b"* export-ignore\n", b"a export-subst\n", b"* eol=crlf ident\n", b"* filter=lfs\n",
         b"[attr]x export-ignore\n* x\n", b"\"a b\" text\n", b"* -export-ignore\n", b"\xff\n",
         b"**/b/** export-ignore\n", b"!a export-ignore\n", b"*\n"]
    ),
    max_size=4,
).map(b"".join)  # fmt: skip
_contents = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"x" * 511, b"x" * 512, b"x" * 513, b"$Id$ $Format:%H$\r\n"]),
    _attributes,
    st.just(b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1\n"),
)
_targets = st.one_of(_paths, st.lists(st.sampled_from([b"..", b"a", b"b", b"."])).map(b"/".join))
_entries = st.one_of(
    _contents,
    _contents.map(lambda data: ("100755", data)),
    _targets.filter(bool).map(lambda target: ("120000", target)),
    st.just(("160000", b"1" * 40)),
)
_policies = st.fixed_dictionaries(
    {},
    optional={
        "submodules": st.sampled_from(["refuse", "omit"]),
        "lfs": st.sampled_from(["refuse", "omit"]),
        "links": st.sampled_from(["refuse", "omit"]),
        "export-ignore": st.sampled_from(["refuse", "omit", "include"]),
        "export-subst": st.sampled_from(["refuse", "omit", "include"]),
    },
)


def as_git_sees_it(folder: Path) -> dict[bytes, tuple[str, bytes]]:
    """What a folder holds: mode and content by path."""
    found = {}
    for path in folder.rglob("*"):
        name = os.fsencode(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("120000", os.readlink(os.fsencode(path)))  # noqa: PTH115
        elif path.is_file():
            mode = "100755" if path.stat().st_mode & 0o111 else "100644"
            found[name] = (mode, path.read_bytes())
    return found


@given(files=st.dictionaries(_paths, _entries, min_size=1, max_size=8), policies=_policies)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_repository_is_proved_and_comes_out_as_it_went_in_or_is_an_error(
    files: dict[bytes, Any],
    policies: dict[str, str],
    make_repo: Callable[..., Repo],
    tmp_path: Path,
) -> None:
    for name in ("servers", "out", "site", "cache"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    # A file cannot be a folder too.
    files = {p: c for p, c in files.items() if not any(o.startswith(p + b"/") for o in files)}
    repo = make_repo()
    repo.commit(files)
    lines = "".join(f"  {key}: {value}\n" for key, value in policies.items())
    (tmp_path / "site").mkdir()
    manifest = tmp_path / "site" / "gitshelf.yml"
    manifest.write_text(f"books:\n- book: b\n  git: {repo.url}\n{lines}")
    try:
        kit = gitshelf.build(manifest, tmp_path / "site" / "kit.tar")
    except GitshelfError as error:
        assert "gitshelf.yml:2: book b: " in str(error)
        assert not (tmp_path / "site" / "kit.tar").exists()
        return
    (book,) = gitshelf.verify(kit.path).lock.books
    gitshelf.extract(kit.path, tmp_path / "out")
    left_out = {one.path for one in book.omitted}
    assert left_out <= set(files)
    carried = {
        path: content if isinstance(content, tuple) else ("100644", content)
        for path, content in files.items()
        if path not in left_out
    }
    assert as_git_sees_it(tmp_path / "out" / "b") == carried
    assert gitshelf.build(manifest, tmp_path / "site" / "again.tar").digest == kit.digest


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_sequence_of_entries_is_read_or_refused(
    data: st.DataObject, tmp_path_factory: Any
) -> None:
    kinds = st.sampled_from([tar.FILE, tar.FOLDER, tar.LINK])
    parts = [b""]
    for name in data.draw(st.lists(_paths, max_size=6)):
        kind = data.draw(kinds)
        body = data.draw(_contents) if kind == tar.FILE else b""
        link = data.draw(_targets) if kind == tar.LINK else b""
        path = name + b"/" if kind == tar.FOLDER else name
        entry = tar.Entry(
            data.draw(st.sampled_from([path, b"KIT/" + path])),
            kind,
            data.draw(st.sampled_from([0o644, 0o755, 0o777])),
            len(body),
            0,
            link,
        )
        parts.append(tar.header(entry) + body + tar.padding(len(body)))
    file = tmp_path_factory.getbasetemp() / "sequence.tar"
    file.write_bytes(b"".join(parts) + tar.END)
    with pytest.raises(Refused):
        gitshelf.verify(file)
