"""Sinks written into a site's site.yml, and records for them to hear of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deploykit.ledger import Ledger
from deploykit.ledger.bodies import decision_body
from deploykit.site import Site


def write_sinks(site: Site, **sinks: dict[str, Any]) -> None:
    """Have the site tell these."""
    file = site.folder / "site.yml"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("notify:")]
    file.write_text("\n".join([*lines, f"notify: {json.dumps(sinks)}\n"]))


def credentials(folder: Path, name: str, text: str) -> str:
    """A file with a secret, that nobody else may read; returns its name."""
    (folder / name).write_text(f"{text}\n")
    (folder / name).chmod(0o600)
    return name


def hold(ledger: Ledger, reason: str, environment: str = "production") -> str:
    """Record a hold; returns the commit of the record."""
    body = decision_body("hold", environment=environment, reason=reason)
    return ledger.append(lambda records, now: body).commit
