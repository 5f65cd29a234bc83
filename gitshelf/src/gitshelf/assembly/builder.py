"""Building a kit: from a manifest to a release's folder."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from gitshelf.formats import compression
from gitshelf.kit import links
from gitshelf.manifest import Manifest
from gitshelf.resolution import OpenReader, Options, Resolved, Shelf, load

if TYPE_CHECKING:
    from gitshelf.assembly import Kit
    from gitshelf.assembly.chunks import Chunk

_ATTEMPTS = 2


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
    in it), with its provenance and SHA256SUMS beside it, signed if `key` is given.

    Equal manifests and commits make equal bytes. Raises GitshelfError, with file, line and book
    if one of them is at fault; then nothing of `output` has changed.
    """
    output = Path(output)
    if output.is_dir():
        output = output / "kit.tar"
    compression.suffix(output)
    if key is not None:
        from gitshelf.kit.signatures import check_key

        check_key(key)
    read = load(Path(manifest), environment, tokens)
    _check_links(read)
    options = options or Options()
    # What comes after fetching is loaded while git fetches.
    Thread(target=import_module, args=("gitshelf.assembly",), daemon=True).start()
    attempt = 1
    while True:
        spliced = _splice_all(read, options)
        from gitshelf.assembly import assemble
        from gitshelf.assembly.layout import ChunkDamaged

        try:
            return assemble(read, spliced, output, key, options.report)
        except ChunkDamaged:
            if attempt == _ATTEMPTS:
                raise
        attempt += 1


def _splice_all(manifest: Manifest, options: Options) -> list[tuple[Resolved, Chunk]]:
    shelf = Shelf(manifest, options)

    def splice(resolved: Resolved, reader: OpenReader) -> Chunk:
        # Imported here, so that it is loaded while git fetches.
        from gitshelf.assembly.cached import chunk_of

        return chunk_of(resolved, reader, shelf, options)

    return shelf.work(splice)


def _check_links(manifest: Manifest) -> None:
    """A shelf on a disk may have links to what is beside it, a kit may not."""
    for link in manifest.links:
        if links.ends_outside(link.target, posixpath.dirname(link.place)):
            raise link.at.error(
                f"the link to {link.written_target} leads out of the shelf, so no kit can hold it",
                "link to a place on the shelf, or build from a manifest without this book",
            )
