"""A digest of each component as rendered: `rendered.py CHECKOUT` prints {component: SHA-256}.

Two sides whose digests are the same give every node the same states, templates and files. What no
component owns (the orchestration, the stages) goes under "deployment".
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from rendering import read_role_map, render_topology, salt_of_the_image
from topologies import TOPOLOGIES, Topology

OTHER = "deployment"


def digests(checkout: Path, rendered: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The digest of each component, of what Salt made of `checkout` by topology and minion."""
    states = checkout / "salt/states"
    folders = {path.name for path in states.glob("[!_.]*") if path.is_dir()} - {"lib", "stage"}
    known = sorted(folders, key=len, reverse=True)
    parts: dict[str, list[str]] = defaultdict(list)
    for topology, answer in sorted(rendered.items()):
        for minion, found in sorted(answer.items()):
            for owner, what in owned(found, known):
                text = json.dumps([topology, minion, what, sources(what, states)], sort_keys=True)
                parts[owner].append(text)
    return {
        owner: hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()
        for owner, texts in sorted(parts.items())
    }


def owned(found: Any, known: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Every piece of what was rendered for a minion, with the component it belongs to."""
    if isinstance(found, list):  # the steps of the orchestration
        yield OTHER, found
        return
    of_file = {}
    for state in found["highstate"]:
        owner = owner_of(str(state.get("__id__", "")), known)
        of_file[state.get("name")] = owner
        yield owner, state
    for name, lines in found["files"].items():
        yield of_file.get(name, OTHER), [name, lines]
    for sls, states in found["sls"].items():
        owner = sls.split(".")[0]
        yield owner if owner in known else OTHER, [sls, states]
    yield OTHER, found["top"]


def owner_of(state: str, known: Iterable[str]) -> str:
    """The component whose name the id of a state begins with."""
    return next((name for name in known if state.startswith(f"{name}_")), OTHER)


def sources(what: Any, states: Path) -> list[str]:
    """Digests of the files that rendered states name: what they copy, and the module that acts."""
    found = []
    if isinstance(what, dict):
        module = states / "_states" / f"{what.get('state')}.py"
        if module.is_file():
            found.append(digest(module))
        what = list(what.values())
    if isinstance(what, list):
        for one in what:
            found += sources(one, states)
    elif isinstance(what, str) and what.startswith("salt://"):
        file = states / what.removeprefix("salt://").split("?")[0]
        if file.is_file():
            found.append(digest(file))
    return found


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def fitting(topology: Topology, roles: Iterable[str]) -> Topology:
    """`topology` without roles that the content of one side does not have yet."""
    nodes = {name: [one for one in own if one in roles] for name, own in topology.nodes.items()}
    return replace(topology, nodes={name: own for name, own in nodes.items() if own})


def main(checkout: Path) -> None:
    role_map = read_role_map(checkout)
    packages = salt_of_the_image()
    with tempfile.TemporaryDirectory(prefix="rendered-") as scratch, ThreadPoolExecutor(2) as pool:

        def one(name: str) -> dict[str, Any]:
            topology = fitting(TOPOLOGIES[name], role_map["roles"])
            folder = Path(scratch) / name
            folder.mkdir()
            return render_topology(checkout, topology, role_map, packages, folder)

        names = sorted(TOPOLOGIES)
        rendered = dict(zip(names, pool.map(one, names), strict=True))
    json.dump(digests(checkout, rendered), sys.stdout, indent=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
