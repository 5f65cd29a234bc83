"""What the sandbox adds to a run of what a release brings: docs/benchmarks.md, "The sandbox".

    .venv/bin/python tests/benchmarks/bench_sandbox.py [--runs N] [--nodes SITE ENVIRONMENT]

Each thing is run in pairs, once in the sandbox and once without, the first of them in turns. With
`--nodes` also this checkout's own smoke test and day 0, on an environment that a release of it was
deployed to: they change nothing there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from deploykit.base.process import run
from deploykit.base.progress import Silent
from deploykit.base.sandbox import (
    VARIABLE,
    Sandbox,
    environment,
    private_folders,
    python_folders,
    run_confined,
)
from deploykit.checks.smoke import run_tests
from deploykit.providers import provider_for
from deploykit.rollout.day0 import PLAYBOOK, ansible_playbook, day0
from deploykit.site import open_site

ROOT = Path(__file__).resolve().parents[2]
ANSIBLE, SMOKE = ROOT / "ansible", ROOT / "salt" / "smoke"
Way = Callable[[], object]


def programs() -> Iterator[tuple[str, Way, Way]]:
    """Programs that need no nodes: name, without, inside."""
    box = Sandbox(shown=(*python_folders(), ANSIBLE, SMOKE), hidden=private_folders())
    for name, argv in {
        "`true`": ["true"],
        "`python -c 'import pytest'`": [sys.executable, "-c", "import pytest"],
        "day 0 read (`ansible-playbook --list-tasks`)": [
            *(str(ansible_playbook()), "--list-tasks", "--inventory", "salt,"),
            str(ANSIBLE / PLAYBOOK),
        ],
    }.items():
        env = {"ANSIBLE_ROLES_PATH": str(ANSIBLE / "roles")}
        clean = {**dict.fromkeys(os.environ), **environment(), **env}

        def without(argv: list[str] = argv, clean: dict[str, str | None] = clean) -> object:
            return run(argv, timeout=120, env=clean)

        def inside(argv: list[str] = argv, env: dict[str, str] = env) -> object:
            return run_confined(box, argv, timeout=120, env=env)

        yield name, without, inside


def on_nodes(folder: Path, name: str, logs: Path) -> Iterator[tuple[str, Way, Way]]:
    """Smoke test and day 0 on the nodes of the environment `name` of the site in `folder`."""
    site = open_site(folder)
    described = site.environment(name)
    inventory = provider_for(site, described).inventory(described, described.instance)

    def smoke() -> None:
        if run_tests(SMOKE, inventory, [SMOKE.parent], logs / "smoke").returncode != 0:
            raise SystemExit(f"the smoke test fails: {logs / 'smoke'}")

    def again() -> None:
        day0(inventory, ANSIBLE, shown=[ANSIBLE], log=logs / "day0", progress=Silent())

    for title, work in (("smoke test", smoke), ("day 0, nothing to change", again)):
        yield f"{title}, {len(inventory.hosts)} nodes", said("off", work), said("on", work)


def said(value: str, work: Way) -> Way:
    """`work` by a person who has set DEPLOY_KIT_SANDBOX to `value`."""

    def done() -> None:
        os.environ[VARIABLE] = value
        work()

    return done


def seconds(way: Way) -> float:
    began = time.monotonic()
    way()
    return time.monotonic() - began


def pairs(without: Way, inside: Way, runs: int) -> list[tuple[float, float]]:
    """`runs` pairs of seconds, after one that does not count (caches); who is first takes turns."""
    found = []
    for number in range(-1, runs):
        first, second = (without, inside) if number % 2 else (inside, without)
        taken = {id(way): seconds(way) for way in (first, second)}
        if number >= 0:
            found.append((taken[id(without)], taken[id(inside)]))
    return found


def told(values: list[float]) -> str:
    """Minimum, median and maximum, in milliseconds."""
    return " / ".join(
        f"{1000 * one:.0f}" for one in (min(values), statistics.median(values), max(values))
    )


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    words.add_argument("--runs", type=int, default=30)
    words.add_argument("--nodes", nargs=2, metavar=("SITE", "ENVIRONMENT"))
    given = words.parse_args()
    print("Minimum / median / maximum in ms.\n")
    print("| what | pairs | without | in the sandbox | added |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as logs:
        rows = [*programs()]
        if given.nodes:
            rows += on_nodes(Path(given.nodes[0]), given.nodes[1], Path(logs))
        for name, without, inside in rows:
            found = pairs(without, inside, given.runs)
            apart = [after - before for before, after in found]
            before, after = zip(*found, strict=True)
            cells = (name, given.runs, told(list(before)), told(list(after)), told(apart))
            print(f"| {' | '.join(str(cell) for cell in cells)} |", flush=True)


if __name__ == "__main__":
    main()
