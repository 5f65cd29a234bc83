"""In what two environments differ: what a test in one says of the other. Pure.

Nodes are aligned by their roles, in the order of the environment files: names and addresses differ
in any two. What the files of the environments say is to be expected, everything else is not.
What was asked is in `look`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from deploykit.care.compare.lines import Expected, LineDifference, compare_lines, shown
from deploykit.logs.masking import masked
from deploykit.nodes.inventory import Host
from deploykit.nodes.portraits import NodeFile, Portrait

OTHER_ROLES = "other roles on the node"
FILES_SAY = "the environment files say so"
OF_ONE = "each environment makes its own"
SHOWN = 8  # lines of a file


class Kind(StrEnum):
    """What two environments may differ in."""

    RELEASE = "release"
    NODES = "nodes"
    KERNEL = "kernel"
    PACKAGE = "package"
    SERVICE = "service"
    FILE = "file"
    SETTING = "setting"
    SECRET = "secret"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which they differ: which `roles` it is of, on which pairs of `nodes`
    (`FIRST|SECOND`), what is on each side ('' if nothing is), and `why` that was to be expected,
    '' if it was not."""

    kind: Kind
    what: str
    first: str
    second: str
    why: str = ""
    roles: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()

    @property
    def expected(self) -> bool:
        return bool(self.why)


@dataclass(frozen=True, slots=True)
class Seen:
    """One side: its nodes that are there, how they look, the files that states own on each (node ->
    component -> path -> whether shown), and how many nodes of each role its file describes."""

    hosts: tuple[Host, ...]
    portraits: Mapping[str, Portrait]
    owned: Mapping[str, Mapping[str, Mapping[str, bool]]]
    described: Mapping[str, int]

    def with_role(self, role: str) -> list[Host]:
        return [host for host in self.hosts if role in host.roles]


def compare_roles(first: Seen, second: Seen) -> Iterator[Difference]:
    """Roles that have more nodes in one environment than in the other."""
    for role in sorted({*first.described, *second.described}):
        there = len(first.with_role(role)), len(second.with_role(role))
        if there[0] != there[1]:
            said = first.described.get(role, 0), second.described.get(role, 0)
            why = FILES_SAY if there == said else ""
            one, other = map(str, there)
            yield Difference(Kind.NODES, role, one, other, why, roles=(role,))


def compare_nodes(first: Seen, second: Seen, expected: Expected) -> list[Difference]:
    """In what the nodes of each role differ; what several have in common is told once."""
    pairs: dict[tuple[str, str], list[str]] = {}
    for role in sorted({role for side in (first, second) for h in side.hosts for role in h.roles}):
        for one, other in align(first.with_role(role), second.with_role(role)):
            pairs.setdefault((one.name, other.name), []).append(role)
    found = []
    for (one_name, other_name), roles in pairs.items():
        nodes = (f"{one_name}|{other_name}",)
        found += [
            replace(difference, roles=tuple(roles), nodes=nodes)
            for difference in _of_pair(first, second, (one_name, other_name), expected)
        ]
    return together(found)


def align(first: Sequence[Host], second: Sequence[Host]) -> Iterator[tuple[Host, Host]]:
    """Each node of a role with the one in its place; those beyond the other's number with its
    last. None if one side has none."""
    if first and second:
        for place in range(max(len(first), len(second))):
            yield first[min(place, len(first) - 1)], second[min(place, len(second) - 1)]


def together(found: Iterable[Difference]) -> list[Difference]:
    """Differences that are the same on several nodes as one; in the order of `Kind`, unexpected
    ones first."""
    merged: dict[Difference, Difference] = {}
    for one in found:
        same = replace(one, roles=(), nodes=())
        known = merged.get(same, same)
        roles = tuple(dict.fromkeys((*known.roles, *one.roles)))
        nodes = tuple(dict.fromkeys((*known.nodes, *one.nodes)))
        merged[same] = replace(one, roles=roles, nodes=nodes)
    kinds = list(Kind)
    return sorted(merged.values(), key=lambda d: (d.expected, kinds.index(d.kind), d.what))


def compare_settings(values: Mapping[str, tuple[str, str, bool]]) -> Iterator[Difference]:
    """Settings: by key what counts on each side, and whether an environment file says so."""
    for key, (one, other, said) in sorted(values.items()):
        yield Difference(Kind.SETTING, key, one, other, FILES_SAY if said else "")


def compare_secrets(
    first: Mapping[str, str], second: Mapping[str, str], *, alike: bool
) -> Iterator[Difference]:
    """Secrets by their marks. Two environments are to have none in common: who reads the one's
    would be let into the other. If they are not `alike`, one may have more of them."""
    for name in sorted({*first, *second}):
        if name not in first or name not in second:
            there = ("there" if name in first else "", "there" if name in second else "")
            yield Difference(Kind.SECRET, name, *there, why="" if alike else FILES_SAY)
        elif first[name] == second[name]:
            yield Difference(Kind.SECRET, name, "equal", "equal")
        else:
            yield Difference(Kind.SECRET, name, "its own", "its own", OF_ONE)


def _of_pair(
    first: Seen, second: Seen, names: tuple[str, str], expected: Expected
) -> Iterator[Difference]:
    """In what two nodes differ that have a role in common."""
    one, other = first.portraits[names[0]], second.portraits[names[1]]
    roles = [
        next(set(host.roles) for host in side.hosts if host.name == name)
        for side, name in zip((first, second), names, strict=True)
    ]
    alone = "" if roles[0] == roles[1] else OTHER_ROLES
    if one.kernel != other.kernel:
        yield Difference(Kind.KERNEL, "kernel", one.kernel, other.kernel)
    yield from _of_mappings(Kind.PACKAGE, one.packages, other.packages, alone)
    yield from _of_mappings(Kind.SERVICE, one.units, other.units, alone)
    owned = first.owned[names[0]], second.owned[names[1]]
    for path in sorted({*one.files, *other.files}):
        ours, theirs = one.files.get(path), other.files.get(path)
        if ours is not None and theirs is not None:
            yield from _of_file(path, ours, theirs, expected)
        else:
            mine, others = owned if ours is not None else (owned[1], owned[0])
            component = next(name for name, files in mine.items() if path in files)
            there = ("owned", "") if ours is not None else ("", "owned")
            why = "" if component in others else alone
            yield Difference(Kind.FILE, path, *there, why=why)


def _of_mappings(
    kind: Kind, first: Mapping[str, str], second: Mapping[str, str], alone: str
) -> Iterator[Difference]:
    """What has another value on the other side; `alone` is why one side may lack something."""
    for what in sorted({*first, *second}):
        one, other = first.get(what, ""), second.get(what, "")
        if one != other:
            yield Difference(kind, what, one, other, alone if not (one and other) else "")


def _of_file(
    path: str, first: NodeFile, second: NodeFile, expected: Expected
) -> Iterator[Difference]:
    """In what one file differs: what it is, its rights, and its lines by why they do."""
    if first.kind != second.kind:
        yield Difference(Kind.FILE, path, first.kind, second.kind)
        return
    if first.rights != second.rights:
        yield Difference(Kind.FILE, path, first.rights, second.rights)
    by_why: dict[str, list[LineDifference]] = {}
    for line in compare_lines(first.lines, second.lines, expected):
        by_why.setdefault(line.why, []).append(line)
    for why, lines in by_why.items():
        one = _joined([line.first for line in lines])
        yield Difference(Kind.FILE, path, one, _joined([line.second for line in lines]), why)


def _joined(lines: Sequence[str]) -> str:
    """Lines as people see them; what nodes did not know for a secret is masked by its form."""
    there = [line for line in lines if line]
    more = [f"and {len(there) - SHOWN} more lines"] if len(there) > SHOWN else []
    return masked("\n".join([*map(shown, there[:SHOWN]), *more]))
