"""What one set of packages has and another has not: per source, with what it closes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deploykit.mirror.changelogs import Entry, by_source, closed_since
from deploykit.mirror.needs import BARE
from deploykit.mirror.packageset import Package, PackageSet
from deploykit.mirror.versions import version_order

ReadChangelog = Callable[[Sequence[Package]], Sequence[Entry]]


@dataclass(frozen=True, slots=True)
class SourceChange:
    """A source package that differs between two sets; '' where it was not, or is not.

    `packages` are those built from it that come, go or move, `roles` those that have one of them
    (empty: every node), `closes` the advisories that its changelog names since the old version.
    """

    source: str
    old: str
    new: str
    packages: tuple[str, ...]
    roles: tuple[str, ...]
    closes: tuple[str, ...]

    @property
    def goes_back(self) -> bool:
        """Whether the new version is an older one."""
        return bool(self.old and self.new) and version_order(self.new) < version_order(self.old)


def compare_sets(
    old: PackageSet | None, new: PackageSet, changelog: ReadChangelog
) -> tuple[SourceChange, ...]:
    """What differs from `old` (None: nothing) to `new`, by the name of the source.

    `changelog` is asked for those that move to a later version only.
    """
    was, now = by_source(old.packages if old else {}), by_source(new.packages)
    found = []
    for source in sorted({*was, *now}):
        before, after = was.get(source, []), now.get(source, [])
        moved = {(p.name, p.version) for p in before} ^ {(p.name, p.version) for p in after}
        if not moved:
            continue
        names = {name for name, _ in moved}
        first, last = _version(before), _version(after)
        later = bool(first and last) and version_order(last) > version_order(first)
        closes = closed_since(changelog(after), first) if later else ()
        roles = _roles(names, new, old)
        found.append(SourceChange(source, first, last, tuple(sorted(names)), roles, closes))
    return tuple(found)


def _version(packages: Sequence[Package]) -> str:
    """The source's version: the latest, where a suite has some built from an older one."""
    return max((one.source_version for one in packages), key=version_order, default="")


def _roles(names: set[str], *sets: PackageSet | None) -> tuple[str, ...]:
    """The roles that have one of the packages; none where every node does."""
    having = {
        role
        for one in sets
        if one is not None
        for role, closure in one.roles.items()
        if not names.isdisjoint(closure)
    }
    return () if BARE in having else tuple(sorted(having))
