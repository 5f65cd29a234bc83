"""Two environments asked what they are like; nothing is changed in either."""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from deploykit.care.compare import (
    Difference,
    Kind,
    Seen,
    compare_nodes,
    compare_roles,
    compare_secrets,
    compare_settings,
    together,
)
from deploykit.care.compare.lines import Expected, Values
from deploykit.care.compare.words import shape, words_of
from deploykit.ledger import view
from deploykit.master.facade import SecretMarks
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.portraits import portraits
from deploykit.nodes.ssh import reachable
from deploykit.rollout.settings import Effective, Origin, differences
from deploykit.rollout.work import Work
from deploykit.site.environment import is_minion

KEY_BYTES = 32  # of the key that makes secrets comparable; forgotten with this process


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its nodes, the release that runs there, and the folder with its content."""

    inventory: Inventory
    runs: view.Running
    root: Path

    @property
    def name(self) -> str:
        return self.inventory.environment.name


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found of two environments that run `releases` (digests) of `versions`; `master` is
    that of the first, `seconds` how long it took."""

    environments: tuple[str, str]
    versions: tuple[str, str]
    differences: tuple[Difference, ...]
    releases: tuple[str, str]
    master: str
    seconds: float

    @property
    def unexpected(self) -> tuple[Difference, ...]:
        return tuple(one for one in self.differences if not one.expected)


def compare_environments(work: Work, first: Side, second: Side) -> Comparison:
    """Compare two environments as they are now, each with the release that it runs.

    Raises NodeUnreachable, AgentFailed if states do not render, InputError if a release cannot take
    its environment's settings.
    """
    began, key = time.monotonic(), secrets.token_bytes(KEY_BYTES)
    settings = _settings(first, second)
    looks = [_look(work, side, key) for side in (first, second)]
    (one, one_marks), (other, other_marks) = looks
    found = [
        *compare_roles(one, other),
        *compare_nodes(one, other, _expected(first, second, settings)),
        *compare_settings(
            {
                name: (_written(one), _written(other), _said(one, other))
                for name, (one, other) in settings.items()
            }
        ),
        *compare_secrets(
            one_marks["values"], other_marks["values"], alike=_are_alike(first, second)
        ),
    ]
    if first.runs.digest != second.runs.digest:
        versions = first.runs.version, second.runs.version
        found.append(Difference(Kind.RELEASE, "release", *versions))
    return Comparison(
        (first.name, second.name),
        (first.runs.version, second.runs.version),
        tuple(together(found)),
        (first.runs.digest, second.runs.digest),
        first.inventory.environment.master.name,
        time.monotonic() - began,
    )


def _look(work: Work, side: Side, key: bytes) -> tuple[Seen, SecretMarks]:
    """How the nodes of one side look, and its secrets by marks of `key`."""
    inventory, digest = side.inventory, side.runs.digest.removeprefix("sha256:")
    hosts = tuple(host for host in inventory.minions if host.name not in side.runs.left_out)
    names = [host.name for host in hosts]
    reachable(inventory, [inventory.master.name, *names])
    master = work.master(inventory)
    with work.progress.step(f"{side.name}: what states own"):
        owned, marks = master.owned(digest, names), master.mark_secrets(key)
    files = {
        name: {path: shown for part in owned[name].values() for path, shown in part.items()}
        for name in names
    }
    with work.progress.step(f"{side.name}: packages, services and files"):
        seen = portraits(inventory, files, key, marks["words"])
    # A master that is nothing else is no minion: no state owns anything there.
    roles = [one.roles for one in inventory.environment.nodes if is_minion(one.roles)]
    described = Counter(role for node in roles for role in node)
    return Seen(hosts, seen, owned, described), marks


def _settings(first: Side, second: Side) -> dict[str, tuple[Effective | None, Effective | None]]:
    found = differences(
        (first.inventory.environment, first.root), (second.inventory.environment, second.root)
    )
    return {key: (one, other) for key, one, other in found}


def _said(one: Effective | None, other: Effective | None) -> bool:
    """Whether an environment's own files say so: else two releases say something else."""
    return any(side is not None and side.origin is Origin.ENVIRONMENT for side in (one, other))


def _written(value: Effective | None) -> str:
    if value is None:
        return ""
    return value.value if isinstance(value.value, str) else json.dumps(value.value)


def _are_alike(first: Side, second: Side) -> bool:
    """Whether both have as many nodes of the same roles."""
    return shape(first.inventory.environment) == shape(second.inventory.environment)


def _expected(
    first: Side,
    second: Side,
    settings: dict[str, tuple[Effective | None, Effective | None]],
) -> Expected:
    """What makes files differ in these two: names, addresses, and the settings of their files."""
    sides = (first.inventory, second.inventory)
    alike = _are_alike(first, second)
    words = [
        words_of(
            side.environment, {host.name: host.ssh_address for host in side.hosts}, alike=alike
        )
        for side in sides
    ]
    values = {
        key: _ways(one, other)
        for key, (one, other) in settings.items()
        if one is not None and other is not None and _said(one, other)
    }
    return Expected((words[0], words[1]), values, alike)


def _ways(one: Effective, other: Effective) -> list[Values]:
    """How files may have the values of a setting: as they are, as Python writes them, a list with
    commas."""
    ways = [(_written(one), _written(other)), (str(one.value), str(other.value))]
    if isinstance(one.value, list) and isinstance(other.value, list):
        for comma in (",", ", ", " "):
            ways.append((comma.join(map(str, one.value)), comma.join(map(str, other.value))))
    return [way for way in dict.fromkeys(ways) if all(way)]
