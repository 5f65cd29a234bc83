"""Suites as data: what suites/NAME/suite.yml says, read once and then trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped,unused-ignore]
from deploykit.base.errors import InputError

KITCHEN = Path(__file__).resolve().parent.parent
CHECKOUT = KITCHEN.parent
SETTINGS = "settings.yml"
NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")
PLATFORM_KEYS = frozenset(
    {"name", "roles", "memory", "components", "before", "apply", "clean", "may_stay"}
    | {"ansible", "vars"}
)


@dataclass(frozen=True, slots=True)
class Platform:
    """One node of a suite and what is done on it, each item of the lists being one run of Salt.

    `before` is what the `components` stand on, `apply` what is under test, `clean` its undo;
    `may_stay` are patterns of what the undo leaves on purpose; `ansible` are roles, `vars`
    what they are given beside what every node's inventory says.
    `memory` in MiB is what the node needs at its peak; it is no limit, only counted.
    """

    name: str
    roles: tuple[str, ...]
    components: tuple[str, ...]
    before: tuple[tuple[str, ...], ...]
    apply: tuple[tuple[str, ...], ...]
    clean: tuple[tuple[str, ...], ...]
    may_stay: tuple[str, ...]
    ansible: tuple[str, ...]
    vars: Mapping[str, Any]
    memory: int

    @property
    def kind(self) -> str:
        """'ansible' if roles are under test, else 'salt'."""
        return "ansible" if self.ansible else "salt"

    def variables(self) -> dict[str, Any]:
        """What the playbooks read as `suite_node`."""
        return {
            "kind": self.kind,
            "before": [list(states) for states in self.before],
            "apply": [list(states) for states in self.apply],
            "clean": [list(states) for states in self.clean],
            "may_stay": list(self.may_stay),
            "ansible": list(self.ansible),
        }


@dataclass(frozen=True, slots=True)
class Suite:
    """Its nodes, and what they set over the content's own values, as an environment file does."""

    name: str
    platforms: tuple[Platform, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def memory(self) -> int:
        return sum(platform.memory for platform in self.platforms)

    @property
    def covers(self) -> frozenset[str]:
        """What is under test, as folders of the checkout."""
        states = {f"salt/states/{component}" for p in self.platforms for component in p.components}
        return frozenset(
            states | {f"ansible/roles/{role}" for p in self.platforms for role in p.ansible}
        )


def load(kitchen: Path = KITCHEN) -> dict[str, Suite]:
    """Every suite of kitchen/suites by name. Raises InputError naming the file."""
    suites = {}
    for file in sorted((kitchen / "suites").glob("*/suite.yml")):
        suite = parse(file.parent.name, file.read_text(encoding="utf-8"), file)
        suites[suite.name] = replace(suite, settings=_settings(file.with_name(SETTINGS)))
    return suites


def _settings(file: Path) -> Mapping[str, Any]:
    """What the nodes set. A file of its own: suite.yml is Molecule's, which knows no such key."""
    if not file.is_file():
        return {}
    try:
        settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{file}: {error}") from None
    if not isinstance(settings, dict):
        raise InputError(f"{file}: expected components and their values")
    return settings


def parse(name: str, text: str, file: Path) -> Suite:
    """One suite from the text of its file; `file` is only named in errors."""
    if not NAME.fullmatch(name):
        raise InputError(f"{file}: '{name}' is no name for a suite", "use a-z, 0-9, '_' and '-'")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{file}: {error}") from None
    platforms = document.get("platforms") if isinstance(document, dict) else None
    if not isinstance(platforms, list) or not platforms:
        raise InputError(f"{file}: 'platforms' with at least one node is needed")
    return Suite(name, tuple(_platform(entry, file) for entry in platforms))


def _platform(entry: Any, file: Path) -> Platform:
    if not isinstance(entry, dict) or "name" not in entry:
        raise InputError(f"{file}: a platform needs at least a 'name'")
    unknown = sorted(set(entry) - PLATFORM_KEYS)
    if unknown:
        known = ", ".join(sorted(PLATFORM_KEYS))
        raise InputError(f"{file}: unknown key '{unknown[0]}'", f"known: {known}")
    components = tuple(entry.get("components", ()))
    usual = [[component, f"{component}.health"] for component in components]
    undo = [[f"{component}.clean"] for component in reversed(components)]
    return Platform(
        name=str(entry["name"]),
        roles=tuple(entry.get("roles", ())),
        components=components,
        before=_runs(entry.get("before", [])),
        apply=_runs(entry.get("apply", usual)),
        clean=_runs(entry.get("clean", undo)),
        may_stay=tuple(entry.get("may_stay", ())),
        ansible=tuple(entry.get("ansible", ())),
        vars=dict(entry.get("vars", {})),
        memory=int(entry.get("memory", 500)),
    )


def _runs(value: list[Any]) -> tuple[tuple[str, ...], ...]:
    """Runs of Salt; a run of one SLS may be written as its name alone."""
    return tuple((run,) if isinstance(run, str) else tuple(run) for run in value)
