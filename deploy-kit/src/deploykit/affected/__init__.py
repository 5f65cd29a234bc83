"""What a change touches, and which suites it therefore asks for: one pure function, `affected`.

CI, `make kitchen ARGS=--changed` and Jenkins call it; whoever comes next does, too. What depends on
what is read from what the content itself declares (`declared`), from the imports of the Python
files (`imports`) and from the table of suites (`suites`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from deploykit.affected.declared import Content
from deploykit.affected.imports import Packages, reach
from deploykit.affected.suites import Suite, Table

# What carries a release onto nodes, whatever its components are: orchestration, stages, day 0's
# playbook, the smoke tests.
DEPLOYMENT = "deployment"
STATES, PILLAR, ROLES = ("salt", "states"), ("salt", "pillar"), ("ansible", "roles")
LIBRARY = ("ansible", "playbooks", "library")
SHARED_STATES = frozenset({"lib", "stage"})
CARRYING = ("salt/states/stage/", "salt/orchestrate/", "salt/smoke/", "salt/roles.yml")
# Where the master's own module makes pillar of what it knows.
MASTER_PILLAR = "ansible/roles/salt_master/templates/environment.py.j2"


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change touches: components of Salt, roles of Ansible, files (Python files, and those
    that suites name themselves).

    `deployment`: what carries any release. `everything`: something that all suites stand on, or
    that nobody knows.
    """

    components: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    deployment: bool = False
    everything: bool = False

    @property
    def packages(self) -> frozenset[str]:
        """The folders of the Python files."""
        return frozenset(str(PurePosixPath(file).parent) for file in self.files
                         if file.endswith(".py"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Affected:
    """What a change touches, and the suites that it asks for, by name in the table's order.

    A suite's value says whether the change is one of what the suite is about (its own tests, the
    components that it covers), rather than of something that it stands on.
    """

    touched: Touched
    suites: Mapping[str, bool]


def affected(
    changed: Iterable[str],
    content: Content,
    packages: Packages,
    table: Table,
    rendered: frozenset[str] | None = frozenset(),
) -> Affected:
    """The suites of `table` that a change of the paths `changed` (below the checkout) asks for.

    `rendered` are the components whose rendered states the change alters (and DEPLOYMENT, if the
    orchestration is altered); None if nobody could render both sides, and then a change of what
    components share counts as one of every component.
    """
    paths = sorted(set(changed))
    touched = touches(paths, content, packages, table, rendered)
    asked = {}
    for suite in table.suites:
        about = _concerns(_subjects(suite, content, packages, own=True), touched, paths)
        if about or _concerns(_subjects(suite, content, packages, own=False), touched, paths):
            asked[suite.name] = about
        elif touched.everything:
            asked[suite.name] = False
    return Affected(touched, asked)


def needs_rendering(changed: Iterable[str]) -> bool:
    """Whether only rendering tells which components a change of these paths reaches."""
    return any(
        path == MASTER_PILLAR or (path.startswith("salt/") and not _component_alone(path))
        for path in changed
    )


def touches(
    paths: Sequence[str],
    content: Content,
    packages: Packages,
    table: Table,
    rendered: frozenset[str] | None,
) -> Touched:
    """What a change of `paths` touches; the rest as for `affected`."""
    components: set[str] = set()
    if needs_rendering(paths):
        components |= {*content.components, DEPLOYMENT} if rendered is None else rendered
    roles: set[str] = set()
    files: set[str] = set()
    deployment, everything = DEPLOYMENT in components, False
    for path in paths:
        parts = PurePosixPath(path).parts
        if path.startswith(CARRYING):
            deployment = True
        elif parts[0] == "salt":
            components |= _component_of(parts, content)
        elif parts[:2] == ROLES and len(parts) > 3:
            roles.add(parts[2])
        elif parts[:3] == LIBRARY:
            users = content.users_of_module(PurePosixPath(path).stem)
            roles |= users
            deployment |= not users  # the playbook itself calls it
        elif path.startswith("ansible/playbooks/"):
            deployment = True
        elif path in packages.imports:
            files.add(path)
        elif beside := packages.beside(path):
            files |= beside
        elif table.names(path):
            files.add(path)
        elif not any(fnmatchcase(path, pattern) for pattern in table.without_nodes):
            everything = True
    return Touched(
        frozenset(components - {DEPLOYMENT}),
        frozenset(roles),
        frozenset(files),
        deployment,
        everything,
    )


def _component_alone(path: str) -> bool:
    """Whether `path` is a component's own: its pillar is everybody's to read, and not."""
    parts = PurePosixPath(path).parts
    return (
        parts[:2] == STATES
        and len(parts) > 3
        and parts[2] not in SHARED_STATES
        and not parts[2].startswith("_")
    )


def _component_of(parts: tuple[str, ...], content: Content) -> set[str]:
    if _component_alone("/".join(parts)):
        return {parts[2]}
    if parts[:2] == PILLAR and PurePosixPath(parts[-1]).stem in content.components:
        return {PurePosixPath(parts[-1]).stem}
    return set()  # what is shared: rendering tells


@dataclass(frozen=True, slots=True)
class _Subjects:
    """What a suite's outcome hangs on, as `Touched` names it; `paths` are prefixes of folders."""

    components: frozenset[str]
    roles: frozenset[str]
    files: frozenset[str]
    paths: tuple[str, ...]
    deployment: bool


def _subjects(suite: Suite, content: Content, packages: Packages, own: bool) -> _Subjects:
    if own:
        return _Subjects(suite.covers, suite.covers_roles, frozenset(suite.tests), suite.own, False)
    stands_on = suite.covers | suite.stands_on | content.components_of(suite.roles)
    day0 = content.ansible_roles if suite.deploys else frozenset()
    return _Subjects(
        content.closure(stands_on),
        suite.covers_roles | suite.stands_on_roles | day0,
        reach(packages, suite.tests + suite.entries),
        suite.paths,
        suite.deploys,
    )


def _concerns(subjects: _Subjects, touched: Touched, paths: Iterable[str]) -> bool:
    return bool(
        subjects.components & touched.components
        or subjects.roles & touched.roles
        or subjects.files & touched.files
        or (subjects.deployment and touched.deployment)
        or any(lies_in(path, subjects.paths) for path in paths)
    )


def lies_in(path: str, prefixes: Iterable[str]) -> bool:
    """Whether `path` is one of `prefixes`, or below one of them that ends in '/'."""
    return any(
        path == prefix or (prefix.endswith("/") and path.startswith(prefix)) for prefix in prefixes
    )
