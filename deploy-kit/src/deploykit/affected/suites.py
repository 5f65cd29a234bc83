"""The slow suites as data: the table tests/suites.yml, and what each suite of the kitchen says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml  # type: ignore[import-untyped,unused-ignore]

from deploykit.affected.imports import Packages
from deploykit.base.errors import InputError

FILE = "tests/suites.yml"
KITCHEN = "kitchen/"  # how the names of its suites begin, and where they are
KEYS = frozenset({"target", "tests", "commands", "plugins", "roles", "paths", "minutes", "core"})
TOP = frozenset({"suites", "without_nodes"})
KITCHEN_KEYS = frozenset({"entries", "paths", "roles", "minutes", "core"})


@dataclass(frozen=True, slots=True)
class Suite:
    """One slow suite: what it is about, what it stands on, and how it is started.

    `target` is its target of make. `covers` and `covers_roles` are the components and the roles of
    Ansible under test, `own` the paths of the suite itself, `tests` its Python files. `entries` are
    the files at which what it exercises begins, `roles` those of its nodes, if a release is
    deployed there (`deploys`). `core`: part of `make test`. `minutes` is what it is expected to
    take until a run was recorded.
    """

    name: str
    target: str
    minutes: float
    tests: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    roles: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    covers: frozenset[str] = frozenset()
    covers_roles: frozenset[str] = frozenset()
    stands_on: frozenset[str] = frozenset()
    stands_on_roles: frozenset[str] = frozenset()
    core: bool = False

    @property
    def deploys(self) -> bool:
        return bool(self.roles)

    @property
    def in_kitchen(self) -> bool:
        return self.name.startswith(KITCHEN)


@dataclass(frozen=True, slots=True)
class Table:
    """All slow suites, in the order of what they guard.

    `without_nodes` are patterns of paths that tests without nodes guard alone. A path that neither
    these nor any suite knows is taken for one that all suites stand on.
    """

    suites: tuple[Suite, ...]
    without_nodes: tuple[str, ...] = ()

    def names(self, path: str) -> bool:
        """Whether a suite names `path`, or a folder around it."""
        folders = {f"{folder}/" for folder in PurePosixPath(path).parents}
        return any({path, *folders} & {*suite.paths, *suite.own} for suite in self.suites)


def read_table(checkout: Path, packages: Packages) -> Table:
    """The table of `checkout`. Raises InputError for what it cannot mean."""
    file = checkout / FILE
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{file} cannot be read: {error}") from None
    _demand_keys(document, TOP, FILE)
    suites: list[Suite] = []
    for name, entry in document["suites"].items():
        if name == "kitchen":
            suites += kitchen_suites(checkout, entry)
        else:
            suites.append(suite(name, entry, packages))
    return Table(tuple(suites), tuple(document.get("without_nodes", ())))


def suite(name: str, entry: Mapping[str, Any], packages: Packages) -> Suite:
    """One suite of the table. Raises InputError for a key, command or plugin that is none."""
    _demand_keys(entry, KEYS, f"{FILE}: {name}")
    tests = tuple(entry["tests"])
    return Suite(
        name=name,
        target=str(entry["target"]),
        minutes=float(entry["minutes"]),
        tests=tests,
        entries=(
            *_entries(name, entry.get("commands", ()), packages.commands, "command of deploy-kit"),
            *_entries(name, entry.get("plugins", ()), packages.plugins, "entry point"),
        ),
        roles=frozenset(entry.get("roles", ())),
        paths=tuple(entry.get("paths", ())),
        own=tests,
        core=bool(entry.get("core", False)),
    )


def kitchen_suites(checkout: Path, entry: Mapping[str, Any]) -> list[Suite]:
    """The suites of the kitchen, in order of name: a suite.yml each, and what all of them share."""
    _demand_keys(entry, KITCHEN_KEYS, f"{FILE}: kitchen")
    files = sorted((checkout / "kitchen/suites").glob("*/suite.yml"))
    suites = [kitchen_suite(file, entry) for file in files]
    strangers = {f"{KITCHEN}{name}" for name in entry.get("core", ())} - {
        suite.name for suite in suites
    }
    if strangers:
        raise InputError(f"{FILE}: there is no suite '{min(strangers)}'")
    return suites


def kitchen_suite(file: Path, entry: Mapping[str, Any]) -> Suite:
    """The suite that `file` describes (kitchen/README.md); `entry` is the table's `kitchen`."""
    name = file.parent.name
    described = yaml.safe_load(file.read_text(encoding="utf-8"))
    platforms = described.get("platforms") if isinstance(described, dict) else None
    if not isinstance(platforms, list):
        raise InputError(f"{file}: 'platforms' with at least one node is needed")
    runs = [
        run
        for platform in platforms
        for key in ("before", "apply")
        for run in platform.get(key, [])
    ]
    states = {sls for run in runs for sls in ([run] if isinstance(run, str) else run)}
    covers = {part for platform in platforms for part in platform.get("components", ())}
    roles = {role for platform in platforms for role in platform.get("ansible", ())}
    folder = f"{KITCHEN}suites/{name}"
    tests = sorted((file.parent / "tests").glob("*.py"))
    minutes = entry["minutes"]
    return Suite(
        name=f"{KITCHEN}{name}",
        target="kitchen",
        minutes=float(minutes.get(name, minutes["default"])),
        tests=tuple(f"{folder}/tests/{test.name}" for test in tests),
        entries=tuple(entry["entries"]),
        paths=tuple(entry["paths"]),
        own=(f"{folder}/",),
        covers=frozenset(covers),
        covers_roles=frozenset(roles),
        stands_on=frozenset(sls.split(".")[0] for sls in states),
        stands_on_roles=frozenset(entry["roles"]) if covers else frozenset(),
        core=name in entry.get("core", ()),
    )


def _entries(
    name: str, words: Iterable[str], known: Mapping[str, str], what: str
) -> tuple[str, ...]:
    for word in words:
        if word not in known:
            raise InputError(
                f"{FILE}: {name}: '{word}' is no {what}", f"there are: {', '.join(sorted(known))}"
            )
    return tuple(known[word] for word in words)


def _demand_keys(entry: Any, keys: frozenset[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise InputError(f"{where}: a mapping is needed")
    unknown = sorted(set(entry) - keys)
    if unknown:
        raise InputError(
            f"{where}: unknown key '{unknown[0]}'", f"known: {', '.join(sorted(keys))}"
        )
