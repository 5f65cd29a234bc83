"""LXD in which nothing of any site is: what its API answers then, without a daemon."""

from __future__ import annotations

from typing import Any


class EmptyLxd:
    """In the place of deploykit.providers.lxd.api.Lxd."""

    def __init__(self, call_timeout: float = 0) -> None:
        self.changed: list[str] = []

    def find(self, path: str, project: str = "default", **query: str) -> None:
        return None

    def get(self, path: str, project: str = "default", **query: str) -> list[dict[str, Any]]:
        return []
