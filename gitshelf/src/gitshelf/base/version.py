"""The version of this gitshelf, which provenance and `--version` name."""

from __future__ import annotations

__version__ = "1.0.0"
