"""Which licence a book's own licence files state, as SPDX ids; what is not certain is not said.

A text counts as a licence only when its words are that licence's words and nothing else stands in
the file (licencetexts). Own code and not a library, because what it says goes into the bytes of
kits, which must not change with a dependency: any change of what it finds raises spdx.VERSION.

Names of files: as GitHub and REUSE (reuse.software, `LICENSES/ID.txt`) have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from gitshelf.assembly.licencetexts import PASSAGES, TEXTS, TITLE, digest, words
from gitshelf.assembly.spdx import Licence
from gitshelf.formats.gitobjects import EXECUTABLE, GROUP_WRITABLE, PLAIN, TREE, Item, parse_tree
from gitshelf.git.reader import ObjectReader
from gitshelf.kit import lock

_MOST_BYTES, _MOST_FILES = 1 << 17, 40
_BLOBS = (PLAIN, EXECUTABLE, GROUP_WRITABLE)
_FILE = re.compile(
    rb"(?:[\w.+]+[-_])?(?:un)?(?:licen[cs]es?|copying)(?:[-_.][\w.+-]+)?", re.IGNORECASE
)
_CODE = re.compile(
    rb".*\.(?:py|js|ts|go|rb|sh|rs|c|h|cc|java|pl|php|ya?ml|json|toml|xml|j2|spec|png|svg|html?)",
    re.IGNORECASE,
)
_FOLDER = b"LICENSES/"
_TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([\w.+() -]*[\w.+)])")
_ID = re.compile(r"[A-Za-z][\w.+-]*[\w+]", re.ASCII)


def find(
    reader: ObjectReader, listing: Sequence[Item], path: str, above: Mapping[str, bytes]
) -> tuple[Licence, ...]:
    """What the licence files of a book state, by path.

    `listing` has the book's files. If its folder `path` holds no licence file, the nearest folder
    above that holds one counts; `above` are the raw trees from the repository's root to there.
    """
    inside = lock.raw(path) + b"/" if path else b""
    files = {inside + i.path: i.id for i in listing if _is_licence(i)}
    trees = list(above.items())
    while not files and trees:
        inside = inside.rstrip(b"/").rpartition(b"/")[0]
        inside += b"/" if inside else b""
        tree, content = trees.pop()
        files = {inside + i.path: i.id for i in _entries(reader, tree, content) if _is_licence(i)}
    names = sorted(files)
    asked = names[:_MOST_FILES]
    licences = [
        Licence(name, stated_licence(name, content))
        for name, content in zip(asked, _contents(reader, asked, files), strict=True)
    ]
    return (*licences, *(Licence(name, "") for name in names[_MOST_FILES:]))


def _entries(reader: ObjectReader, tree: str, content: bytes) -> Iterator[Item]:
    for item in parse_tree(content, tree):
        yield item
        if item.mode == TREE and item.path + b"/" == _FOLDER:
            ((_, inner),) = reader.read([item.id])
            for file in parse_tree(inner, item.id):
                yield replace(file, path=_FOLDER + file.path)


def _contents(
    reader: ObjectReader, names: Sequence[bytes], ids: Mapping[bytes, str]
) -> Iterator[bytes]:
    """The files' contents; of one that is too long for a licence, only its beginning."""
    for kind, size in reader.headers([ids[name] for name in names]):
        pieces = reader.pieces(size)
        content = next(pieces, b"")
        for _ in pieces:
            pass
        yield content if kind == "blob" else b""


def _is_licence(item: Item) -> bool:
    if item.mode not in _BLOBS:
        return False
    inner = item.path.removeprefix(_FOLDER)
    if b"/" in inner:
        return False
    return inner != item.path or bool(_FILE.fullmatch(inner) and not _CODE.fullmatch(inner))


def stated_licence(name: bytes, content: bytes) -> str:
    """The SPDX id or expression that a licence file of this name states, or ""."""
    if len(content) > _MOST_BYTES or b"\0" in content:
        return ""
    text = content.decode("utf-8", "replace")
    tags = {" ".join(tag.split()) for tag in _TAG.findall(text)}
    if tags:
        return tags.pop() if len(tags) == 1 else ""
    folder, _, last = name.rpartition(b"/")
    if (b"/" + folder + b"/").endswith(b"/" + _FOLDER) and last.endswith(b".txt"):
        stem = last.removesuffix(b".txt").decode("utf-8", "replace")
        return stem if _ID.fullmatch(stem) else ""
    return recognise_licence(text)


@lru_cache(maxsize=64)
def recognise_licence(text: str) -> str:
    """The SPDX id of the one licence whose text this is, and nothing but it; else ""."""
    left = words(text)
    ids = set()
    for first, last in PASSAGES:
        start = left.find(first)
        end = left.find(last, start)
        if start < 0 or end < 0:
            continue
        spdx = TEXTS.get(digest(left[start : end + len(last)]))
        if spdx is not None:
            left = left[:start] + left[end + len(last) :]
            ids.add(spdx)
    ids.discard("")
    return ids.pop() if len(ids) == 1 and TITLE.issuperset(left.split()) else ""
