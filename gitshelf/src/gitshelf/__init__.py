"""From a YAML of git repositories at SHAs to a byte-reproducible, signed release tarball.

The names below are the library; they are imported when they are first used, so that a part of the
package (see `gitshelf.bundle`) works with the standard library alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "1.0.0"

if TYPE_CHECKING:
    from gitshelf.assembly import Kit
    from gitshelf.builder import build
    from gitshelf.bundle import verifier_zip
    from gitshelf.comparison import BookChanges, Change, changes
    from gitshelf.discovery import Discovered, discover
    from gitshelf.drift import State, status
    from gitshelf.errors import GitshelfError, Refused
    from gitshelf.extraction import extract
    from gitshelf.installation import Outcome, Wishes, install
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
    "Discovered": "discovery",
    "Finding": "rules.model",
    "GitshelfError": "errors",
    "Kit": "assembly",
    "Lock": "lock",
    "LockedBook": "lock",
    "LockedLink": "lock",
    "Options": "resolution",
    "Outcome": "installation",
    "Pin": "pins",
    "Refused": "errors",
    "Resolution": "resolution",
    "Resolved": "resolution",
    "State": "drift",
    "Verified": "verification",
    "Wishes": "installation",
    "build": "builder",
    "changes": "comparison",
    "discover": "discovery",
    "extract": "extraction",
    "install": "installation",
    "lint": "rules",
    "on_branch": "pins",
    "pin": "pins",
    "pinned_manifest": "pins",
    "resolve": "resolution",
    "sign_release": "signatures",
    "status": "drift",
    "update": "pins",
    "verifier_zip": "bundle",
    "verify": "verification",
}

__all__ = [
    "BookChanges",
    "Change",
    "Discovered",
    "Finding",
    "GitshelfError",
    "Kit",
    "Lock",
    "LockedBook",
    "LockedLink",
    "Options",
    "Outcome",
    "Pin",
    "Refused",
    "Resolution",
    "Resolved",
    "State",
    "Verified",
    "Wishes",
    "build",
    "changes",
    "discover",
    "extract",
    "install",
    "lint",
    "on_branch",
    "pin",
    "pinned_manifest",
    "resolve",
    "sign_release",
    "status",
    "update",
    "verifier_zip",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
