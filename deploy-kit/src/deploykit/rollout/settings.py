"""An environment's settings against one release: refused, or what they come to, and from where."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from rich.markup import escape

from deploykit.base.errors import InputError
from deploykit.base.printable import one_line
from deploykit.base.yamlfile import Plain, load, nearest
from deploykit.master.remote import rolemap
from deploykit.master.remote.protocol import AgentError
from deploykit.release import Release
from deploykit.rollout.work import Work
from deploykit.site.environment import Environment
from deploykit.site.settings import Setting, merged, tree
from deploykit.site.tunables import (
    Tunables,
    demand_known,
    pillar_settings,
    problems,
    read_tunables,
)

ROLE_MAP = Path("salt", "roles.yml")
OF_NO_NODE = frozenset({"components", "memory"})  # of a role: what no state reads


class Origin(StrEnum):
    """Where a value comes from; of a secret only that it is there is told."""

    RELEASE = "release"
    ROLE = "role"
    ENVIRONMENT = "environment"
    SECRET = "secret"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Effective:
    """A value that nodes get: its path of keys, where it comes from, and FILE:LINE if it is set."""

    path: tuple[str, ...]
    value: Plain
    origin: Origin
    place: str = ""

    @property
    def key(self) -> str:
        return ".".join(self.path)


def settings_for(
    work: Work, release: Release, environment: Environment, *, older: bool
) -> dict[str, Plain]:
    """What the environment sets over the pillar of `release`.

    Raises InputError, with file, line and the nearest known key, for what the release does not
    know; `older`: that is told and left out.
    """
    tunables = _of_release(release.hex, release.unpacked(work.site))
    if older:
        for problem in problems(environment.settings, tunables):
            text = escape(one_line(problem.message))
            work.progress.say(f"left out for {release.version}: {text}")
    else:
        demand_known(environment.settings, tunables, f"release {release.version}")
    return pillar_settings(environment.settings, tunables)


@functools.lru_cache(maxsize=8)  # a deployment asks before it is on record, and when it begins
def _of_release(digest: str, root: Path) -> Tunables:
    """The tunables of the release `digest`, unpacked in `root`: what is there stays as it is."""
    return read_tunables(root)


def effective(settings: Sequence[Setting], tunables: Tunables) -> tuple[Effective, ...]:
    """Every value that can be set, as it counts with `settings`, in the order of the keys."""
    places = {setting.path: setting.place for setting in settings}
    values = merged(dict(tunables.known), dict(tree(settings)))
    return tuple(
        Effective(path, value, Origin.ENVIRONMENT, places[path])
        if path in places
        else Effective(path, value, Origin.RELEASE)
        for path, value in _leaves(values)
    )


def values_of(
    environment: Environment, root: Path, component: str | None = None
) -> tuple[Effective, ...]:
    """What the environment's nodes get of the release in `root`: settable values, what the role map
    says of their roles, and the names of their secrets; of `component` alone if it is given.

    `component` may also be `day0`, or what else the pillar has. Raises InputError if there is no
    such one, or the release cannot take the environment's settings.
    """
    tunables = read_tunables(root)
    demand_known(environment.settings, tunables, "that release")
    content = _role_map(root)
    roles = {name: entry for name, entry in content["roles"].items() if name in environment.roles}
    parts = {part for entry in roles.values() for part in entry.get("components", [])}
    parts |= set(content.get("common", []))
    everywhere = {p for entry in content["roles"].values() for p in entry.get("components", [])}
    wanted = (set(tunables.known) - everywhere) | parts
    if component is not None:
        if component not in wanted:
            raise InputError(
                f"no node of {environment.name} has the component '{component}'",
                nearest(component, frozenset(wanted)),
            )
        wanted = {component}
        roles = {
            name: entry for name, entry in roles.items() if component in entry.get("components", [])
        }
    return (
        *(value for value in effective(environment.settings, tunables) if value.path[0] in wanted),
        *_of_roles(roles),
        *(
            Effective(("secrets", name), None, Origin.SECRET)
            for name, rule in sorted(content["secrets"].items())
            if set(rule["roles"]) & set(roles)
        ),
    )


Side = tuple[Environment, Path]  # an environment, and the root of the release it is seen with
Difference = tuple[str, Effective | None, Effective | None]  # a key and what counts on each side


def differences(first: Side, second: Side) -> list[Difference]:
    """What can be set and counts otherwise on both sides; None if a release does not know it.

    Raises InputError if a release cannot take its environment's settings.
    """
    sides = []
    for environment, root in (first, second):
        tunables = read_tunables(root)
        demand_known(environment.settings, tunables, "that release")
        sides.append({value.key: value for value in effective(environment.settings, tunables)})
    ours, theirs = sides
    return [
        (key, ours.get(key), theirs.get(key))
        for key in sorted({*ours, *theirs})
        if key not in ours or key not in theirs or ours[key].value != theirs[key].value
    ]


def _of_roles(roles: dict[str, dict[str, Plain]]) -> Iterator[Effective]:
    for name, entry in roles.items():
        of_nodes = {key: value for key, value in entry.items() if key not in OF_NO_NODE}
        for path, value in _leaves(of_nodes, ("roles", name)):
            yield Effective(path, value, Origin.ROLE)


def _leaves(value: Plain, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Plain]]:
    """The values below `value` that are no mappings, or empty ones, each with its path."""
    if not isinstance(value, dict) or (path and not value):
        yield path, value
        return
    for key, below in value.items():
        yield from _leaves(below, (*path, key))


def _role_map(root: Path) -> dict[str, Any]:
    """salt/roles.yml of a release with all secrets; InputError if it is none."""
    try:
        return rolemap.completed(cast(dict[str, Any], load(root / ROLE_MAP).plain()))
    except (AgentError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{root / ROLE_MAP}: is no role map: {error}") from None
