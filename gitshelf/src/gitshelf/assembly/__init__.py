"""From spliced books to a kit and what lies beside it in its release's folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from gitshelf.assembly import chunks, layout, provenance, sbom
from gitshelf.assembly.chunks import Chunk
from gitshelf.assembly.spdx import Licence
from gitshelf.base import files
from gitshelf.base.errors import GitshelfError
from gitshelf.base.threads import Report
from gitshelf.formats import compression, tar
from gitshelf.kit import lock, signatures
from gitshelf.kit.lock import Lock, LockedBook, LockedLink
from gitshelf.manifest import Manifest
from gitshelf.manifest.document import Location
from gitshelf.resolution import Resolved


@dataclass(frozen=True, slots=True)
class Kit:
    """A kit that was built: `digest` is the SHA-256 of its tar, `size` the tar's bytes;
    `signature` is None if no key was given."""

    path: Path
    digest: str
    size: int
    lock: Lock
    provenance: Path
    sums: Path
    signature: Path | None


def assemble(
    manifest: Manifest,
    spliced: list[tuple[Resolved, Chunk]],
    output: Path,
    key: Path | None,
    report: Report | None,
) -> Kit:
    """Write the kit of a manifest as `output` and lay beside it what belongs to it.

    Raises GitshelfError; layout.ChunkDamaged if a chunk of the cache is damaged, after discarding
    that chunk.
    """
    contents = _contents(manifest, spliced)
    try:
        digest, size = layout.write(contents, output, report)
    except layout.ChunkDamaged as error:
        chunks.discard(error.chunk)
        raise
    try:
        provenance_file, signature = _lay_beside(output, digest, manifest, contents.lock, key)
    except OSError as error:
        raise GitshelfError(
            f"{output} is whole, but what lies beside it cannot be written: {error.strerror}",
            "build again when the folder can be written",
        ) from None
    sums = output.parent / signatures.SUMS
    return Kit(output, digest, size, contents.lock, provenance_file, sums, signature)


def _lay_beside(
    output: Path, digest: str, manifest: Manifest, kit_lock: Lock, key: Path | None
) -> tuple[Path, Path | None]:
    """Write the kit's provenance, then the folder's SHA256SUMS and signature; returns the paths of
    provenance and signature. Raises OSError, and GitshelfError if `key` cannot sign."""
    file_digest = digest
    if compression.suffix(output) != ".tar":
        file_digest = signatures.file_digest(output)
    provenance_file = output.with_name(output.name + ".provenance.json")
    statement = provenance.render(
        output.name,
        file_digest,
        digest,
        manifest=manifest.data,
        environment=manifest.environment,
        books=kit_lock.books,
    )
    files.write(provenance_file, statement, durable=True)
    sums = _sums(output.parent)
    sums |= {output.name: file_digest, provenance_file.name: hashlib.sha256(statement).hexdigest()}
    signatures.write_sums(output.parent, sums)
    if key is not None:
        return provenance_file, signatures.sign_sums(output.parent, Path(key))
    signature = output.parent / signatures.SIGNATURE
    return provenance_file, signature if signature.exists() else None


def _sums(folder: Path) -> dict[str, str]:
    """What SHA256SUMS says of the files that are still there, as those of the folder's other
    kits."""
    sums = signatures.read_sums(folder)
    return {name: digest for name, digest in sums.items() if (folder / name).is_file()}


def _contents(manifest: Manifest, spliced: list[tuple[Resolved, Chunk]]) -> layout.Contents:
    books: list[LockedBook] = []
    chunks: dict[str, Chunk] = {}
    locations: dict[str, Location] = {link.place: link.at for link in manifest.links}
    extras: dict[str, bytes] = {"manifest.yml": manifest.data}
    stated: dict[str, tuple[Licence, ...]] = {}
    for resolved, chunk in spliced:
        book = resolved.book
        books.append(
            LockedBook(
                book=book.place,
                commit=resolved.commit,
                tree=chunk.tree,
                path=book.path,
                time=tar.writable_time(resolved.time),
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
        chunks[book.place] = chunk
        stated[book.place] = chunk.licences
        locations[book.place] = book.at
        extras[f"commits/{resolved.commit}"] = resolved.raw
        extras.update((f"trees/{tree}", data) for tree, data in chunk.trees.items())
    bill = sbom.render(books, stated)
    extras["sbom.cdx.json"] = bill
    kit_lock = Lock(
        tuple(sorted(books, key=lambda book: lock.raw(book.book))),
        tuple(LockedLink(link.place, link.target) for link in manifest.links),
        hashlib.sha256(manifest.data).hexdigest(),
        hashlib.sha256(bill).hexdigest(),
    )
    return layout.Contents(kit_lock, chunks, locations, extras)
