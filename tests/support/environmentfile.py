"""Worlds of one environment: its file, changed and asked for lines."""

from __future__ import annotations

from pathlib import Path


class EnvironmentFile:
    """What a world with one environment's `file` can do with it."""

    @property
    def file(self) -> Path:
        raise NotImplementedError

    def edit(self, old: str, new: str) -> None:
        """Change the environment's file."""
        text = self.file.read_text(encoding="utf-8")
        assert old in text
        self.file.write_text(text.replace(old, new), encoding="utf-8")

    def place(self, words: str) -> str:
        """FILE:LINE of the line that has `words` in the environment's file."""
        lines = self.file.read_text(encoding="utf-8").splitlines()
        return f"{self.file}:{next(n for n, line in enumerate(lines, 1) if words in line)}"
