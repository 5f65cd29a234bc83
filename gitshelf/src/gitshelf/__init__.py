"""From a YAML of git repositories at SHAs to a byte-reproducible, signed release tarball.

The names below are the library; they are imported when they are first used, so that a part of the
package (see `gitshelf.bundle`) works with the standard library alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "1.0.0"

if TYPE_CHECKING:
    from gitshelf.builder import Kit, build
    from gitshelf.bundle import verifier_zip
    from gitshelf.comparison import BookChanges, Change, changes
    from gitshelf.errors import GitshelfError, Refused
    from gitshelf.extraction import extract
    from gitshelf.lock import Lock, LockedBook, LockedLink
    from gitshelf.pins import Pin, on_branch, pin, pinned_manifest, update
    from gitshelf.resolution import Options, Resolution, Resolved, resolve
    from gitshelf.rules import lint
    from gitshelf.rules.model import Finding
    from gitshelf.signatures import sign_release
    from gitshelf.verification import Verified, verify

_HOMES = {
    "BookChanges": "comparison",
    "Change": "comparison",
    "Finding": "rules.model",
    "GitshelfError": "errors",
    "Kit": "builder",
    "Lock": "lock",
    "LockedBook": "lock",
    "LockedLink": "lock",
    "Options": "resolution",
    "Pin": "pins",
    "Refused": "errors",
    "Resolution": "resolution",
    "Resolved": "resolution",
    "Verified": "verification",
    "build": "builder",
    "changes": "comparison",
    "extract": "extraction",
    "lint": "rules",
    "on_branch": "pins",
    "pin": "pins",
    "pinned_manifest": "pins",
    "resolve": "resolution",
    "sign_release": "signatures",
    "update": "pins",
    "verifier_zip": "bundle",
    "verify": "verification",
}

__all__ = [
    "BookChanges",
    "Change",
    "Finding",
    "GitshelfError",
    "Kit",
    "Lock",
    "LockedBook",
    "LockedLink",
    "Options",
    "Pin",
    "Refused",
    "Resolution",
    "Resolved",
    "Verified",
    "build",
    "changes",
    "extract",
    "lint",
    "on_branch",
    "pin",
    "pinned_manifest",
    "resolve",
    "sign_release",
    "update",
    "verifier_zip",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
