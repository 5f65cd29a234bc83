"""Proving, offline, that a kit is what it says: signature, digest, commit, tree, every file.

Standard library only, because this module also runs where a kit is deployed (see verifier_zip).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitshelf.base.errors import Refused
from gitshelf.formats import compression, gitobjects, tar
from gitshelf.formats.gitobjects import Item
from gitshelf.formats.tar import Entry, printable
from gitshelf.formats.tarreader import Reader
from gitshelf.kit import contents, links, lock, signatures
from gitshelf.kit.contents import Seen, Table
from gitshelf.kit.lock import Lock, LockedBook
from gitshelf.kit.owners import Owners, ancestors

KIT = b"KIT"
_CHANGED = "the kit was changed or is damaged: get it again from where it was released"


@dataclass(frozen=True, slots=True)
class Verified:
    """A kit that was proved: `digest` is the SHA-256 of its tar, `size` the tar's bytes, `signer`
    the name the signers file gives its key (None if no signature was asked for)."""

    path: Path
    digest: str
    size: int
    lock: Lock
    signer: str | None = None


def verify(kit: Path, *, signers: Path | None = None, digest: str | None = None) -> Verified:
    """Prove the content of `kit`; with `signers` (allowed-signers file) also who released it, with
    `digest` also that it is this release (SHA-256 of the uncompressed tar).

    If SHA256SUMS lies beside the kit, its line for the kit must fit; with `signers` that is seen
    before anything in the kit is looked at. Raises Refused if anything is not as it should be,
    GitshelfError if a file cannot be read.
    """
    return read_and_prove(kit, signers=signers, digest=digest)[0]


def read_and_prove(
    kit: Path, *, signers: Path | None = None, digest: str | None = None
) -> tuple[Verified, Table]:
    """As `verify`, with what the kit holds."""
    kit = Path(kit)
    signer = None
    if signers is None:
        sums = signatures.read_sums(kit.parent)
    else:
        signer, sums = signatures.check_signature(kit.parent, signers)
        if kit.name not in sums:
            raise Refused(f"{signatures.SUMS} is signed, but does not list {kit.name}")
        _check_sum(kit, signatures.file_digest(kit), sums)
    file_sum = hashlib.sha256()
    try:
        with compression.open_tar(kit, file_sum) as source:
            reader = Reader(source)
            table = contents.read(reader)
            kit_lock = lock.parse(_kit_file(table, b"lock.json"))
            check_table(table, kit_lock)
            actual = reader.digest
            file_digest = actual if compression.is_plain(source) else file_sum.hexdigest()
    except Refused as error:
        raise Refused(f"{kit}: {error.message}", error.remedy or _CHANGED) from None
    if digest is not None and actual != digest:
        raise Refused(f"{kit}: this is release {actual}, not {digest}", "get the right kit")
    if kit.name in sums:
        # The sum of what was read now: the file may have changed since it was summed first.
        _check_sum(kit, file_digest, sums)
    return Verified(kit, actual, reader.offset, kit_lock, signer), table


def _check_sum(kit: Path, file_digest: str, sums: Mapping[str, str]) -> None:
    if sums[kit.name] != file_digest:
        raise Refused(f"{kit}: not the file that {signatures.SUMS} lists", _CHANGED)


def check_table(table: Table, kit_lock: Lock) -> None:
    """Raises Refused if what a kit holds is not what its lock says, or if the lock is not what the
    commits say."""
    _check_kit_files(table, kit_lock)
    _check_books(table, kit_lock)


def _kit_file(table: Table, name: bytes) -> bytes:
    try:
        return table.own[name]
    except KeyError:
        raise Refused(f"there is no KIT/{name.decode()}", "this is not a kit") from None


def _check_kit_files(table: Table, kit_lock: Lock) -> None:
    """KIT/ holds exactly what the lock speaks of, and each commit proves its book's tree."""
    expected = {b"lock.json", b"manifest.yml", b"sbom.cdx.json"}
    for name, digest in (("manifest.yml", kit_lock.manifest), ("sbom.cdx.json", kit_lock.sbom)):
        if hashlib.sha256(_kit_file(table, name.encode())).hexdigest() != digest:
            raise Refused(f"KIT/{name} is not the one that the lock names")
    for book in kit_lock.books:
        commit_name = f"commits/{book.commit}".encode()
        expected.add(commit_name)
        content = _kit_file(table, commit_name)
        if gitobjects.object_id("commit", content, book.commit) != book.commit:
            raise Refused(f"KIT/commits/{book.commit} is not that commit")
        commit = gitobjects.parse_commit(content)
        if tar.writable_time(commit.time) != book.time:
            raise Refused(f"book {book.book}: its time is not its commit's")
        tree = commit.tree
        for part in [p for p in lock.raw(book.path).split(b"/") if p]:
            tree_name = f"trees/{tree}".encode()
            expected.add(tree_name)
            tree = _subtree(_kit_file(table, tree_name), tree, part, book)
        if tree != book.tree:
            raise Refused(f"book {book.book}: its tree is not its commit's")
    if expected != table.own.keys():
        extra = sorted(expected ^ table.own.keys())[0]
        raise Refused(f"KIT/{printable(extra)} should not be there")


def _subtree(content: bytes, tree: str, part: bytes, book: LockedBook) -> str:
    if gitobjects.object_id("tree", content, tree) != tree:
        raise Refused(f"KIT/trees/{tree} is not that tree")
    inner = gitobjects.subfolder(gitobjects.parse_tree(content, tree), part)
    if inner is None:
        raise Refused(f"book {book.book}: its commit has no folder {book.path}")
    return inner


def _check_books(table: Table, kit_lock: Lock) -> None:
    """Every entry belongs to a book, and every book is its tree, no more and no less."""
    books = {lock.raw(book.book): book for book in kit_lock.books}
    link_books = {lock.raw(link.book): link for link in kit_lock.links}
    owner = Owners([*books, *link_books, KIT])
    members: dict[bytes, list[Seen]] = defaultdict(list)
    targets = {
        p: seen.entry.link for p, seen in table.others.items() if seen.entry.kind == tar.LINK
    }
    folders = set(books) | {KIT}
    for path, seen in table.others.items():
        folder = path.rpartition(b"/")[0]
        folders.add(folder)
        if path in link_books:
            _check_link_book(path, seen.entry, lock.raw(link_books[path].link), kit_lock.newest)
            place: bytes = b""
        else:
            holder = owner.of(folder)
            if holder is None or holder in link_books or path in books:
                raise Refused(f"{printable(path)} belongs to no book")
            members[holder].append(seen)
            place = holder
        if path in targets and (place == KIT or links.leaves(path, targets, place)):
            raise Refused(
                f"the link {printable(path)} leads out of its book",
                "leave it out with `links: omit`, or correct it in its repository",
            )
    missing = link_books.keys() - table.others.keys()
    if missing:
        raise Refused(f"the link {printable(min(missing))} is missing")
    for path in sorted(ancestors(folders) ^ table.folders.keys()):
        raise Refused(f"the folder {printable(path)} is missing or should not be there")
    times = {path: book.time for path, book in books.items()}
    for path, entry in table.folders.items():
        holder = owner.of(path)
        if entry.mtime != times.get(holder if holder is not None else KIT, kit_lock.newest):
            raise Refused(f"the folder {printable(path)} does not have its book's time")
    for seen in members.pop(KIT, []):
        if seen.entry.mtime != kit_lock.newest or seen.entry.mode != 0o644:
            raise Refused(f"{printable(seen.entry.name)} is not as gitshelf writes it")
    gitlinks: dict[str, list[Item]] = defaultdict(list)
    for path, book in books.items():
        if book.within is not None:
            start = len(lock.raw(book.within)) + 1 if book.within else 0
            gitlinks[book.within].append(Item(path[start:], gitobjects.SUBMODULE, book.commit))
    for path, book in books.items():
        _check_book(path, book, members[path], gitlinks[book.book])


def _check_link_book(path: bytes, entry: Entry, target: bytes, newest: int) -> None:
    if entry.kind != tar.LINK or entry.link != target or entry.mtime != newest:
        raise Refused(f"the link {printable(path)} is not the one that the lock names")


def _check_book(place: bytes, book: LockedBook, members: list[Seen], gitlinks: list[Item]) -> None:
    """Rebuild the book's tree from what is carried, from what was left out, and from the commits of
    its submodules, which are books of their own."""
    start = len(place) + 1 if place else 0
    width = len(book.commit)
    irregular = set(book.irregular)
    pointers = dict(book.lfs)
    items = []
    size = 0
    for seen in members:
        entry = seen.entry
        if entry.mtime != book.time:
            raise Refused(f"{printable(entry.name)} does not have its book's time")
        path = entry.name[start:]
        if entry.kind == tar.LINK:
            mode = gitobjects.SYMLINK
        elif entry.mode == 0o755:
            mode = gitobjects.EXECUTABLE
        else:
            mode = gitobjects.GROUP_WRITABLE if path in irregular else gitobjects.PLAIN
        size += entry.size
        pointer = pointers.pop(path, None)
        if pointer is None:
            # Missing if the lock claims the path as an LFS object of another book.
            blob = seen.ids.get(width, "")
        elif (seen.ids.get(contents.CONTENT), entry.size) == (pointer.oid, pointer.size):
            blob = gitobjects.object_id("blob", pointer.to_bytes(), book.commit)
        else:
            raise Refused(f"{printable(entry.name)} is not the LFS object that the lock names")
        items.append(Item(path, mode, blob))
    if pointers:
        raise Refused(f"the LFS object {printable(min(pointers))} of book {book.book} is missing")
    if gitobjects.content_digest(items) != book.content:
        wrong = "its content is not what the lock says"
    elif (len(items), size) != (book.files, book.size):
        wrong = "its files are not as many or as big as the lock says"
    else:
        for item in book.omitted:
            tar.check_path(item.path, link=item.mode == gitobjects.SYMLINK)
        items += [Item(item.path, item.mode, item.id) for item in book.omitted]
        items += gitlinks
        items.sort(key=lambda item: item.path)
        if gitobjects.tree_id(items, book.commit) == book.tree:
            return
        wrong = "its files are not those of its commit"
    raise Refused(f"book {book.book} at {book.commit}: {wrong}", _CHANGED)
