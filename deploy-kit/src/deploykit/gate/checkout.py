"""A speculative state as folders to work in: every project of it at its commit, by gitshelf."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from deploykit.base import files
from deploykit.gate.trees import Tips

MANIFEST = "state.yml"


def manifest_text(commits: Tips, store: Callable[[str], Path]) -> str:
    """The manifest of a state: a book for each project, fetched from the gate's own stores.

    A project whose branches are both in the state lies in a folder for each branch.
    """
    projects = [project for project, _ in commits]
    lines = ["books:"]
    for (project, branch), commit in sorted(commits.items()):
        place = project if projects.count(project) == 1 else f"{project}@{branch}"
        url = f"file://{store(project).resolve()}"
        # JSON's strings are YAML's, too.
        for key, value in (("- book", place), ("  git", url), ("  branch", commit)):
            lines.append(f"  {key}: {json.dumps(value)}")
    return "\n".join([*lines, ""])


def check_out(commits: Tips, store: Callable[[str], Path], folder: Path) -> Path:
    """Lay a state out in `folder`; returns its manifest, of which a kit can be built.

    What is there already is brought up to date. Raises gitshelf's errors.
    """
    from gitshelf import install

    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / MANIFEST
    files.write(manifest, manifest_text(commits, store))
    install(manifest, folder)
    return manifest
