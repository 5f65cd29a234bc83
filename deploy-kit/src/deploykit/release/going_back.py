"""What moves between two releases, by what their kits declare."""

from __future__ import annotations

from deploykit.release import Release
from deploykit.site import Site
from deploykit.site.declarations import packages_part
from deploykit.site.environment import Environment
from deploykit.site.going_back import Move, WayBack, moves_between, way_back


def read_moves(site: Site, older: Release | None, newer: Release) -> tuple[Move, ...]:
    """What moves from `older` to `newer`; over nothing, nothing does.

    Raises InputError where a kit's declarations do not fit.
    """
    if older is None or older.digest == newer.digest:
        return ()
    ours = newer.declared(site)
    asked = {
        part.subject for what, part in ours.parts.items() if what == packages_part(part.subject)
    }
    return moves_between(older.declared(site, asked), ours)


def read_way_back(
    site: Site, older: Release | None, newer: Release, environment: Environment
) -> WayBack:
    """The rollback class of the edge from `older` to `newer` in `environment`. Raises as above."""
    return way_back(read_moves(site, older, newer), roles_of(environment))


def roles_of(environment: Environment) -> frozenset[str]:
    """The roles that some node of it has."""
    return frozenset(role for node in environment.nodes for role in node.roles)
