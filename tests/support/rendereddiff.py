"""What a change does to the states and files of every node: `make rendered SINCE=REVISION`.

    rendereddiff.py [--names] [REVISION]

Renders the content of REVISION (default: HEAD) and of the work tree for all topologies, and prints
every difference once, with the nodes it is on. --names prints the components alone, one a line;
what no component owns (the stages, the steps of a deployment) is `deployment`. Exit status 0.
"""

from __future__ import annotations

import argparse
import difflib
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from deploykit.base.errors import DeployKitError
from deploykit.base.homes import cache_home
from rendering import read_role_map, render_topology, salt_of_the_image
from topologies import TOPOLOGIES, Topology

CHECKOUT = Path(__file__).resolve().parents[2]
PARTS = ("salt", "ansible/roles/salt_master/templates/environment.py.j2")  # what is rendered
TOOLS = ("rendering.py", "saltrender.py", "topologies.py")  # what renders it
OTHER = "deployment"
SHOWN = 4  # nodes that are named; of more their number

Rendered = Mapping[str, Mapping[str, Any]]  # by topology and node, as saltrender.py answers


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """A state, a file or a step, and the component it belongs to."""

    component: str
    name: str


class Text(yaml.SafeDumper):
    """Several lines as a block, so that what is shown reads like what it describes."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Text.add_representer(str, _block)


def components_of(checkout: Path) -> list[str]:
    states = checkout / "salt" / "states"
    return sorted(path.name for path in states.iterdir() if (path / "init.sls").is_file())


def owner(state: str, components: Iterable[str]) -> str:
    """The component whose name the id of a state begins with."""
    mine = [component for component in components if state.startswith(f"{component}_")]
    return max(mine, key=len, default=OTHER)


def pieces(answer: Any, components: Iterable[str]) -> dict[Piece, Any]:
    """All that was rendered for one node (or the orchestration), piece by piece, in its order."""
    if isinstance(answer, list):
        return {Piece(OTHER, f"step {step['__id__']}"): step for step in answer}
    found: dict[Piece, Any] = {}
    owners: dict[str, str] = {}  # of files
    listed = dict(answer["sls"])
    for stage in [name for name in listed if name.startswith("stage.")]:
        found[Piece(OTHER, stage)] = listed.pop(stage)
    for state in [*answer["highstate"], *(one for states in listed.values() for one in states)]:
        whose = owner(state["__id__"], components)
        owners[state["name"]] = whose
        known = state["name"] == state["__id__"] or state["state"] != "file"
        name = f"{state['__id__']} {state['state']}.{state['fun']}"
        found[Piece(whose, name if known else f"{name} {state['name']}")] = state
    for path, lines in answer["files"].items():
        found[Piece(owners.get(path, OTHER), path)] = "\n".join(lines) + "\n"
    found[Piece(OTHER, "components")] = answer["top"]
    return found


def shown(value: Any) -> str:
    """A piece as text."""
    if isinstance(value, str):
        return value
    return "" if value is None else yaml.dump(value, Dumper=Text, width=100, sort_keys=False)


def differences(
    before: Rendered, after: Rendered, components: Iterable[str]
) -> Iterator[tuple[Piece, Any, Any, list[str]]]:
    """(piece, before, after, the nodes TOPOLOGY/NODE) of each difference, sorted by component."""
    found: dict[tuple[Piece, str], tuple[Any, Any, list[str]]] = {}
    known = list(components)
    for topology in sorted({*before, *after}):
        sides = before.get(topology, {}), after.get(topology, {})
        for node in sorted({*sides[0], *sides[1]}):
            old, new = (pieces(side[node], known) if node in side else {} for side in sides)
            for piece in {**new, **old}:
                was, is_ = old.get(piece), new.get(piece)
                if was != is_:
                    key = (piece, json.dumps([was, is_]))
                    found.setdefault(key, (was, is_, []))[2].append(f"{topology}/{node}")
    for (piece, _), (was, is_, places) in sorted(found.items(), key=lambda item: item[0]):
        yield piece, was, is_, places


def told(piece: Piece, was: Any, is_: Any, places: list[str]) -> str:
    """One difference as a person reads it."""
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    lines = [f"{piece.component}: {piece.name}", f"  on {', '.join(places[:SHOWN])}{more}"]
    old, new = shown(was).splitlines(), shown(is_).splitlines()
    lines += [f"  {line}" for line in list(difflib.unified_diff(old, new, n=2, lineterm=""))[2:]]
    return "\n".join(lines)


def fitting(topology: Topology, roles: Iterable[str]) -> Topology:
    """`topology` without roles that the content of one side does not have."""
    nodes = {name: [one for one in own if one in roles] for name, own in topology.nodes.items()}
    return replace(topology, nodes={name: own for name, own in nodes.items() if own})


def render_all(checkout: Path) -> Rendered:
    """What Salt makes of `checkout`; kept in the cache under a digest of all it depends on."""
    kept = cache_home() / "rendered" / f"{digest(checkout)}.json"
    if kept.is_file():
        found: Rendered = json.loads(kept.read_text())
        return found
    role_map = read_role_map(checkout)
    packages = salt_of_the_image()
    with tempfile.TemporaryDirectory(prefix="rendered-") as scratch, ThreadPoolExecutor(2) as pool:

        def one(name: str) -> dict[str, Any]:
            folder = Path(scratch) / name
            folder.mkdir()
            topology = fitting(TOPOLOGIES[name], role_map["roles"])
            return render_topology(checkout, topology, role_map, packages, folder)

        found = dict(zip(TOPOLOGIES, pool.map(one, TOPOLOGIES), strict=True))
    kept.parent.mkdir(parents=True, exist_ok=True)
    aside = kept.with_suffix(".new")
    aside.write_text(json.dumps(found))
    aside.replace(kept)
    return found


def digest(checkout: Path) -> str:
    """Of the content of `checkout` and of what renders it."""
    files = {name: Path(__file__).with_name(name) for name in TOOLS}
    for part in PARTS:
        for file in [checkout / part, *sorted((checkout / part).rglob("*"))]:
            if file.is_file() and "__pycache__" not in file.parts:
                files[str(file.relative_to(checkout))] = file
    found = sha256()
    for name, file in files.items():
        found.update(f"{name} {sha256(file.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


def render_revision(revision: str) -> Rendered:
    """What Salt makes of the content of a commit. Raises SystemExit where there is none."""
    with tempfile.TemporaryDirectory(prefix="revision-") as scratch:
        archive = f"{scratch}/content.tar"
        for words in (
            ["git", "-C", CHECKOUT, "archive", "-o", archive, revision, "--", *PARTS],
            ["tar", "-xf", archive, "-C", scratch],
        ):
            done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
            if done.returncode != 0:
                raise SystemExit(f"{revision}: {done.stderr.strip()}")
        return render_all(Path(scratch))


def main() -> None:
    parser = argparse.ArgumentParser(prog="make rendered", description=__doc__)
    parser.add_argument("revision", nargs="?", default="HEAD")
    parser.add_argument("--names", action="store_true", help="only the components that differ")
    given = parser.parse_args()
    try:
        before, after = render_revision(given.revision), render_all(CHECKOUT)
    except subprocess.TimeoutExpired as error:
        raise SystemExit(f"Salt did not render within {error.timeout:g} s: try again") from None
    except (AssertionError, DeployKitError) as error:
        raise SystemExit(f"a side does not render: {error}") from None
    names: dict[str, int] = defaultdict(int)
    for piece, was, is_, places in differences(before, after, components_of(CHECKOUT)):
        names[piece.component] += 1
        if not given.names:
            print(told(piece, was, is_, places), end="\n\n")
    if given.names:
        print("\n".join(names))
    else:
        counted = ", ".join(f"{name} {number}" for name, number in names.items())
        print(f"{sum(names.values())} differences{': ' if counted else ''}{counted}")


if __name__ == "__main__":
    sys.exit(main())
