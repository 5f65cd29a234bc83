"""Building a kit, and what lies beside it in its release's folder."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitshelf import chunks, compression, files, kit, links, lock, provenance, sbom, signatures, tar
from gitshelf.chunks import Chunk
from gitshelf.document import Place
from gitshelf.errors import GitshelfError
from gitshelf.licences import Licence
from gitshelf.lock import Lock, LockedBook, LockedLink
from gitshelf.manifest import Manifest
from gitshelf.resolution import Options, Resolved, Shelf, load

_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Kit:
    """A kit that was built: `digest` is the SHA-256 of its tar, `size` the tar's bytes;
    `signature` is None where no key was given."""

    path: Path
    digest: str
    size: int
    lock: Lock
    provenance: Path
    sums: Path
    signature: Path | None


def build(
    manifest: Path,
    output: Path,
    *,
    environment: str | None = None,
    tokens: Mapping[str, str] | None = None,
    key: Path | None = None,
    options: Options | None = None,
) -> Kit:
    """Build the kit of a manifest as `output` (.tar, .tar.gz or .tar.zst; a folder means kit.tar
    in it), with its provenance and SHA256SUMS beside it, signed where `key` is given.

    Equal manifests and commits give equal bytes. Raises GitshelfError, with file, line and book
    where one of them is at fault; then nothing of `output` has changed.
    """
    output = Path(output)
    if output.is_dir():
        output = output / "kit.tar"
    compression.suffix(output)
    read = load(Path(manifest), environment, tokens)
    _check_links(read)
    options = options or Options()
    for attempt in range(_ATTEMPTS):
        spliced = Shelf(read, options).work(splicing=True)
        contents = _contents(read, spliced)
        try:
            digest, size = kit.write(contents, output, options.report)
            break
        except kit.ChunkDamaged as error:
            chunks.discard(error.chunk)
            if attempt + 1 == _ATTEMPTS:
                raise
    try:
        beside, signature = _lay_beside(output, digest, read, contents.lock, key)
    except OSError as error:
        raise GitshelfError(
            f"{output} is whole, but what lies beside it cannot be written: {error.strerror}",
            "build again when the folder can be written",
        ) from None
    sums = output.parent / signatures.SUMS
    return Kit(output, digest, size, contents.lock, beside, sums, signature)


def _lay_beside(
    output: Path, digest: str, read: Manifest, written: Lock, key: Path | None
) -> tuple[Path, Path | None]:
    """Write the kit's provenance, then the folder's SHA256SUMS and signature: the paths of
    provenance and signature. Raises OSError, and GitshelfError where `key` cannot sign."""
    file_digest = digest
    if compression.suffix(output) != ".tar":
        file_digest = signatures.file_digest(output)
    beside = output.with_name(output.name + ".provenance.json")
    statement = provenance.render(
        output.name, file_digest, digest, read.data, read.environment, written.books
    )
    files.write(beside, statement, durable=True)
    sums = _sums(output.parent)
    sums |= {output.name: file_digest, beside.name: hashlib.sha256(statement).hexdigest()}
    signatures.write_sums(output.parent, sums)
    if key is not None:
        return beside, signatures.sign_sums(output.parent, Path(key))
    signature = output.parent / signatures.SIGNATURE
    return beside, signature if signature.exists() else None


def _check_links(read: Manifest) -> None:
    """A shelf on a disk may have links to what is beside it, a kit may not."""
    for link in read.links:
        if links.ends_outside(link.target, posixpath.dirname(link.book)):
            raise link.place.error(
                f"the link to {link.written_target} leads out of the shelf, so no kit can hold it",
                "link to a place on the shelf, or build from a manifest without this book",
            )


def _sums(folder: Path) -> dict[str, str]:
    """The lines that SHA256SUMS has for files that are still there: other kits of the folder."""
    known = signatures.read_sums(folder)
    return {name: digest for name, digest in known.items() if (folder / name).is_file()}


def _contents(read: Manifest, spliced: list[tuple[Resolved, Chunk | None]]) -> kit.Contents:
    books: list[LockedBook] = []
    chunks: dict[str, Chunk] = {}
    places: dict[str, Place] = {link.book: link.place for link in read.links}
    extras: dict[str, bytes] = {"manifest.yml": read.data}
    stated: dict[str, tuple[Licence, ...]] = {}
    for one, chunk in spliced:
        assert chunk is not None
        book = one.book
        books.append(
            LockedBook(
                book=book.book,
                commit=one.commit,
                tree=chunk.tree,
                path=book.path,
                time=tar.writable_time(one.time),
                content=chunk.content,
                files=chunk.files,
                size=chunk.weight,
                policies=book.policies,
                omitted=chunk.omitted,
                irregular=chunk.irregular,
                within=book.within,
                lfs=chunk.lfs,
                url=book.origin,
            )
        )
        chunks[book.book] = chunk
        stated[book.book] = chunk.licences
        places[book.book] = book.place
        extras[f"commits/{one.commit}"] = one.raw
        extras.update((f"trees/{tree}", data) for tree, data in chunk.trees.items())
    bill = sbom.render(books, stated)
    extras["sbom.cdx.json"] = bill
    written = Lock(
        tuple(sorted(books, key=lambda book: lock.raw(book.book))),
        tuple(LockedLink(link.book, link.target) for link in read.links),
        hashlib.sha256(read.data).hexdigest(),
        hashlib.sha256(bill).hexdigest(),
    )
    return kit.Contents(written, chunks, places, extras)
