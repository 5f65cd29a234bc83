"""Two projects in bare repositories, as a review server has them, and people who push to them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from deploykit.gate.config import Pins

PINS = Pins("tools", "gitshelf.yml", "pins.yml")
MANIFEST = """# What a release is made of.
books:
  - book: salt      # states
    git: https://review.example.org/cloud/salt
    branch: main
    path: salt
  - book: tools
    git: "{here}"
    branch: HEAD
  - book: other
    git: https://git.example.org/other.git
    branch: main
"""
SALT, TOOLS = ("cloud/salt", "main"), ("tools", "main")


class Repositories:
    """Bare repositories that are fetched from and pushed to, and people who push to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for project in ("cloud/salt", "tools"):
            self.git(project, "init", "--quiet", "--bare", "-b", "main")
            self.commit(project, {"a": "1\n", **({PINS.manifest: MANIFEST} if project == "tools"
                                                  else {})})  # fmt: skip

    def git(self, project: str, *words: str, input: str | None = None) -> str:
        where = self.folder / project
        where.mkdir(parents=True, exist_ok=True)
        who = ["-c", "user.name=ann", "-c", "user.email=ann@example.org"]
        done = subprocess.run(
            ["git", "-C", where, *who, *words], capture_output=True, text=True, input=input
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, project: str, files: dict[str, str]) -> str:
        """A commit of files on top of what is there, by fast-import."""
        there = self.git(project, "for-each-ref", "refs/heads/main")
        lines = ["commit refs/heads/main", "committer ann <ann@example.org> 1700000000 +0000",
                 "data 1", "x"]  # fmt: skip
        lines += ["from refs/heads/main^0"] if there else []
        for path, text in files.items():
            lines += [f"M 100644 inline {path}", f"data {len(text.encode())}", text]
        self.git(project, "fast-import", "--quiet", input="\n".join([*lines, ""]))
        return self.tip(project)

    def tip(self, project: str) -> str:
        return self.git(project, "rev-parse", "refs/heads/main")
