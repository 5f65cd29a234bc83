"""What a kit would carry of the books: their files, submodules that they include, LFS objects."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence

from gitshelf.assembly import entries
from gitshelf.formats import gitobjects, pointers
from gitshelf.formats.gitobjects import Item
from gitshelf.formats.pointers import Pointer
from gitshelf.git.reader import ObjectReader
from gitshelf.kit.lock import INCLUDE, raw
from gitshelf.manifest.books import Book
from gitshelf.resolution import submodules
from gitshelf.rules.subject import Subject

_TREE = gitobjects.TREE


def walk(
    subject: Subject, excepted: Collection[str] = ()
) -> Iterator[tuple[Book, ObjectReader, list[Item]]]:
    """Each book, and each submodule that belongs to one, with a reader of its objects and its files
    and links by their paths in it; use the reader before taking the next. Those at the places
    `excepted` are left out, their submodules too.

    Raises GitshelfError if a submodule cannot be fetched, or its place is taken.
    """
    taken = {book.place: book.at for book in subject.books}
    taken |= {link.place + "/": link.at for link in subject.manifest.links}
    todo = deque(subject.books)
    while todo:
        book = todo.popleft()
        if book.place in excepted:
            continue
        with subject.reader(book) as reader:
            root = subject.tree(book, reader)
            items = _listing(reader, root, book)
            links = [item for item in items if item.mode == gitobjects.SUBMODULE]
            yield book, reader, [item for item in items if item.mode != gitobjects.SUBMODULE]
            if links and book.policies.submodules == INCLUDE:
                inner = submodules.read(reader, root, book.path, links, book.at)
                todo.extend(submodules.books([(book, inner.carried)], taken))


def _listing(reader: ObjectReader, root: str, book: Book) -> list[Item]:
    folder, _ = reader.descend(root, raw(book.path))
    if folder is None:
        message = f"its commit has no folder {book.path}"
        raise book.at.error(message, "correct `path`, or pin another commit")
    trees = reader.trees([folder])
    listing: list[Item] = []
    todo = [(b"", folder)]
    while todo:
        above, tree = todo.pop()
        for item in trees[tree]:
            path = above + item.path
            if item.mode == _TREE:
                todo.append((path + b"/", item.id))
            else:
                listing.append(Item(path, item.mode, item.id))
    return sorted(listing, key=lambda item: item.path)


def contents(
    subject: Subject, book: Book, reader: ObjectReader, items: Sequence[Item]
) -> Iterator[tuple[bytes, Iterator[bytes]]]:
    """Path and content, in pieces, of each of a book's files; of LFS pointers the object as well,
    if the book includes it. Use up one content before taking the next."""
    lfs_pointers: dict[bytes, Pointer] = {}
    for item, (_, size) in zip(items, reader.headers([item.id for item in items]), strict=True):
        if size < pointers.MAX_SIZE:
            content = reader.content(size)
            pointer = pointers.parse(content)
            if pointer and book.policies.lfs == INCLUDE:
                lfs_pointers[item.path] = pointer
            yield item.path, iter((content,))
        else:
            yield item.path, reader.pieces(size)
    if lfs_pointers:
        objects = subject.lfs_objects(book, reader, lfs_pointers)
        for path, pointer in lfs_pointers.items():
            yield path, entries.lfs_object(objects[pointer.oid], pointer)
