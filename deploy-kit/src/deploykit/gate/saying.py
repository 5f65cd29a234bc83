"""What the gate tells people who read its log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Saying:
    """`say` prints a line; what is the same each round is said `once` by one process."""

    say: Callable[[str], None]
    _said: set[str] = field(default_factory=set, init=False)

    def once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.say(text)
