"""Which project of a queue a book of a manifest comes from."""

from __future__ import annotations

from collections.abc import Iterable


def project_of(address: str, projects: Iterable[str]) -> str:
    """The longest of `projects` whose name ends a URL or its path; '' if none does."""
    place = address.rstrip("/").removesuffix(".git").replace(":", "/")
    return max((name for name in projects if place.endswith(f"/{name}")), key=len, default="")
