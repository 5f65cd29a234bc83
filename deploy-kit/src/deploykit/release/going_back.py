"""What moves between two releases, by what their kits declare and which packages they pin."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace

from deploykit.mirror.packageset import SHORT
from deploykit.mirror.store import open_store
from deploykit.release import Release
from deploykit.release.packages import pinned_set
from deploykit.site import Site
from deploykit.site.declarations import packages_part
from deploykit.site.environment import Environment
from deploykit.site.going_back import (
    Declared,
    Move,
    WayBack,
    moves_between,
    packages_come_back,
    way_back,
)


def read_moves(site: Site, older: Release | None, newer: Release) -> tuple[Move, ...]:
    """What moves from `older` to `newer`; over nothing, nothing does.

    Raises InputError where a kit's declarations do not fit.
    """
    if older is None or older.digest == newer.digest:
        return ()
    ours = _declared(site, newer)
    asked = {
        part.subject for what, part in ours.parts.items() if what == packages_part(part.subject)
    }
    return moves_between(_declared(site, older, asked), ours)


def read_way_back(
    site: Site, older: Release | None, newer: Release, environment: Environment
) -> WayBack:
    """The rollback class of the edge from `older` to `newer` in `environment`. Raises as above."""
    return way_back(read_moves(site, older, newer), environment.roles)


def older_packages_come(
    site: Site, older: Release, newer: Release, roles: frozenset[str] | None = None
) -> bool | None:
    """Whether going back from `newer` to `older` brings back the set of packages that it pins, in
    an environment with `roles` (None: with all).

    None where that is no question: `older` pins none, or the same. Raises InputError where a kit's
    declarations do not fit.
    """
    pinned = pinned_set(older.manifest)
    if pinned is None or pinned == pinned_set(newer.manifest):
        return None
    return packages_come_back(newer.declared(site), roles)


def _declared(site: Site, release: Release, packages_of: Iterable[str] = ()) -> Declared:
    """What a release declares; of its packages also the versions, where it pins them."""
    declared = release.declared(site, packages_of)
    pinned = pinned_set(release.manifest)
    if pinned is None:
        return declared
    store = open_store()
    closure = store.read_set(pinned).closure if pinned in store.sets() else None
    parts = {}
    for what, part in declared.parts.items():
        if what == packages_part(part.subject):
            versions = closure(part.subject) if closure else pinned
            digest = hashlib.sha256(json.dumps(versions, sort_keys=True).encode()).hexdigest()
            part = replace(part, value=f"{part.value} versions {digest[:SHORT]}".lstrip())
        parts[what] = part
    return replace(declared, parts=parts)
