"""What a change does to the states and files of every node: `make rendered SINCE=REVISION`.

    rendereddiff.py [--names] [--only TOPOLOGY]... [REVISION]

Renders the content of REVISION (default: HEAD) and of the work tree for all topologies, and prints
every difference once, with the nodes it is on. --names prints the components alone, as a JSON list;
what no component owns (the stages, the steps of a deployment) is `deployment`. --only renders just
the topologies that are named. Exit status 0.
"""

from __future__ import annotations

import argparse
import difflib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from deploykit.base.errors import DeployKitError
from deploykit.preview.pieces import Piece, named_files, owner, pieces, shown, states_of
from rendered import Nodes, content_of, render_side
from topologies import TOPOLOGIES

CHECKOUT = Path(__file__).resolve().parents[2]
SHOWN = 4  # nodes that are named; of more their number


def copied(answer: Any, components: Iterable[str]) -> dict[Piece, str]:
    """What states bring about beside what is rendered: digests of files they copy, of modules."""
    digests: dict[Piece, str] = {}
    for state in [] if isinstance(answer, list) else states_of(answer):
        module = f"_states/{state['state']}.py"
        rendered = state["name"] in answer["files"]
        for name in [module, *([] if rendered else named_files(state))]:
            if name in answer["sources"]:
                whose = owner(state["__id__"], components)
                digests[Piece(whose, name)] = f"SHA-256 {answer['sources'][name]}"
    return digests


def differences(
    before: Mapping[str, Nodes], after: Mapping[str, Nodes], components: Iterable[str]
) -> Iterator[tuple[Piece, Any, Any, list[str]]]:
    """(piece, before, after, the nodes TOPOLOGY/NODE) of each difference, sorted by component.

    `before` and `after` are nodes by topology, `components` those of both.
    """
    differing: dict[tuple[Piece, str], tuple[Any, Any, list[str]]] = {}
    known = list(components)
    for topology in sorted({*before, *after}):
        sides = before.get(topology, {}), after.get(topology, {})
        for node in sorted({*sides[0], *sides[1]}):
            old, new = (
                {**pieces(side[node], known), **copied(side[node], known)} if node in side else {}
                for side in sides
            )
            for piece in {**new, **old}:
                was, is_ = old.get(piece), new.get(piece)
                if was != is_:
                    key = (piece, json.dumps([was, is_]))
                    differing.setdefault(key, (was, is_, []))[2].append(f"{topology}/{node}")
    for (piece, _), (was, is_, places) in sorted(differing.items(), key=lambda item: item[0]):
        yield piece, was, is_, places


def told(piece: Piece, was: Any, is_: Any, places: list[str]) -> str:
    """One difference as a person reads it."""
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    lines = [f"{piece.component}: {piece.name}", f"  on {', '.join(places[:SHOWN])}{more}"]
    old, new = shown(was).splitlines(), shown(is_).splitlines()
    lines += [f"  {line}" for line in list(difflib.unified_diff(old, new, n=2, lineterm=""))[2:]]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make rendered", description=__doc__)
    parser.add_argument("revision", nargs="?", default="HEAD")
    parser.add_argument("--names", action="store_true", help="only the components that differ")
    parser.add_argument("--only", action="append", choices=TOPOLOGIES, help="may be given again")
    given = parser.parse_args()
    names = given.only or list(TOPOLOGIES)
    try:
        with content_of(CHECKOUT, given.revision) as folder:
            before = render_side(folder, names)
        after = render_side(CHECKOUT, names)
    except subprocess.TimeoutExpired as error:
        raise SystemExit(f"Salt did not render within {error.timeout:g} s: try again") from None
    except (AssertionError, DeployKitError) as error:
        raise SystemExit(f"a side does not render: {error}") from None
    counts: Counter[str] = Counter()
    both = before.components | after.components
    for piece, was, is_, places in differences(before.topologies, after.topologies, both):
        counts[piece.component] += 1
        if not given.names:
            print(told(piece, was, is_, places), end="\n\n")
    if given.names:
        print(json.dumps(sorted(counts)))
    else:
        counted = ", ".join(f"{name} {number}" for name, number in counts.items())
        print(f"{counts.total()} differences{': ' if counted else ''}{counted}")


if __name__ == "__main__":
    sys.exit(main())
