"""One book as tar entries, straight from the object store: no work tree, no attribute filters.

The result, a chunk, is kept in the cache under a key of everything that it depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitshelf.assembly import attributes, chunks, licences
from gitshelf.assembly.chunks import Chunk
from gitshelf.assembly.entries import Writer
from gitshelf.base import files
from gitshelf.formats import gitobjects, names, tar
from gitshelf.formats.gitobjects import Item
from gitshelf.formats.pointers import Pointer
from gitshelf.git.reader import ObjectReader
from gitshelf.kit import links, lock
from gitshelf.kit.lock import INCLUDE, OMIT, REFUSE, Omitted, Policies
from gitshelf.manifest.document import Location
from gitshelf.resolution import submodules

Fetch = Callable[[Mapping[bytes, Pointer]], Mapping[str, Path]]
"""From LFS pointers by path to the files of their objects by oid."""

_REMEDY = "write `{key}: {choices}` in the book, or pin a commit without them"
_NAMES = {
    "submodule": ("submodules", "submodules"),
    "lfs": ("lfs", "LFS pointers"),
    "export-ignore": ("export-ignore", "paths marked export-ignore"),
    "export-subst": ("export-subst", "files marked export-subst"),
    "link": ("links", "links that lead out of the book"),
}


@dataclass(frozen=True, slots=True)
class Source:
    """What to splice: the folder `path` of the tree `root`, as `prefix`, at time `mtime` (s)."""

    root: str
    path: str
    prefix: str
    mtime: int
    policies: Policies


def splice(
    reader: ObjectReader, source: Source, target: Path, location: Location, fetch: Fetch
) -> Chunk:
    """Write the book's entries as `target` and return what they are; `location` is for messages,
    `fetch` finds the objects of LFS pointers.

    Raises GitshelfError if the folder is missing, or if the book holds what its policies
    refuse, with the names.
    """
    tree, above = reader.descend(source.root, lock.raw(source.path))
    if tree is None:
        raise location.error(
            f"its commit has no folder {source.path}", "correct `path`, or pin another commit"
        )
    listing = _listing(reader.trees([tree]), tree, source.prefix, location)
    omitted: dict[bytes, str] = {}
    _decide_submodules(listing, source, omitted, location)
    marked = attributes.marked_paths(reader, source.root, source.path, above, listing)
    _decide_attributes(marked, source, omitted, location)
    staying_links = _decide_links(reader, source, listing, omitted, location)
    staying = [item for item in listing if item.path not in omitted]
    gitlinks = [item for item in staying if item.mode == gitobjects.SUBMODULE]
    inner = submodules.read(reader, source.root, source.path, gitlinks, location)
    omitted.update((path, "submodule") for path in inner.left_out)
    carried = [item for item in staying if item.mode != gitobjects.SUBMODULE]
    writer = _write(reader, source, carried, target, fetch=fetch, omitted=omitted, at=location)
    carried = [item for item in carried if item.path not in omitted]
    chunk = Chunk(
        target.with_suffix(".tar"),
        writer.size,
        writer.crc,
        tree,
        gitobjects.content_digest(carried),
        len(carried),
        writer.weight,
        tuple(Omitted(i.path, i.mode, i.id, omitted[i.path]) for i in listing if i.path in omitted),
        tuple(item.path for item in carried if item.mode == gitobjects.GROUP_WRITABLE),
        staying_links,
        above,
        inner.carried,
        tuple(writer.lfs.items()),
        licences=licences.find(reader, listing, source.path, above),
    )
    chunks.keep(chunk, target)
    return chunk


def _write(
    reader: ObjectReader,
    source: Source,
    carried: list[Item],
    target: Path,
    *,
    fetch: Fetch,
    omitted: dict[bytes, str],
    at: Location,
) -> Writer:
    """Write the items `carried` as `target`. LFS pointers among them are known only by then: the
    book's policy is applied to them here, and those left out are added to `omitted`."""
    with files.replacing(target.with_suffix(".tar")) as raw:
        writer = Writer(raw, source.prefix, source.mtime, {})
        writer.write(reader, carried)
        _refuse("lfs", source.policies.lfs, list(writer.pointers), omitted, at)
        if writer.pointers and source.policies.lfs == INCLUDE:
            objects = fetch(_canonical(writer.pointers, at))
            # From the start: entries are in the order of their paths.
            raw.seek(0)
            raw.truncate()
            writer = Writer(raw, source.prefix, source.mtime, objects)
            writer.write(reader, carried)
    return writer


def _canonical(
    pointers: Mapping[bytes, Pointer | None], location: Location
) -> dict[bytes, Pointer]:
    """The pointers as they are. Raises GitshelfError if a kit could not rebuild one of them."""
    odd = [path for path, pointer in pointers.items() if pointer is None]
    if odd:
        names = ", ".join(tar.printable(path) for path in odd[:5])
        raise location.error(
            f"it has LFS pointers in a form that a kit cannot carry: {names}",
            "write `lfs: omit` in the book, or pin another commit",
        )
    return {path: pointer for path, pointer in pointers.items() if pointer is not None}


def _listing(
    trees: dict[str, list[Item]], root: str, prefix: str, location: Location
) -> list[Item]:
    """All files, links and submodules below `root`, which goes to `prefix`, by full path, in git's
    order."""
    most = names.MAX_PATH - len(lock.raw(prefix)) - 1
    listing: list[Item] = []
    stack: list[tuple[bytes, Iterator[Item]]] = [(b"", iter(trees[root]))]
    while stack:
        above, items = stack[-1]
        for item in items:
            path = above + item.path
            if item.mode == gitobjects.TREE:
                if not trees[item.id]:
                    raise location.error(
                        f"its folder {tar.printable(path)} is empty, which git cannot check out",
                        "pin another commit",
                    )
                stack.append((path + b"/", iter(trees[item.id])))
                break
            if item.mode not in gitobjects.MODES:
                raise location.error(
                    f"{tar.printable(path)} has the mode {item.mode}, which a kit cannot carry",
                    "pin another commit",
                )
            if len(path) > most:
                raise location.error(
                    f"the path of {tar.printable(item.path)} has more than {names.MAX_PATH} bytes",
                    "give the book a shorter place, or pin another commit",
                )
            listing.append(Item(path, item.mode, item.id))
        else:
            stack.pop()
    return listing


def _refuse(
    why: str, policy: str, paths: list[bytes], omitted: dict[bytes, str], location: Location
) -> None:
    """Leave `paths` out, or refuse them by name; `include` does nothing."""
    if not paths:
        return
    key, what = _NAMES[why]
    if policy == OMIT:
        omitted.update((path, why) for path in paths)
    elif policy == REFUSE:
        names = ", ".join(tar.printable(path) for path in paths[:5])
        more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
        choices = "|".join(c for c in lock.POLICY_VALUES[key] if c != REFUSE)
        raise location.error(
            f"it has {what}: {names}{more}", _REMEDY.format(key=key, choices=choices)
        )


def _decide_submodules(
    listing: list[Item], source: Source, omitted: dict[bytes, str], location: Location
) -> None:
    paths = [item.path for item in listing if item.mode == gitobjects.SUBMODULE]
    _refuse("submodule", source.policies.submodules, paths, omitted, location)


def _decide_attributes(
    marked: dict[str, list[bytes]], source: Source, omitted: dict[bytes, str], location: Location
) -> None:
    for why, policy in (
        ("export-ignore", source.policies.export_ignore),
        ("export-subst", source.policies.export_subst),
    ):
        paths = [path for path in marked.get(why, []) if path not in omitted]
        _refuse(why, policy, paths, omitted, location)


def _decide_links(
    reader: ObjectReader,
    source: Source,
    listing: list[Item],
    omitted: dict[bytes, str],
    location: Location,
) -> dict[bytes, bytes]:
    """The links that stay, by path; those that leave the book are refused or left out."""
    items = [i for i in listing if i.mode == gitobjects.SYMLINK and i.path not in omitted]
    if not items:
        return {}
    contents = [content for _, content in reader.read([item.id for item in items])]
    targets = {item.path: content for item, content in zip(items, contents, strict=True)}
    for path, content in targets.items():
        if not content or b"\0" in content or len(content) > names.MAX_PATH:
            raise location.error(
                f"the link {tar.printable(path)} has no target that a disk can hold",
                "pin another commit",
            )
    leaving = [path for path in targets if links.leaves(path, targets, b"")]
    _refuse("link", source.policies.links, leaving, omitted, location)
    return {path: link for path, link in targets.items() if path not in omitted}
