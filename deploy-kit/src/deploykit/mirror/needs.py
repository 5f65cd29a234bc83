"""What a mirror must hold: the packages that the content and the node image name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from deploykit.base.errors import InputError
from deploykit.mirror.packageset import PackageSet
from deploykit.mirror.sources import Source
from deploykit.site.content import Content

BARE = "(every node)"  # what is there before any role: no role bears such a name


def wanted_packages(content: Content, base: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """By role: the packages that are named for it, `base` and the common ones among them."""
    everywhere = {*base, *content.packages(content.common)}
    found = {BARE: tuple(sorted(everywhere))}
    for role, components in content.roles.items():
        found[role] = tuple(sorted({*everywhere, *content.packages(components)}))
    return found


def sources_of_suites(sources: Sequence[Source], suites: Iterable[str]) -> tuple[Source, ...]:
    """The first source of each suite. Raises InputError naming suites without one, or one that apt
    would take unsigned packages from."""
    first: dict[str, Source] = {}
    for source in sources:
        first.setdefault(source.suite, source)
    wanted = tuple(suites)
    missing = [suite for suite in wanted if suite not in first]
    if missing:
        raise InputError(
            f"there is no source of {', '.join(missing)}, which salt/pillar/vendor.sls names",
            "add it to /etc/apt/sources.list.d, or to the file of 'mirror: {sources: FILE}' in "
            "site.yml",
        )
    for suite in wanted:
        if first[suite].lax:
            raise InputError(
                f"{first[suite].uri} {suite}: apt would take unsigned packages there "
                f"({', '.join(first[suite].lax)})",
                "a mirror takes signed ones only",
            )
    return tuple(first[suite] for suite in wanted)


def not_covered(wanted: Mapping[str, Iterable[str]], held: PackageSet) -> tuple[str, ...]:
    """The packages that are named and that the set does not have, sorted."""
    return tuple(sorted({n for names in wanted.values() for n in names} - held.packages.keys()))


def missing_text(names: Sequence[str], shown: int = 5) -> str:
    """A few of the names, and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
