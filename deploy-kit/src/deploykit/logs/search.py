"""Searching: which logs hold words, and the lines to look at."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from deploykit.base.errors import InputError
from deploykit.base.printable import one_line
from deploykit.logs.index import LOGS_MOST, words_of
from deploykit.logs.runs import Log, Run
from deploykit.logs.store import Store


@dataclass(frozen=True, slots=True)
class Hit:
    """A log that holds all the words, and numbers and texts of lines that hold the most of them."""

    run: Run
    log: str
    lines: tuple[tuple[int, str], ...]


def search(store: Store, words: str, most: int, lines: int) -> list[Hit]:
    """The newest `most` logs that hold all of `words`, each with at most `lines` lines.

    Raises InputError if there is no word in `words`.
    """
    hits: list[Hit] = []
    opened: dict[str, tuple[Run, list[Log]]] = {}
    for id, place in store.find(words, most):
        with contextlib.suppress(InputError):  # somebody takes it away meanwhile
            run, logs = opened[id] if id in opened else opened.setdefault(id, store.read(id))
            for log in logs[place:] if place == LOGS_MOST - 1 else logs[place : place + 1]:
                hits.append(Hit(run, log.name, tuple(best_lines(log.text, words_of(words), lines))))
    return hits


def best_lines(text: str, words: Sequence[str], most: int) -> list[tuple[int, str]]:
    """The `most` lines, in their order, that hold the most of `words` (in small letters); of equal
    ones the last, as what failed is told at the end."""
    patterns = [re.compile(rf"(?<![^\W_]){re.escape(word)}", re.IGNORECASE) for word in words]
    matching = []
    for number, line in enumerate(text.splitlines(), 1):
        count = sum(pattern.search(line) is not None for pattern in patterns)
        if count:
            matching.append((count, number, line))
    best = sorted(matching, reverse=True)[:most]
    return [
        (number, one_line(line)) for _, number, line in sorted(best, key=lambda counted: counted[1])
    ]
