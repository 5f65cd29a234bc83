"""What a package's own changelog says was closed since a version: DSA and CVE numbers.

Read from the files in the pool, once per source package and version; kept beside the sets.
"""

from __future__ import annotations

import gzip
import io
import json
import lzma
import re
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from zstandard import ZstdDecompressor

from deploykit.base import files
from deploykit.base.errors import InputError
from deploykit.mirror.packageset import Package
from deploykit.mirror.versions import version_order

MAGIC = b"!<arch>\n"
ENTRY = re.compile(r"^\S+ \((?P<version>[^)\s]+)\) [^;\n]*;", re.MULTILINE)
ADVISORY = re.compile(r"\b(?:CVE-\d{4}-\d{4,7}|D[SL]A-\d{1,5}(?:-\d{1,2})?)\b")
CHANGELOG = re.compile(r"usr/share/doc/[^/]+/changelog(?:\.Debian)?(?:\.gz)?")
MOST = 32 * 2**20  # bytes of a changelog that are read


@dataclass(frozen=True, slots=True)
class Entry:
    """One version in a changelog, and the advisories that it names."""

    version: str
    closes: tuple[str, ...]


def parse_changelog(text: str) -> tuple[Entry, ...]:
    """The entries of a Debian changelog, in its order. Pure."""
    starts = list(ENTRY.finditer(text))
    ends = [match.start() for match in starts[1:]] + [len(text)]
    return tuple(
        Entry(start["version"], _sorted(ADVISORY.findall(text[start.end() : end])))
        for start, end in zip(starts, ends, strict=True)
    )


def closed_since(entries: Iterable[Entry], old: str) -> tuple[str, ...]:
    """The advisories of the entries that are later than version `old`, sorted. Pure.

    What an older entry names too was closed before.
    """
    listed = tuple(entries)
    since = [entry for entry in listed if version_order(entry.version) > version_order(old)]
    before = {name for entry in listed if entry not in since for name in entry.closes}
    return _sorted({name for entry in since for name in entry.closes} - before)


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    """Without repetitions; years and numbers by their size."""

    def order(name: str) -> tuple[str, list[int]]:
        return name[:3], [int(part) for part in name[4:].split("-")]

    return tuple(sorted(set(names), key=order))


@dataclass(frozen=True, slots=True)
class Changelogs:
    """The changelogs of source packages: `folder` keeps what was read, `pool_file` has files."""

    folder: Path
    pool_file: Callable[[Package], Path]

    def of(self, packages: Iterable[Package]) -> tuple[Entry, ...]:
        """The entries of one source's changelog; `packages` are built from it, at one version.

        Empty where none of them carries one.
        """
        built = sorted(packages, key=lambda package: package.size)
        kept = self.folder / f"{built[0].source}_{built[0].source_version}.json"
        if kept.is_file():
            document = json.loads(kept.read_text(encoding="utf-8"))
            return tuple(Entry(version, tuple(closes)) for version, closes in document)
        entries = next((found for one in built if (found := self._read(one))), ())
        kept.parent.mkdir(parents=True, exist_ok=True)
        files.write(kept, json.dumps([[entry.version, entry.closes] for entry in entries]))
        return entries

    def _read(self, package: Package) -> tuple[Entry, ...]:
        """Of a package alone: some have a link to another's instead."""
        file = self.pool_file(package)
        return parse_changelog(changelog_of(file)) if file.is_file() else ()


def changelog_of(deb: Path) -> str:
    """The text of the changelog in a package's file; '' if it has none. Raises InputError."""
    try:
        with deb.open("rb") as handle, _files_of(handle) as archive:
            found = {}
            for member in archive:
                name = member.name.removeprefix("./")
                if member.isreg() and CHANGELOG.fullmatch(name):
                    inside = archive.extractfile(member)
                    found[name] = inside.read(MOST) if inside else b""
    except (OSError, tarfile.TarError, lzma.LZMAError, ValueError) as error:
        raise InputError(f"{deb}: this package cannot be read: {error}", "remove it") from None
    # A native package has no changelog but its own; another has Debian's beside its author's.
    name = min(found, key=lambda name: "Debian" not in name, default="")
    data = found.get(name, b"")
    if name.endswith(".gz"):
        data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MOST)
    return data.decode("utf-8", "replace")


def _files_of(handle: IO[bytes]) -> tarfile.TarFile:
    """The tar of what a package installs (deb(5): an `ar` archive, this tar its last member)."""
    if handle.read(len(MAGIC)) != MAGIC:
        raise ValueError("it is no Debian package")
    while header := handle.read(60):
        name, size = header[:16].decode("ascii", "replace").strip().rstrip("/"), int(header[48:58])
        if name.startswith("data.tar"):
            kind = name.removeprefix("data.tar").removeprefix(".")
            if kind == "zst":
                return tarfile.open(fileobj=ZstdDecompressor().stream_reader(handle), mode="r|")
            if kind == "xz":
                return tarfile.open(fileobj=handle, mode="r|xz")
            return tarfile.open(fileobj=handle, mode="r|gz" if kind == "gz" else "r|")
        handle.seek(size + size % 2, io.SEEK_CUR)
    raise ValueError("it has no data.tar")


def by_source(packages: Mapping[str, Package]) -> dict[str, list[Package]]:
    """The packages of each source."""
    found: dict[str, list[Package]] = {}
    for package in packages.values():
        found.setdefault(package.source, []).append(package)
    return found
