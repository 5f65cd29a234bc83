"""The rooms of a package and who uses whom, read from the imports themselves.

`python tests/support/rooms.py` prints the pictures of docs/architecture.md.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import grimp

PACKAGES = ("gitshelf", "deploykit")
Arrow = tuple[str, str]


@functools.cache
def graph(package: str) -> grimp.ImportGraph:
    """Every import of the package, lazy ones included; those for type checkers only left out."""
    return grimp.build_graph(package, exclude_type_checking_imports=True, cache_dir=None)


def rooms(package: str) -> list[str]:
    """The rooms of the package, by name."""
    children = {room_of(child) for child in graph(package).find_children(package)}
    return sorted(children - {"__main__"})


def uses(package: str) -> set[Arrow]:
    """Pairs of rooms of which the first imports something of the second."""
    homes = {module: room_of(module) for module in graph(package).modules}
    known = set(rooms(package))
    pairs = {
        (home, homes[target])
        for module, home in homes.items()
        for target in graph(package).find_modules_directly_imported_by(module)
    }
    return {(home, other) for home, other in pairs if home != other and {home, other} <= known}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def closure(arrows: Iterable[Arrow]) -> set[Arrow]:
    """The arrows, and those that follow from two of them."""
    known = set(arrows)
    while more := {(a, d) for a, b in known for c, d in known if b == c} - known:
        known |= more
    return known


def reduction(arrows: set[Arrow]) -> list[Arrow]:
    """The arrows that do not follow from others."""
    everything = closure(arrows)
    middle = {room for arrow in arrows for room in arrow}
    return sorted(
        (a, b)
        for a, b in arrows
        if not any((a, m) in everything and (m, b) in everything for m in middle)
    )


def circles(package: str) -> list[list[str]]:
    """Files that import each other, directly or by way of others."""
    modules = graph(package)
    ways = {m: modules.find_modules_directly_imported_by(m) for m in modules.modules}
    reached: dict[str, set[str]] = {}
    for start in ways:
        seen: set[str] = set()
        todo = list(ways[start])
        while todo:
            module = todo.pop()
            if module not in seen:
                seen.add(module)
                todo += ways[module]
        reached[start] = seen
    rings = {
        frozenset(other for other in reached[module] if module in reached[other])
        for module in ways
        if module in reached[module]
    }
    return sorted(sorted(ring) for ring in rings)


def picture(package: str) -> str:
    """Mermaid: who uses whom, without the arrows that follow from others."""
    lines = [f"  {user} --> {used}" for user, used in reduction(uses(package))]
    return "\n".join(["flowchart TD", *lines])


if __name__ == "__main__":
    for package in PACKAGES:
        print(f"```mermaid\n{picture(package)}\n```\n")
