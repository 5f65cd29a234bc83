"""Checks: one test of a release in an environment each. Entry point group `deploykit.checks`.

A check says what it found as an Outcome; recording it as evidence is not its business.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol

from deploykit.base.errors import InputError
from deploykit.base.yamlfile import nearest
from deploykit.ledger.bodies import Rehearsed
from deploykit.ledger.schema import Result
from deploykit.nodes.inventory import Inventory
from deploykit.release import Release
from deploykit.rollout.work import Work
from deploykit.site.environment import Environment

GROUP = "deploykit.checks"
PASSED = Result.PASSED
FAILED = Result.FAILED
NOT_APPLICABLE = Result.NOT_APPLICABLE

Packages = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Occasion:
    """What is asked: does `release` hold, coming from `before`, on nodes like `environment`'s?

    `before` is the release that runs there first (None: nodes made from nothing). `live` is the
    running instance to look at, for checks that look at one. `signers` is the text of an
    allowed_signers file: who may have signed the kits of both releases.
    """

    release: Release
    before: Release | None
    environment: Environment
    live: Inventory | None = None
    signers: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found: result, one line of summary, package versions per role; of going back
    what it came to."""

    result: Result
    summary: str
    packages: Packages
    rehearsed: Rehearsed | None = None


class Check(Protocol):
    """The contract of a check plugin.

    `on_copy` says whether it makes a throwaway copy of the environment for itself; else it looks
    at the live instance. `run` raises DeployKitError only where it could not find out.
    """

    name: str
    summary: str
    on_copy: bool

    def run(self, work: Work, occasion: Occasion) -> Outcome: ...


def check_names() -> frozenset[str]:
    """The check plugins that are installed: what a train can run."""
    return frozenset(entry.name for entry in entry_points(group=GROUP))


def check_named(name: str) -> Check:
    """The check plugin `name`. Raises InputError where there is none."""
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        raise InputError(f"there is no check '{name}'", nearest(name, frozenset(found)))
    check: Check = found[name].load()()
    return check
