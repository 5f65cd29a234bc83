"""A kit in the right form that says something else than its commits do is refused."""

from __future__ import annotations

import gzip
import json
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import Refused
from gitshelf.formats import tar
from gitshelf.formats.tar import Entry
from gitshelf.formats.tarreader import Reader

import gitshelf

Repo = Any


def test_kit_that_is_not_what_it_says_is_no_kit(tmp_path: Path) -> None:
    (tmp_path / "kit.tar").write_bytes(bytes(1024))
    with pytest.raises(Refused, match=r"no KIT/lock.json"):
        gitshelf.verify(tmp_path / "kit.tar")


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
        (Entry(b"b/.git", tar.FILE, 0o644, 1, TIME), b"x", "git never checks out"),
        (Entry(b"b/GIT~1/", tar.FOLDER, 0o755, 0, TIME), b"", "git never checks out"),
        (Entry(b"b/.g\xe2\x80\x8cit", tar.LINK, 0o755, 0, TIME, b"a"), b"", "git never checks out"),
        (Entry(b"b/.gitmodules", tar.LINK, 0o755, 0, TIME, b"a"), b"", "git never checks out"),
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
