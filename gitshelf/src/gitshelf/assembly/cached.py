"""From a resolved book to its chunk: the one in the cache, or one that is made now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gitshelf.assembly import chunks
from gitshelf.assembly.chunks import Chunk
from gitshelf.base.errors import GitshelfError
from gitshelf.formats import tar
from gitshelf.formats.pointers import Pointer
from gitshelf.git.urls import local_path
from gitshelf.resolution import OpenReader, Options, Resolved, Shelf, locate

# Changes with what splice refuses, too: a chunk that is in the cache is not judged again.
FORMAT_KEY = "kit-1.1, names 1"


def chunk_of(
    resolved: Resolved,
    reader: OpenReader,
    shelf: Shelf,
    options: Options,
) -> Chunk:
    """The chunk of a book of `shelf`; `reader` opens its store. Raises GitshelfError with the
    book's place."""
    book = resolved.book
    mtime = tar.writable_time(resolved.time)
    policies = sorted(book.policies.to_json().items())
    target = shelf.cache.chunk(FORMAT_KEY, resolved.tree, book.path, book.place, mtime, policies)
    chunk = chunks.find(target)
    if chunk is not None:
        return chunk
    # Imported only now: a build that finds everything in the cache starts faster without them.
    from gitshelf.assembly import splice
    from gitshelf.cache import lfs

    source = splice.Source(resolved.tree, book.path, book.place, mtime, book.policies)

    def fetch(pointers: Mapping[bytes, Pointer]) -> Mapping[str, Path]:
        objects = lfs.Objects(
            shelf.cache.store(book.url, len(resolved.commit)),
            shelf.running,
            options.timeout,
            fetching=not options.offline or local_path(book.url) is not None,
            servers=shelf.servers,
        )
        commit = lfs.Commit(book.url, resolved.commit, resolved.tree, book.path)
        try:
            return objects.bring(reader(), commit, pointers)
        except GitshelfError as error:
            raise locate(error, [book], {}) from None

    return splice.splice(reader(), source, target, book.at, fetch)
