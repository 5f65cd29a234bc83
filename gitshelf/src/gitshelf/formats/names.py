"""Names that no book may carry, because git itself never writes them into a work tree.

Source: git's path.c, utf8.c and fsck.c, and their tests (t1014, t7415). What HFS+ and NTFS take for
`.git` counts on every file system, as in `git fsck`: nobody knows where a kit is unpacked.
Standard library only.
"""

from __future__ import annotations

import re

MAX_PATH = 4095
"""The longest path, and the longest target of a link, in bytes: more than Linux can name."""

# Only names that begin so, or go on so after a backslash, have to be looked at closely.
_SUSPECT = re.compile(rb"(?:^|\\)[.gG\xe2\xef]")
_SUSPECT_LINK = re.compile(rb"(?:^|\\)[.gG~\xe2\xef]")
# Windows drops spaces and dots at the end, and what follows a colon names a stream of the file.
_NTFS_END = rb"[ .]*(?:$|:)"
_NTFS_DOTGIT = re.compile(rb"(?:^|\\)(?:\.git|git~1)[ .]*(?:$|[\\/:])", re.I)
# The short names that NTFS gives to .gitmodules; the second form is made of a hash of it.
_SHORT = b"|".join(b"gi7eba"[:n] + b"~[1-9]" + b"[0-9]" * (6 - n) for n in range(7))
_NTFS_MODULES = re.compile(
    rb"(?:^|\\)(?:\.gitmodules|gitmod~[1-4]|%b)%b" % (_SHORT, _NTFS_END), re.I
)
_HFS_IGNORES = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
# git stops reading at what is not UTF-8, noncharacters included.
_HFS_ENDS = re.compile("[\ud800-\udfff\ufffe\uffff]")


def fault(name: bytes, *, link: bool = False) -> str:
    """Why a file, folder or (`link`) link of this name, one part of a path, cannot be carried; ""
    if it can."""
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
        return "leads outside the shelf"
    suspect = _SUSPECT_LINK if link else _SUSPECT
    if suspect.search(name):
        if _NTFS_DOTGIT.search(name) or _is_hfs(name, ".git"):
            return "is a name for .git, which git never checks out"
        if link and (_NTFS_MODULES.search(name) or _is_hfs(name, ".gitmodules")):
            return "is a link in the place of .gitmodules, which git never checks out"
    return ""


def path_fault(path: bytes, *, link: bool = False) -> str:
    """As `fault`, for all parts of a path."""
    *above, name = path.split(b"/")
    faults = (*(fault(part) for part in above), fault(name, link=link))
    return next(filter(None, faults), "")


def _is_hfs(name: bytes, wanted: str) -> bool:
    """Whether HFS+ takes `name` for `wanted`, which is ASCII in small letters."""
    seen = _HFS_ENDS.split(name.decode("utf-8", "surrogateescape"), maxsplit=1)[0]
    plain = _HFS_IGNORES.sub("", seen)
    return plain.isascii() and plain.lower() == wanted
