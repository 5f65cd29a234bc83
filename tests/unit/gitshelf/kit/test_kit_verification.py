"""A kit that was changed in any way is refused, before anything is unpacked."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.formats import compression, tar
from gitshelf.formats.tar import Entry
from gitshelf.formats.tarreader import Reader

import gitshelf

Repo = Any
Cli = Callable[..., Any]


@pytest.fixture
def kit(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> Path:
    """A small kit alone in a folder: a book with a file, a program, a link, and one left out."""
    repo = make_repo()
    repo.commit(
        {
            b"d/a": b"text\n",
            b"d/run": ("100755", b"#!\n"),
            b"d/l": ("120000", b"a"),
            b"d/sub": ("160000", b"2" * 40),
            b"x" * 120: b"",
        }
    )
    manifest = write_manifest(
        f"books:\n- {{book: b, git: '{repo.url}', path: d, submodules: omit}}\n"
        f"- {{book: c, git: '{repo.url}', submodules: omit}}\n- {{book: l, link: b/a}}\n"
    )
    built = gitshelf.build(manifest, tmp_path / "built" / "kit.tar")
    alone = tmp_path / "alone" / "kit.tar"
    alone.parent.mkdir()
    built.path.rename(alone)
    return alone


def packed(kit: Path, suffix: str) -> Path:
    """The same kit, compressed."""
    target = kit.with_name("kit" + suffix)
    with target.open("wb", buffering=0) as raw:
        sink = compression.compressor(raw, suffix)
        sink.write(kit.read_bytes())
        sink.close()
    return target


@pytest.mark.timeout(600)
def test_one_changed_byte_anywhere_is_found(kit: Path) -> None:
    data = kit.read_bytes()
    chance = random.Random(7)
    missed = []
    with kit.open("r+b", buffering=0) as file:
        for position, byte in enumerate(data):
            os.pwrite(file.fileno(), bytes([byte ^ chance.randint(1, 255)]), position)
            try:
                gitshelf.verify(kit)
                missed.append(position)
            except Refused:
                pass
            os.pwrite(file.fileno(), bytes([byte]), position)
    assert not missed
    assert gitshelf.verify(kit)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.zst"])
def test_one_changed_byte_in_a_compressed_kit_never_changes_what_is_inside(
    kit: Path, suffix: str
) -> None:
    digest = gitshelf.verify(kit).digest
    file = packed(kit, suffix)
    data = file.read_bytes()
    chance = random.Random(8)
    accepted = 0
    for position, byte in enumerate(data):
        file.write_bytes(
            data[:position] + bytes([byte ^ chance.randint(1, 255)]) + data[position + 1 :]
        )
        try:
            assert gitshelf.verify(file).digest == digest
            accepted += 1
        except Refused:
            pass
    # Bits that mean nothing to the compression; SHA256SUMS covers them.
    assert accepted <= 3
    sums = subprocess.run(["sha256sum", file.name], cwd=file.parent, capture_output=True)
    (file.parent / "SHA256SUMS").write_bytes(sums.stdout)
    file.write_bytes(data)
    with pytest.raises(Refused, match="not the file that SHA256SUMS lists"):
        gitshelf.verify(file)


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.zst"])
def test_truncated_or_prolonged_kit_is_refused(kit: Path, suffix: str) -> None:
    file = kit if suffix == ".tar" else packed(kit, suffix)
    data = file.read_bytes()
    for length in [0, 1, 3, 511, 512, len(data) // 2, len(data) - 513, len(data) - 1]:
        file.write_bytes(data[:length])
        with pytest.raises(Refused):
            gitshelf.verify(file)
    for tail in [b"\0", bytes(512), bytes(10240), data]:
        file.write_bytes(data + tail)
        with pytest.raises(Refused):
            gitshelf.verify(file)


def rewritten(kit: Path, change: Callable[[list[tuple[Entry, bytes]]], None]) -> Path:
    """The kit with its entries changed, in gitshelf's own form again."""
    entries: list[tuple[Entry, bytes]] = []
    with kit.open("rb") as source:
        reader = Reader(source)
        while entry := reader.entry():
            entries.append((entry, b"".join(reader.content(entry))))
    change(entries)
    entries.sort(key=lambda one: one[0].name)
    kit.write_bytes(
        b"".join(tar.header(e) + data + tar.padding(len(data)) for e, data in entries) + tar.END
    )
    return kit


TIME = 1_700_000_001


@pytest.mark.parametrize(
    ("entry", "content", "said"),
    [
        (Entry(b"b/new", tar.FILE, 0o644, 1, TIME), b"x", "content is not what the lock says"),
        (Entry(b"other", tar.FILE, 0o644, 1, TIME), b"x", "belongs to no book"),
        (Entry(b"KIT/x", tar.FILE, 0o644, 1, TIME), b"x", "should not be there"),
        (Entry(b"b/n/", tar.FOLDER, 0o755, 0, TIME), b"", "should not be there"),
        (Entry(b"../x", tar.FILE, 0o644, 1, TIME), b"x", "not a folder"),
        (Entry(b"/etc/x", tar.FILE, 0o644, 1, TIME), b"x", "not a folder"),
        (Entry(b"b/..", tar.FILE, 0o644, 1, TIME), b"x", "outside the shelf"),
        (Entry(b"b/../", tar.FOLDER, 0o755, 0, TIME), b"", "outside the shelf"),
        (Entry(b"b/l/x", tar.FILE, 0o644, 1, TIME), b"x", "not a folder"),
        (Entry(b"l/x", tar.FILE, 0o644, 1, TIME), b"x", "not a folder"),
        (Entry(b"l/", tar.FOLDER, 0o755, 0, TIME), b"", "folder l/ is not"),
        (Entry(b"b/out", tar.LINK, 0o755, 0, TIME, b"../c"), b"", "leads out of its book"),
        (Entry(b"b/pki", tar.LINK, 0o755, 0, TIME, b"/etc/salt/pki"), b"", "leads out"),
        (Entry(b"KIT/l", tar.LINK, 0o755, 0, TIME, b"lock.json"), b"", "leads out"),
        (Entry(b"b/suid", tar.FILE, 0o4755, 1, TIME), b"x", "has mode 4755"),
    ],
)
def test_smuggled_entry_is_refused(
    kit: Path, entry: Entry, content: bytes, said: str, tmp_path: Path
) -> None:
    def smuggle(entries: list[tuple[Entry, bytes]]) -> None:
        entries.append((entry, content))

    rewritten(kit, smuggle)
    with pytest.raises(Refused, match=said):
        gitshelf.extract(kit, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_entry_that_went_missing_is_noticed(kit: Path) -> None:
    names = [entry.name for entry, _ in _entries(kit)]
    data = kit.read_bytes()
    for name in names:
        rewritten(kit, lambda all_, name=name: _remove(all_, name))  # type: ignore[misc]
        with pytest.raises(Refused):
            gitshelf.verify(kit)
        kit.write_bytes(data)


def _entries(kit: Path) -> list[tuple[Entry, bytes]]:
    found: list[tuple[Entry, bytes]] = []
    data = kit.read_bytes()
    rewritten(kit, found.extend)
    assert kit.read_bytes() == data
    return found


def _remove(entries: list[tuple[Entry, bytes]], name: bytes) -> None:
    entries[:] = [one for one in entries if one[0].name != name]


def test_tar_of_another_program_is_refused(kit: Path, tmp_path: Path) -> None:
    gitshelf.extract(kit, tmp_path / "out")
    other = tmp_path / "alone" / "other.tar"
    with tarfile.open(other, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(tmp_path / "out", ".")
    with pytest.raises(Refused):
        gitshelf.verify(other)
    (tmp_path / "alone" / "k.tar.gz").write_bytes(gzip.compress(kit.read_bytes()))
    with pytest.raises(Refused, match=r"/k\.tar\.gz: the gzip header"):
        gitshelf.verify(tmp_path / "alone" / "k.tar.gz")


def test_signature_is_asked_for_and_the_key_must_be_known(
    repo: Repo,
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    signing_key: Path,
    signers: Path,
    run_cli: Callable[..., Any],
) -> None:
    manifest = write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n")
    kit = gitshelf.build(manifest, tmp_path / "r" / "kit.tar.gz", key=signing_key)
    assert gitshelf.verify(kit.path, signers=signers).signer == "releaser@example.org"
    folder = kit.path.parent
    # Plain tools accept it.
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    with (folder / "SHA256SUMS").open("rb") as sums:
        subprocess.run(
            [
                *("ssh-keygen", "-Y", "verify", "-f", signers, "-I", "releaser@example.org"),
                *("-n", "gitshelf-kit", "-s", folder / "SHA256SUMS.sig"),
            ],
            stdin=sums,
            check=True,
            capture_output=True,
        )
    stranger = tmp_path / "stranger"
    stranger.write_text(
        "someone ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3kMKkXuIqnIuzQCPTSBjHyZzCFTkDUIB4hXPvjWFFn\n"
    )
    said = run_cli("verify", kit.path, "--signers", stranger)
    assert said.code == 1
    assert "is not one of" in said.err
    for_other_things = tmp_path / "other"
    for_other_things.write_text(signers.read_text().replace(" ssh-", ' namespaces="git" ssh-'))
    with pytest.raises(Refused):
        gitshelf.verify(kit.path, signers=for_other_things)
    sums_file = folder / "SHA256SUMS"
    before = sums_file.read_bytes()
    sums_file.write_bytes(before.replace(b"0", b"1", 1))
    with pytest.raises(Refused, match="does not fit"):
        gitshelf.verify(kit.path, signers=signers)
    sums_file.write_bytes(before)
    kit.path.rename(folder / "other.tar.gz")
    with pytest.raises(Refused, match="does not list other"):
        gitshelf.verify(folder / "other.tar.gz", signers=signers)
    (folder / "SHA256SUMS.sig").unlink()
    with pytest.raises(Refused, match="no SHA256SUMS with its signature"):
        gitshelf.verify(folder / "other.tar.gz", signers=signers)


def test_signature_for_older_sums_does_not_stay(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path, signing_key: Path
) -> None:
    text = f"books:\n- {{book: b, git: '{repo.url}'}}\n"
    kit = gitshelf.build(write_manifest(text), tmp_path / "r" / "kit.tar", key=signing_key)
    assert gitshelf.build(write_manifest(text), kit.path).signature is not None
    assert gitshelf.build(write_manifest(text + "# more\n"), kit.path).signature is None


def test_sign_release_covers_exactly_the_files_of_the_folder(
    kit: Path, signing_key: Path, signers: Path
) -> None:
    (kit.parent / "release.yml").write_text("version: 1\n")
    gitshelf.sign_release(kit.parent, signing_key)
    listed = (kit.parent / "SHA256SUMS").read_text()
    assert [line[66:] for line in listed.splitlines()] == ["kit.tar", "release.yml"]
    assert gitshelf.verify(kit, signers=signers).signer == "releaser@example.org"


def test_key_that_cannot_sign_is_an_error_and_nothing_asks(kit: Path, tmp_path: Path) -> None:
    with pytest.raises(GitshelfError, match="is not there"):
        gitshelf.sign_release(kit.parent, tmp_path / "nokey")
    locked = tmp_path / "locked"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", locked], check=True, timeout=60
    )
    begun = time.monotonic()
    with pytest.raises(GitshelfError, match=r"signing with .* failed"):
        gitshelf.sign_release(kit.parent, locked)
    assert time.monotonic() - begun < 20


def test_build_with_a_key_that_is_not_there_writes_nothing(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    manifest = write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n")
    with pytest.raises(GitshelfError, match=r"the signing key .* is not there"):
        gitshelf.build(manifest, tmp_path / "out" / "kit.tar", key=tmp_path / "nokey")
    assert not (tmp_path / "out").exists()


def test_other_release_than_the_one_asked_for_is_refused(kit: Path) -> None:
    with pytest.raises(Refused, match="not 0000"):
        gitshelf.verify(kit, digest="0" * 64)


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


def test_verifier_zip_works_with_the_standard_library_alone(
    kit: Path, tmp_path: Path, signing_key: Path, signers: Path
) -> None:
    gitshelf.sign_release(kit.parent, signing_key)
    data = gitshelf.verifier_zip()
    assert data == gitshelf.verifier_zip()
    program = tmp_path / "verifier.zip"
    program.write_bytes(data)
    argv = [sys.executable, "-I", "-S", program, "extract", kit, tmp_path / "out"]
    done = subprocess.run([*argv, "--signers", signers], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert gitshelf.verify(kit).digest in done.stdout
    assert (tmp_path / "out" / "b" / "a").read_bytes() == b"text\n"
    with kit.open("r+b") as file:
        file.seek(600)
        file.write(b"!")
    argv = [sys.executable, "-I", "-S", program, "verify", kit]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_endless_compressed_zeros_do_not_fill_the_memory(tmp_path: Path) -> None:
    file = tmp_path / "kit.tar.gz"
    with file.open("wb", buffering=0) as raw:
        sink = compression.compressor(raw, ".tar.gz")
        header = tar.header(Entry(b"KIT/lock.json", tar.FILE, 0o644, 1 << 40, 0))
        sink.write(header + bytes(1 << 22))
        sink.close()
    with pytest.raises(Refused):
        gitshelf.verify(file)


def test_reader_gives_the_digest_of_all_bytes(kit: Path) -> None:
    import hashlib

    data = kit.read_bytes()
    reader = Reader(io.BytesIO(data), 100)
    while entry := reader.entry():
        for _ in reader.content(entry):
            pass
    assert (reader.digest, reader.offset) == (hashlib.sha256(data).hexdigest(), len(data))


def test_wrong_time_or_mode_of_any_entry_is_refused(kit: Path) -> None:
    data = kit.read_bytes()
    for index, (entry, content) in enumerate(_entries(kit)):
        others = [replace(entry, mtime=entry.mtime + 1)]
        if entry.kind == tar.FILE:
            others.append(replace(entry, mode=entry.mode ^ 0o111))
        for other in others:

            def change(
                entries: list[tuple[Entry, bytes]],
                index: int = index,
                new: tuple[Entry, bytes] = (other, content),
            ) -> None:
                entries[index] = new

            rewritten(kit, change)
            with pytest.raises(Refused):
                gitshelf.verify(kit)
            kit.write_bytes(data)


def test_entries_in_another_order_are_refused(kit: Path) -> None:
    parts = [tar.header(e) + c + tar.padding(len(c)) for e, c in _entries(kit)]
    parts[-1], parts[-2] = parts[-2], parts[-1]
    kit.write_bytes(b"".join(parts) + tar.END)
    with pytest.raises(Refused, match="order"):
        gitshelf.verify(kit)


def test_same_entry_twice_is_refused(kit: Path) -> None:
    parts = [tar.header(e) + c + tar.padding(len(c)) for e, c in _entries(kit)]
    kit.write_bytes(b"".join([*parts, parts[-1]]) + tar.END)
    with pytest.raises(Refused, match="order"):
        gitshelf.verify(kit)


def _changed_lock(kit: Path, change: Callable[[Any], None]) -> None:
    def rewrite(entries: list[tuple[Entry, bytes]]) -> None:
        for index, (entry, content) in enumerate(entries):
            if entry.name == b"KIT/lock.json":
                document = json.loads(content)
                change(document)
                new = (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
                entries[index] = (replace(entry, size=len(new)), new)

    rewritten(kit, rewrite)


_OTHER = "3" * 40


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(format=2),
        lambda d: d.update(more=1),
        lambda d: d.pop("links"),
        lambda d: d["links"][0].update(link="c"),
        lambda d: d["links"][0].update(book="m"),
        lambda d: d["links"].clear(),
        lambda d: d["books"].pop(),
        lambda d: d["books"].reverse(),
        lambda d: d["books"].append(d["books"][1]),
        lambda d: d["books"][0].update(book="bb"),
        lambda d: d["books"][0].update(book=7),
        lambda d: d["books"][0].update(book="\ud800"),
        lambda d: d["books"][0].update(commit=_OTHER),
        lambda d: d["books"][0].update(commit="HEAD"),
        lambda d: d["books"][0].update(tree=_OTHER),
        lambda d: d["books"][0].update(tree=d["books"][1]["tree"]),
        lambda d: d["books"][0].update(path=""),
        lambda d: d["books"][0].update(path="x"),
        lambda d: d["books"][0].update(time=d["books"][0]["time"] + 1),
        lambda d: d["books"][0].update(files=1),
        lambda d: d["books"][0].update(bytes=1),
        lambda d: d["books"][0]["content"].update(sha256="0" * 64),
        lambda d: d["books"][0]["policies"].update(submodules="refuse"),
        lambda d: d["books"][0]["policies"].update(links="include"),
        lambda d: d["books"][0]["omitted"][0].update(id=_OTHER),
        lambda d: d["books"][0]["omitted"][0].update(path="other"),
        lambda d: d["books"][0]["omitted"][0].update(mode="100644"),
        lambda d: d["books"][0]["omitted"][0].update(why="lfs"),
        lambda d: d["books"][0].pop("omitted"),
        lambda d: d["books"][0].update(irregular=["a"]),
        lambda d: d["manifest.yml"].update(sha256="0" * 64),
        lambda d: d["sbom.cdx.json"].update(sha256="0" * 64),
    ],
)
def test_lock_that_says_something_else_is_refused(kit: Path, change: Callable[[Any], None]) -> None:
    _changed_lock(kit, change)
    with pytest.raises(Refused):
        gitshelf.verify(kit)


@pytest.mark.parametrize("name", [b"KIT/manifest.yml", b"KIT/sbom.cdx.json", b"b/a"])
def test_other_content_in_the_right_form_is_refused(kit: Path, name: bytes) -> None:
    def change(entries: list[tuple[Entry, bytes]]) -> None:
        for index, (entry, content) in enumerate(entries):
            if entry.name == name:
                entries[index] = (entry, content[:-1] + b"!")

    rewritten(kit, change)
    with pytest.raises(Refused):
        gitshelf.verify(kit)


def test_files_that_are_not_those_of_the_commit_are_refused(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    """Everything in the kit agrees, but for the commit, which is a real one of the repository."""
    manifest = write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n")
    built = gitshelf.build(manifest, tmp_path / "built" / "kit.tar")
    kit = built.path.rename(tmp_path / "kit.tar")
    (book,) = built.lock.books
    repo.clock = book.time - 1
    other = repo.commit({b"README": b"reviewed\n"})
    raw = subprocess.run(
        ["git", "cat-file", "commit", other], cwd=repo.path, capture_output=True, check=True
    ).stdout

    def change(entries: list[tuple[Entry, bytes]]) -> None:
        for index, (entry, content) in enumerate(entries):
            if entry.name.startswith(b"KIT/commits/") and entry.kind == tar.FILE:
                name = b"KIT/commits/" + other.encode()
                entries[index] = (replace(entry, name=name, size=len(raw)), raw)
            elif entry.name == b"KIT/lock.json":
                entries[index] = (entry, content.replace(book.commit.encode(), other.encode()))

    rewritten(kit, change)
    with pytest.raises(Refused, match="its tree is not its commit's"):
        gitshelf.verify(kit)


def test_other_times_than_the_commits_are_refused_even_when_all_agree(kit: Path) -> None:
    def later(entries: list[tuple[Entry, bytes]]) -> None:
        for index, (entry, content) in enumerate(entries):
            new = content
            if entry.name == b"KIT/lock.json":
                new = content.replace(b"%d" % TIME, b"%d" % (TIME + 1))
            entries[index] = (replace(entry, mtime=TIME + 1), new)

    rewritten(kit, later)
    with pytest.raises(Refused, match="its time is not its commit's"):
        gitshelf.verify(kit)


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
