"""From a YAML of git repositories at SHAs to a byte-reproducible, signed release tarball.

The names below are the library; they are imported when they are first used, so that a part of the
package (see `gitshelf.kit.verifier_zip`) works with the standard library alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitshelf.base.version import __version__ as __version__

if TYPE_CHECKING:
    from gitshelf.assembly import Kit
    from gitshelf.assembly.builder import build
    from gitshelf.base.errors import GitshelfError, Refused
    from gitshelf.compare.comparison import BookChanges, Change, changes
    from gitshelf.kit.extraction import extract
    from gitshelf.kit.lock import Lock, LockedBook, LockedLink
    from gitshelf.kit.signatures import sign_release
    from gitshelf.kit.unpacked import verify_folder
    from gitshelf.kit.verification import Verified, verify
    from gitshelf.kit.verifier_zip import verifier_zip
    from gitshelf.pins import Pin, on_branch, pin, pinned_manifest, update
    from gitshelf.resolution import Options, Resolution, Resolved, resolve
    from gitshelf.rules import lint
    from gitshelf.rules.model import Finding
    from gitshelf.shelf.discovery import Discovered, discover
    from gitshelf.shelf.drift import State, status
    from gitshelf.shelf.installation import InstallOptions, Outcome, Wishes, install

_HOMES = {
    "BookChanges": "compare.comparison",
    "Change": "compare.comparison",
    "Discovered": "shelf.discovery",
    "Finding": "rules.model",
    "GitshelfError": "base.errors",
    "Kit": "assembly",
    "Lock": "kit.lock",
    "LockedBook": "kit.lock",
    "LockedLink": "kit.lock",
    "Options": "resolution",
    "Outcome": "shelf.installation",
    "Pin": "pins",
    "Refused": "base.errors",
    "Resolution": "resolution",
    "Resolved": "resolution",
    "State": "shelf.drift",
    "Verified": "kit.verification",
    "Wishes": "shelf.installation",
    "InstallOptions": "shelf.installation",
    "build": "assembly.builder",
    "changes": "compare.comparison",
    "discover": "shelf.discovery",
    "extract": "kit.extraction",
    "install": "shelf.installation",
    "lint": "rules",
    "on_branch": "pins",
    "pin": "pins",
    "pinned_manifest": "pins",
    "resolve": "resolution",
    "sign_release": "kit.signatures",
    "status": "shelf.drift",
    "update": "pins",
    "verifier_zip": "kit.verifier_zip",
    "verify": "kit.verification",
    "verify_folder": "kit.unpacked",
}

__all__ = [
    "BookChanges",
    "Change",
    "Discovered",
    "Finding",
    "GitshelfError",
    "InstallOptions",
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
    "verify_folder",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
