"""Doing what only root may."""

from __future__ import annotations

import os


def as_root() -> list[str]:
    """Returns the words before a command that needs root: none for root itself."""
    return [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
