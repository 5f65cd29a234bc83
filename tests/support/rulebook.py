"""What `lint` finds in a manifest, and lines of manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gitshelf

Repo = Any

KEY = b"-----BEGIN OPENSSH PRIVATE " + b"KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAA\n"


def findings(manifest: Path, *names: str, **more: Any) -> list[tuple[str, str]]:
    return [(finding.rule, finding.book) for finding in gitshelf.lint(manifest, names, **more)]


def book(name: str, repo: Repo, more: str) -> str:
    return f"- {{book: {name}, git: '{repo.url}', {more}}}\n"
