"""What was rendered, piece by piece: a state, a file, a step of the deployment. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml  # type: ignore[import-untyped,unused-ignore]

from deploykit.release.states import DEPLOYMENT

OTHER = DEPLOYMENT  # what no component owns
PILLAR = "pillar"


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """A state, a file or a step, and the component it belongs to."""

    component: str
    name: str


class Text(yaml.SafeDumper):  # type: ignore[misc,unused-ignore]
    """Several lines as a block, so that what is shown reads like what it describes."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Text.add_representer(str, _block)


def owner(state: str, components: Iterable[str]) -> str:
    """The component whose name the id of a state begins with."""
    mine = [component for component in components if state.startswith(f"{component}_")]
    return max(mine, key=len, default=OTHER)


def pieces(answer: Any, components: Iterable[str]) -> dict[Piece, Any]:
    """All that was rendered for one node (or the orchestration), piece by piece, in its order."""
    if isinstance(answer, list):
        return {Piece(OTHER, f"step {step['__id__']}"): step for step in answer}
    stages = {name: ids for name, ids in answer["sls"].items() if name.startswith("stage.")}
    rendered_pieces: dict[Piece, Any] = {Piece(OTHER, name): ids for name, ids in stages.items()}
    owners: dict[str, str] = {}  # of files
    for state in states_of(answer):
        whose = owner(state["__id__"], components)
        owners[state["name"]] = whose
        piece = Piece(whose, f"{state['__id__']} {state['state']}.{state['fun']}")
        known = state["name"] == state["__id__"] or state["state"] != "file"
        if not known or rendered_pieces.get(piece, state) != state:  # one id may have several names
            piece = Piece(whose, f"{piece.name} {state['name']}")
        rendered_pieces[piece] = state
    for path, lines in answer["files"].items():
        rendered_pieces[Piece(owners.get(path, OTHER), path)] = "\n".join(lines) + "\n"
    rendered_pieces[Piece(OTHER, "components")] = answer["top"]
    return rendered_pieces


def of_pillar(answer: Any, components: Iterable[str]) -> dict[Piece, Any]:
    """The pillar of one node, key by key, and the names of its secrets."""
    if isinstance(answer, list):
        return {}
    known = frozenset(components)
    values = {**answer["values"], "secrets": answer["secrets"]}
    return {
        Piece(key if key in known else OTHER, f"{PILLAR} {key}"): value
        for key, value in values.items()
    }


def states_of(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The states of a node, in full: those of a stage are told by their ids alone."""
    listed = [states for name, states in node["sls"].items() if not name.startswith("stage.")]
    return [*node["highstate"], *(state for states in listed for state in states)]


def named_files(value: Any) -> Iterator[str]:
    """Every salt:// within a state."""
    if isinstance(value, str):
        if value.startswith("salt://"):
            yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from named_files(part)


def shown(value: Any) -> str:
    """A piece as text."""
    if isinstance(value, str):
        return value
    return "" if value is None else yaml.dump(value, Dumper=Text, width=100, sort_keys=False)
