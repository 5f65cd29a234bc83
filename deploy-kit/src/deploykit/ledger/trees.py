"""The git trees that hold a ledger's records, named without git."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from deploykit.ledger.records import FOLDER, path_of

TREE = "040000 tree"
RECORD = "100644 blob"


@dataclass
class RecordTrees:
    """The folders of records: by path, their entries (`MODE KIND ID`) by name.

    A folder that nothing is added to need not be there: its entry in the one above tells its id.
    """

    folders: dict[str, dict[str, str]] = field(default_factory=lambda: {FOLDER: {}})

    @classmethod
    def parse(cls, listing: str) -> Self:
        """The trees in what `git ls-tree -t` printed of some folders."""
        trees = cls()
        for line in listing.splitlines():
            entry, _, path = line.partition("\t")
            folder, _, name = path.rpartition("/")
            if folder:
                trees.folders.setdefault(folder, {})[name] = entry
        return trees

    def add(self, n: int, text: str) -> None:
        """Go on by record number `n` with this `text`."""
        folder, _, name = path_of(n, text).rpartition("/")
        blob = object_id("blob", text.encode())
        self.folders.setdefault(folder, {})[name] = f"{RECORD} {blob}"

    def listings(self) -> tuple[str, ...]:
        """All folders that are there as `git mktree` takes them, the root last."""
        top = dict(self.folders[FOLDER])
        inner: list[str] = []
        for folder, entries in self.folders.items():
            if folder != FOLDER:
                inner.append(tree_listing(entries))
                top[folder.rpartition("/")[2]] = f"{TREE} {tree_id(inner[-1])}"
        records = tree_listing(top)
        return (*inner, records, tree_listing({FOLDER: f"{TREE} {tree_id(records)}"}))

    @property
    def root(self) -> str:
        """The id of the tree that a commit of these records has."""
        return tree_id(self.listings()[-1])


def object_id(kind: str, data: bytes) -> str:
    """git's name of an object (gitformat-pack: SHA-1 of type, size, NUL and content)."""
    whole = f"{kind} {len(data)}\0".encode() + data
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest()


def tree_listing(entries: Mapping[str, str]) -> str:
    """Entries, `MODE KIND ID` by name, as `git mktree` takes them, in git's own order."""
    order = sorted(entries, key=lambda name: name + "/" * entries[name].startswith("04"))
    return "".join(f"{entries[name]}\t{name}\n" for name in order)


def tree_id(listing: str) -> str:
    """git's name of the tree with that listing (gitformat-pack: `MODE NAME`, NUL, binary id)."""
    parts: list[bytes] = []
    for line in listing.splitlines():
        (mode, _, hexadecimal), name = line.split("\t")[0].split(), line.split("\t")[1]
        parts.append(f"{mode.lstrip('0')} {name}\0".encode() + bytes.fromhex(hexadecimal))
    return object_id("tree", b"".join(parts))
