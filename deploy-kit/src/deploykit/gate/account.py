"""The gate's own account at the review server: asked for once, as it never changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from deploykit.gate.rest import Server


@dataclass
class Account:
    """The account that `server` is asked as. Every property raises GerritAway, GerritRefused."""

    server: Server
    _info: dict[str, Any] = field(default_factory=dict, init=False)

    @property
    def id(self) -> int:
        return int(self._fetch_once()["_account_id"])

    @property
    def who(self) -> str:
        """NAME <ADDRESS>, for commits."""
        info = self._fetch_once()
        name = info.get("name") or info.get("username") or self.server.account
        return f"{name} <{info.get('email', '')}>"

    def _fetch_once(self) -> dict[str, Any]:
        if not self._info:
            self._info = dict(self.server.get("/accounts/self"))
        return self._info
