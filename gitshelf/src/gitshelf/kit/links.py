"""Where symbolic links lead on a shelf, without asking any file system. Standard library only."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

_MAX_HOPS = 40


def leaves(path: bytes, links: Mapping[bytes, bytes], boundary: bytes) -> bool:
    """Whether the link at `path` leads out of the folder `boundary` (b"" is the whole shelf).

    `links` maps each link's path to its target. The way is walked as the kernel would, through
    other links, because `..` behind a link is not where the text says. Leaving and coming back is
    leaving. A link that leads nowhere, or in circles, stays inside.
    """
    limit = boundary.count(b"/") + 1 if boundary else 0
    position = path.split(b"/")[:-1]
    todo = links[path].split(b"/")
    if links[path].startswith(b"/") or not _below(position, boundary):
        return True
    todo.reverse()
    hops = 0
    while todo:
        part = todo.pop()
        if part in (b"", b"."):
            continue
        if part == b"..":
            if len(position) <= limit:
                return True
            position.pop()
            continue
        position.append(part)
        target = links.get(b"/".join(position))
        if target is None:
            continue
        hops += 1
        if hops > _MAX_HOPS:
            return False
        if target.startswith(b"/"):
            return True
        position.pop()
        todo.extend(reversed(target.split(b"/")))
    return False


def _below(parts: list[bytes], boundary: bytes) -> bool:
    limit = boundary.split(b"/") if boundary else []
    return parts[: len(limit)] == limit


def ends_outside(target: str, folder: str) -> bool:
    """Whether the relative `target` of a link in `folder` names something outside the shelf."""
    end = posixpath.normpath(posixpath.join(folder, target))
    return end == ".." or end.startswith(("../", "/"))


def relative(target: bytes, folder: bytes) -> bytes:
    """The absolute `target` as seen from `folder` of the shelf, as with `--fakeroot /`."""
    to = [part for part in target.split(b"/") if part not in (b"", b".")]
    here = folder.split(b"/") if folder else []
    common = 0
    while common < min(len(to), len(here)) and to[common] == here[common]:
        common += 1
    parts = [b".."] * (len(here) - common) + to[common:]
    return b"/".join(parts) or b"."
