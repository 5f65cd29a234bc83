"""The edge of `affected`: reads a checkout, asks git what changed, lets both sides be rendered."""

from __future__ import annotations

import json
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from deploykit.affected import MASTER_PILLAR, Affected, affected, needs_rendering
from deploykit.affected.declared import Content, read_declared
from deploykit.affected.imports import Packages, read_packages
from deploykit.affected.suites import Table, read_table
from deploykit.base.errors import DeployKitError
from deploykit.base.filelock import locked
from deploykit.base.homes import cache_home, state_home
from deploykit.base.process import Runner, run

RENDERER = "tests/support/rendered.py"
RENDERING = 900.0  # seconds for one side
Digests = dict[str, str]


@dataclass(slots=True)
class Checkout:
    """A checkout of this repository: what it declares, read once, and its git."""

    folder: Path
    python: Path
    content: Content
    packages: Packages
    table: Table
    runner: Runner = run
    _rendered: dict[str, Digests | None] = field(default_factory=dict)

    def git(self, *words: str) -> str:
        return self.runner(["git", "-C", self.folder, *words], timeout=120).stdout

    def commit(self) -> str | None:
        """The commit that the working copy is, byte for byte; None if it differs from HEAD."""
        changed = self.git("status", "--porcelain", "--untracked-files=normal")
        return None if changed.strip() else self.git("rev-parse", "HEAD").strip()

    def has(self, commit: str) -> bool:
        """Whether `commit` and its files are here: it may have been rebased away."""
        words = ["git", "-C", str(self.folder), "cat-file", "-e", f"{commit}^{{tree}}"]
        return self.runner(words, timeout=60, check=False).returncode == 0

    def changed_since(self, reference: str) -> list[str]:
        """Paths that differ from `reference` in the working copy, new ones included."""
        diff = self.git("diff", "--name-only", "--no-renames", "-z", reference, "--")
        new = self.git("ls-files", "--others", "--exclude-standard", "-z")
        return [path for path in (diff + new).split("\0") if path]

    def affected_since(self, reference: str) -> Affected | None:
        """What changed since `reference` and asks for which suites; None if it is not here."""
        if not self.has(reference):
            return None
        changed = self.changed_since(reference)
        rendered = self.rendered_since(reference) if needs_rendering(changed) else frozenset()
        return affected(changed, self.content, self.packages, self.table, rendered)

    def rendered_since(self, reference: str) -> frozenset[str] | None:
        """The components that render otherwise than at `reference`; None if that cannot be told."""
        now = self._side(None)
        before = self._side(reference) if now is not None else None
        if now is None or before is None:
            return None
        return frozenset(one for one in {*now, *before} if now.get(one) != before.get(one))

    def _side(self, reference: str | None) -> Digests | None:
        """A digest of each component as rendered, of a commit or of the working copy."""
        side = reference or ""
        if side not in self._rendered:
            try:
                self._rendered[side] = self._render(reference, self._key(reference))
            except (DeployKitError, ValueError, OSError):
                self._rendered[side] = None
        return self._rendered[side]

    def _key(self, reference: str | None) -> str:
        """Names what is rendered: equal for equal content; '' for a working copy that differs."""
        if reference is None:
            if self.git("status", "--porcelain", "--", "salt", MASTER_PILLAR, "tests/support"):
                return ""
            reference = "HEAD"
        parts = [f"{reference}:salt", f"{reference}:{MASTER_PILLAR}", "HEAD:tests/support"]
        return "-".join(self.git("rev-parse", part).strip()[:16] for part in parts)

    def _render(self, reference: str | None, key: str) -> Digests:
        kept = cache_home() / "rendered" / f"{key}.json"
        if key and kept.is_file():
            return dict(json.loads(kept.read_text(encoding="utf-8")))
        with tempfile.TemporaryDirectory(prefix="rendered-") as scratch:
            source = self.folder if reference is None else self._unpack(reference, Path(scratch))
            words = [self.python, self.folder / RENDERER, source]
            said = self.runner(words, timeout=RENDERING, cwd=self.folder).stdout
        found = {str(name): str(digest) for name, digest in json.loads(said).items()}
        if key:
            with locked(kept.parent / "lock", timeout=60):
                aside = kept.with_suffix(".new")
                aside.write_text(json.dumps(found), encoding="utf-8")
                aside.replace(kept)
        return found

    def _unpack(self, reference: str, scratch: Path) -> Path:
        """What rendering needs of the files of `reference`, below `scratch`."""
        archive = scratch / "content.tar"
        self.git("archive", "-o", str(archive), reference, "salt", MASTER_PILLAR)
        content = scratch / "content"
        content.mkdir()
        self.runner(["tar", "-xf", archive, "-C", content], timeout=60)
        return content


def open_checkout(folder: Path, runner: Runner = run) -> Checkout:
    """Read the checkout in `folder`. Raises InputError for a table that does not fit."""
    packages = read_packages(folder)
    table = read_table(folder, packages)
    python = folder / ".venv/bin/python"
    return Checkout(folder, python, read_declared(folder), packages, table, runner)


def passes_file(folder: Path) -> Path:
    """Where the passes of this repository's suites are kept, whichever clone they ran in."""
    said = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    return state_home() / "suites" / f"{said['project']['name']}.json"
