"""The edge of `affected`: reads a checkout, asks git what changed, lets both sides be rendered."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from deploykit.affected import Affected, affected, needs_rendering
from deploykit.affected.declared import Content, read_declared
from deploykit.affected.imports import Packages, read_packages
from deploykit.affected.suites import Table, read_table
from deploykit.base import git
from deploykit.base.errors import DeployKitError
from deploykit.base.homes import state_home
from deploykit.base.process import Runner, run

RENDERER = "tests/support/rendereddiff.py"
RENDERING = 1800.0  # seconds for both sides, and for whoever is rendering one already


@dataclass(slots=True)
class Checkout:
    """A checkout of this repository: what it declares, read once, and its git."""

    folder: Path
    python: Path
    content: Content
    packages: Packages
    table: Table
    runner: Runner = run
    _rendered: dict[str, frozenset[str] | None] = field(default_factory=dict)

    def git(self, *words: str) -> str:
        argv: list[str | Path] = ["git", "-C", self.folder, *git.options(), *words]
        return self.runner(argv, timeout=120, env=git.environment()).stdout

    def commit(self) -> str | None:
        """The commit that the working copy is, byte for byte; None if it differs from HEAD."""
        changed = self.git("status", "--porcelain", "--untracked-files=normal")
        return None if changed.strip() else self.git("rev-parse", "HEAD").strip()

    def has(self, commit: str) -> bool:
        """Whether `commit` and its files are here: it may have been rebased away."""
        words = ["git", "-C", str(self.folder), "cat-file", "-e", f"{commit}^{{tree}}"]
        env = git.environment()
        return self.runner(words, timeout=60, check=False, env=env).returncode == 0

    def changed_since(self, reference: str) -> list[str]:
        """Paths that differ from `reference` in the working copy, new ones included."""
        diff = self.git("diff", "--name-only", "--no-renames", "-z", reference, "--")
        new = self.git("ls-files", "--others", "--exclude-standard", "-z")
        return [path for path in (diff + new).split("\0") if path]

    def affected_since(self, reference: str, *, render: bool = True) -> Affected | None:
        """What changed since `reference` and asks for which suites; None if it is not here.

        Without `render` all that shared content could reach counts, which takes no minutes.
        """
        if not self.has(reference):
            return None
        changed = self.changed_since(reference)
        rendered: frozenset[str] | None = frozenset()
        if needs_rendering(changed):
            rendered = self.rendered_since(reference) if render else None
        return affected(changed, self.content, self.packages, self.table, rendered)

    def rendered_since(self, reference: str) -> frozenset[str] | None:
        """The components that render otherwise than at `reference`; None if that cannot be told."""
        if reference not in self._rendered:
            words = [str(self.python), str(self.folder / RENDERER), "--names", reference]
            try:
                components = json.loads(
                    self.runner(words, timeout=RENDERING, cwd=self.folder).stdout
                )
                self._rendered[reference] = frozenset(str(name) for name in components)
            except (DeployKitError, ValueError, TypeError):
                self._rendered[reference] = None
        return self._rendered[reference]


def open_checkout(folder: Path, runner: Runner = run) -> Checkout:
    """Read the checkout in `folder`. Raises InputError for a table that does not fit."""
    packages = read_packages(folder)
    table = read_table(folder, packages)
    python = folder / ".venv/bin/python"
    return Checkout(folder, python, read_declared(folder), packages, table, runner)


def passes_file(folder: Path) -> Path:
    """Where the passes of this repository's suites are kept, whichever clone they ran in."""
    pyproject = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    return state_home() / "suites" / f"{pyproject['project']['name']}.json"
