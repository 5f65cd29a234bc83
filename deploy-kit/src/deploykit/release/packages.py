"""The vendor packages that a release pins: a set of the site's mirror, named in its pins.

The pins travel in the kit as they were written, and its lock has their digest; so who proves the
kit has the digest of every package that belongs to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import InputError, Refused
from deploykit.image.inputs import PACKAGES
from deploykit.mirror.difference import SourceChange, compare_sets
from deploykit.mirror.needs import missing_text, not_covered, wanted_packages
from deploykit.mirror.packageset import SHORT, PackageSet
from deploykit.mirror.settings import mirror_settings
from deploykit.mirror.store import open_store
from deploykit.mirror.updating import changelogs_of
from deploykit.release import Release, manifests, releases
from deploykit.site import Site
from deploykit.site.content import read_content

# As `packages_text` writes it; the rest of the pins may have tokens, and is gitshelf's to read.
SECTION = re.compile(r"^extra[ \t]*:", re.MULTILINE)
PINNED = re.compile(
    r"^extra:\n  packages:\n    set: (?P<set>[0-9a-f]{64})\n"
    r"    snapshots:\n(?P<snapshots>(?:      [^\s:]+: [0-9a-f]{64}\n)*)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class VendorChange:
    """The sets of two releases, by digest (`over` None: none was pinned), and how they differ.

    `comes_back`: going back brings the older set back.
    """

    over: str | None
    set: str
    changes: tuple[SourceChange, ...]
    comes_back: bool = False


def with_packages(site: Site, pins: str) -> str:
    """The text `pins` with the site's newest set of packages; as it is where it has no mirror.

    Raises Refused where there is no set yet, or it lacks what the working copy's content names;
    InputError where the site's manifest has the section of its own.
    """
    settings = mirror_settings(site)
    if settings is None:
        return pins
    if SECTION.search(pins):
        raise InputError(
            f"{site.manifest}: 'extra' is where the pins of a release have its packages",
            "take it out of the manifest",
        )
    store = open_store()
    newest = store.holding(site).newest
    if newest is None:
        raise Refused("the site's mirror has no set of packages yet", "deploy-kit mirror update")
    held = store.read_set(newest)
    if (site.content / "roles.yml").is_file():
        content = read_content(site.content)
        if content.suites != tuple(held.pins):
            raise Refused(
                f"the mirror's newest set is of {', '.join(held.pins)}, and the content is of "
                f"{', '.join(content.suites)}",
                "deploy-kit mirror update",
            )
        wanted = wanted_packages(content, (*PACKAGES, *settings.also))
        if missing := not_covered(wanted, held):
            raise Refused(
                f"the mirror's newest set has no {missing_text(missing)}, which the content names",
                "deploy-kit mirror update",
            )
    return pins.rstrip("\n") + "\n" + packages_text(held)


def packages_text(held: PackageSet) -> str:
    """What pins say of a set: its digest, and that of each suite's snapshot."""
    suites = "".join(f"      {suite}: {digest}\n" for suite, digest in held.pins.items())
    return f"extra:\n  packages:\n    set: {held.digest}\n    snapshots:\n{suites}"


def pinned_set(pins: Path) -> str | None:
    """The digest of the set that the file of pins names; None if it names none, or is not there.

    Raises InputError where it says it in other words than a cut does.
    """
    found = _pinned(pins)
    return found["set"] if found is not None else None


def pinned_packages(pins: Path) -> PackageSet | None:
    """The set that the file of pins names; None if it names none.

    Raises InputError where it is not on this machine, or has other snapshots than the pins say.
    """
    pinned = _pinned(pins)
    if pinned is None:
        return None
    found = open_store().read_set(pinned["set"])
    if packages_text(found) != pinned[0]:
        raise InputError(
            f"{pins}: the snapshots are not those of the set {found.digest[:SHORT]}",
            "somebody changed them: get the pins back with git",
        )
    return found


def _pinned(pins: Path) -> re.Match[str] | None:
    if not pins.is_file():
        return None
    text = pins.read_text(encoding="utf-8", errors="surrogateescape")
    found = PINNED.search(text)
    if found is None and SECTION.search(text):
        raise InputError(
            f"{pins}: what stands under 'extra' is no set of packages as a cut writes it",
            "get the pins back with git",
        )
    return found


def pinning(site: Site) -> dict[str, list[str]]:
    """The versions of the releases that pin each set, oldest first."""
    found: dict[str, list[str]] = {}
    for version, file in manifests(site).items():
        digest = pinned_set(file)
        if digest is not None:
            found.setdefault(digest, []).append(version)
    return found


def needed_sets(site: Site) -> frozenset[str]:
    """The sets that the releases pin whose kits are in the store."""
    named = (pinned_set(release.manifest) for release in releases(site))
    return frozenset(digest for digest in named if digest is not None)


def vendor_change(site: Site, old: Release | None, new: Release) -> VendorChange | None:
    """How the packages of two releases differ; None where `new` pins none.

    Where `old` pins none there is nothing to compare with, and no difference is told. Raises
    InputError where a set is not on this machine.
    """
    now = pinned_packages(new.manifest)
    if now is None:
        return None
    was = pinned_packages(old.manifest) if old is not None else None
    if was is None:
        return VendorChange(None, now.digest, ())
    changelogs = changelogs_of(open_store(), site)
    return VendorChange(was.digest, now.digest, compare_sets(was, now, changelogs.of))
