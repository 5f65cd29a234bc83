"""docs/situations.md as data: the lines that are run here, and what the other blocks say of
themselves.

A line of a `console` block begins with `$ deploy-kit`, or with `NODE# ` where it is typed on a
node. Every other block begins with `# run by: FILE TEST` or with `# not run here: WHY`.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
HERE = "$ deploy-kit "
ON_NODE = re.compile(r"([a-z][a-z0-9]*)# (.+)")
RUN_BY = re.compile(r"# run by: (\S+) (test_\w+)")
NOT_RUN = re.compile(r"# not run here: \S.*")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the guide: typed on `node`, or to deploy-kit where that is empty."""

    node: str
    words: str


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, and its text without the indentation."""

    language: str
    text: str

    @property
    def lines(self) -> list[Line]:
        """What is run of a `console` block. Raises ValueError for a line that is neither."""
        return [parse(line) for line in self.text.splitlines()]


def blocks(guide: Path) -> list[Block]:
    """Every fenced block of a page."""
    matches = BLOCK.findall(guide.read_text(encoding="utf-8"))
    return [Block(language, textwrap.dedent(text).strip()) for _, language, text in matches]


def parse(line: str) -> Line:
    if line.startswith(HERE):
        return Line("", line.removeprefix(HERE))
    if match := ON_NODE.fullmatch(line):
        return Line(match[1], match[2])
    raise ValueError(f"neither '{HERE}…' nor 'NODE# …': {line}")
