"""What would be otherwise with another release: two renderings compared, role by role. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from deploykit.logs.masking import masked
from deploykit.preview.pieces import OTHER, Piece, of_pillar, pieces, shown
from deploykit.release.states import LINES, WHOLE, StateChange, Unrendered, digest_of

FAILED = "failed"
ORCHESTRATION = "orchestration"
MASTER = "the master"
LONGEST = 200  # characters of a line, and of what Salt says

Nodes = Mapping[str, Any]  # by node as Salt's side answers, with `copied`; the orchestration beside


def unrendered(version: str, nodes: Nodes) -> Iterator[Unrendered]:
    """The nodes that do not render."""
    for node, answer in nodes.items():
        if isinstance(answer, dict) and FAILED in answer:
            said = " ".join(masked(answer[FAILED]).split())
            if "Traceback" in said:  # which ends with the cause; else the template comes after it
                said = said if len(said) <= LONGEST else f"… {said[-LONGEST:]}"
            why = said if len(said) <= LONGEST + 2 else _shorter(said)
            yield Unrendered(version, MASTER if node == ORCHESTRATION else node, why)


def compare(
    before: Nodes,
    after: Nodes,
    roles: Mapping[str, Iterable[str]],
    components: Mapping[str, Iterable[str]],
) -> tuple[StateChange, ...]:
    """What differs on nodes that both render, in the order of components.

    `roles` are those of each node, `components` those of each role on either side, under '' those
    of every node.
    """
    everywhere = {part for parts in components.values() for part in parts}
    differing: dict[tuple[Piece, str], tuple[Any, Any, list[str]]] = {}
    whole: list[StateChange] = []
    for node, new in after.items():
        old = before.get(node)
        if any(isinstance(side, dict) and FAILED in side for side in (old, new)):
            continue
        if old is None:  # no role of it was known before: nobody wants each state of it listed
            own, digest = tuple(sorted(roles[node])), digest_of(json.dumps(new, sort_keys=True))
            whole.append(StateChange(node, "everything on it", "new", own, (node,), digest, (), 0))
            continue
        was, will = _all_pieces(old, everywhere), _all_pieces(new, everywhere)
        for piece in {**will, **was}:
            if was.get(piece) != will.get(piece):
                both = was.get(piece), will.get(piece)
                key = (piece, json.dumps(both, sort_keys=True))
                differing.setdefault(key, (*both, []))[2].append(node)
    changes = (
        _change(piece, digest_of(text), both, _roles_of(piece, nodes, roles, components))
        for (piece, text), (*both, nodes) in differing.items()
    )
    return tuple(sorted([*whole, *changes]))


def _all_pieces(answer: Any, components: Iterable[str]) -> dict[Piece, Any]:
    copied = {} if isinstance(answer, list) else answer["copied"]
    return {
        **pieces(answer, components),
        **of_pillar(answer, components),
        **{Piece(whose, name): text for name, (whose, text) in copied.items()},
    }


def _roles_of(
    piece: Piece,
    nodes: list[str],
    roles: Mapping[str, Iterable[str]],
    components: Mapping[str, Iterable[str]],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Because of which of their roles the nodes have the piece; and the nodes, sorted."""
    here = tuple(sorted(MASTER if node == ORCHESTRATION else node for node in nodes))
    if piece.component == OTHER or piece.component in components.get("", ()):
        return (), here
    of_nodes = {role for node in nodes for role in roles.get(node, ())}
    return tuple(sorted(r for r in of_nodes if piece.component in components.get(r, ()))), here


def _change(
    piece: Piece, digest: str, both: list[Any], where: tuple[tuple[str, ...], tuple[str, ...]]
) -> StateChange:
    was, will = both
    old, new = (masked(shown(value)).splitlines() for value in both)
    diff = list(difflib.unified_diff(old, new, n=1, lineterm=""))[2:]
    lines = [line for line in diff if not line.startswith("@@")]
    if not lines:  # what differs is masked
        lines = ["(only in what is masked)"]
    kind = "new" if was is None else "gone" if will is None else "changed"
    most = LINES if kind == "changed" else WHOLE
    cut = tuple(_shorter(line) for line in lines[:most])
    return StateChange(
        piece.component, piece.name, kind, *where, digest, cut, len(lines) - len(cut)
    )


def _shorter(line: str) -> str:
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
