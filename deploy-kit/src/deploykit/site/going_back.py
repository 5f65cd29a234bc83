"""What going back over an edge takes, by what two releases declare: its rollback class. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DATABASE = "database"  # the role of the nodes whose data a backup is of


class RollbackClass(StrEnum):
    """What it takes to go back, the least first.

    Reversible: the older release is deployed. Restore: with the database of before. Forward-only:
    there is no way back.
    """

    REVERSIBLE = "reversible"
    RESTORE = "restore"
    FORWARD_ONLY = "forward-only"


WEIGHT = {kind: weight for weight, kind in enumerate(RollbackClass)}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a release may move.

    `value` is what it is in this release, `takes` what going back over another value takes. It is
    of the component or role `subject`, and of environments that have one of `roles`; of all where
    there are none.
    """

    subject: str
    value: str
    takes: RollbackClass
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Declared:
    """What a release's content declares: its `parts` by what each is in words.

    `subjects` are all components and roles that it has: what it has not, it cannot read wrongly.
    Of roles with packages: those of which older ones may come back where one goes back over it are
    `coming`, the others `staying`.
    """

    parts: Mapping[str, Part] = field(default_factory=dict)
    subjects: frozenset[str] = frozenset()
    coming: frozenset[str] = frozenset()
    staying: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Move:
    """A part that differs: what it `was`, '' for none, and what it `will` be."""

    what: str
    was: str
    will: str
    takes: RollbackClass
    roles: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.what}: {self.was or 'none'} before, {self.will} then"


@dataclass(frozen=True, slots=True)
class WayBack:
    """The class of an edge, and the moves that make it one of more than `reversible`."""

    kind: RollbackClass
    moves: tuple[Move, ...] = ()

    @property
    def why(self) -> str:
        """The moves in words, '' where there are none."""
        return "; ".join(map(str, self.moves))


def moves_between(older: Declared, newer: Declared) -> tuple[Move, ...]:
    """What moves from `older` to `newer`, by what the newer one says of each.

    What the older one has not at all is left as it is by going back to it, and moves nothing.
    """
    found = []
    for what, part in sorted(newer.parts.items()):
        was = older.parts.get(what)
        known = was is not None or part.subject in older.subjects
        if known and (was.value if was else None) != part.value:
            value = was.value if was else ""
            found.append(Move(what, value, part.value, part.takes, part.roles))
    return tuple(found)


def packages_come_back(newer: Declared, roles: frozenset[str] | None = None) -> bool:
    """Whether the set of packages of before comes back with going back over `newer`, on every node
    of an environment with `roles` (None: with all): if it may be for each of them."""
    if roles is None:
        return bool(newer.coming) and not newer.staying
    return bool(newer.coming & roles) and not newer.staying & roles


def way_back(moves: Iterable[Move], roles: frozenset[str] | None = None) -> WayBack:
    """The class of an edge with these `moves`, in an environment whose nodes have `roles`.

    None for whichever environment. Where no node has the database, none of its can be brought back.
    """
    counting = tuple(
        move
        for move in moves
        if move.takes != RollbackClass.REVERSIBLE
        and (roles is None or not move.roles or move.roles & roles)
    )
    takes = [RollbackClass.REVERSIBLE, *(move.takes for move in counting)]
    kind = max(takes, key=WEIGHT.__getitem__)
    if kind == RollbackClass.RESTORE and roles is not None and DATABASE not in roles:
        kind = RollbackClass.FORWARD_ONLY
    return WayBack(kind, counting)
