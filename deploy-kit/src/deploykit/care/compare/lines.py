"""Two versions of a file, line by line: what differs, and what of it was to be expected. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from deploykit.care.compare.words import Words, general
from deploykit.nodes.portraying import CLOSE, OPEN

NAMES = "names and addresses"
NODES = "the number of nodes"
KEY = re.compile(r"\s*[^\s=:]+")
HIDDEN = re.compile(rf"{OPEN}hidden [0-9a-f]+{CLOSE}")

Values = tuple[str, str]  # how one setting is written on each side


@dataclass(frozen=True, slots=True)
class LineDifference:
    """Lines of both sides that stand for each other ('' where there is none), as they are; `why`
    says what makes them differ, '' if nothing that is known does."""

    first: str
    second: str
    why: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What makes lines differ: the `words` of each side, and settings (`values` by their key);
    `alike` if both have as many nodes of the same roles."""

    words: tuple[Words, Words]
    values: Mapping[str, Sequence[Values]]
    alike: bool


def compare_lines(
    first: Sequence[str], second: Sequence[str], expected: Expected
) -> Iterator[LineDifference]:
    """What differs between two files, in their order."""
    both = {*first} & {*second}  # whatever a name means elsewhere, there it is the same
    left, right = (
        [line if line in both else words.replaced(line) for line in lines]
        for words, lines in zip(expected.words, (first, second), strict=True)
    )
    known = ({general(line) for line in left}, {general(line) for line in right})

    def alone(line: str, replaced: str, side: int) -> LineDifference:
        """A line that only one side has: one more of what the other has, too, if it is that."""
        more = not expected.alike and OPEN in replaced and general(replaced) in known[1 - side]
        pair = (line, "") if side == 0 else ("", line)
        return LineDifference(*pair, NODES if more else "")

    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            for one, other in zip(first[a:b], second[c:d], strict=True):
                if one != other:
                    yield LineDifference(one, other, NAMES)
            continue
        for i, j in _pairs(left[a:b], right[c:d]):
            if i is None and j is not None:
                yield alone(second[c + j], right[c + j], 1)
            elif j is None and i is not None:
                yield alone(first[a + i], left[a + i], 0)
            elif i is not None and j is not None and first[a + i] != second[c + j]:
                pair = first[a + i], second[c + j]
                why = _why(left[a + i], right[c + j], expected.values) or _why_within(
                    pair, expected
                )
                yield LineDifference(*pair, why)


def shown(line: str) -> str:
    """A line as people see it: what is hidden without its mark."""
    return HIDDEN.sub(f"{OPEN}hidden{CLOSE}", line)


def _pairs(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[int | None, int | None]]:
    """Which lines of two blocks say the same thing otherwise: those that begin with the same word,
    in their order; all others have no partner."""
    free = list(range(len(right)))
    for i, line in enumerate(left):
        key = KEY.match(line)
        partner = next(
            (j for j in free if key and (m := KEY.match(right[j])) and m[0] == key[0]), None
        )
        if partner is not None:
            free.remove(partner)
        yield i, partner
    for j in free:
        yield None, j


def _why(left: str, right: str, values: Mapping[str, Sequence[Values]]) -> str:
    """What makes two lines differ whose words are replaced; '' if that is not known."""
    if general(left) == general(right):
        return NODES if left != right else NAMES
    explained = []
    for key, written in values.items():
        for one, other in written:
            mark = f"{OPEN}setting {key}{CLOSE}"
            ours, theirs = _put(left, one, mark), _put(right, other, mark)
            if ours != left and theirs != right and ours.count(mark) == theirs.count(mark):
                left, right = ours, theirs
                explained.append(key)
                break
        if general(left) == general(right):
            return f"settings: {', '.join(explained)}"
    return ""


def _why_within(pair: tuple[str, str], expected: Expected) -> str:
    """The same for two lines as they are, where a node's name may begin a longer word. It is asked
    last: such a word may also be one that has nothing to do with the node."""
    left, right = (
        words.replaced(line, leading=True) for words, line in zip(expected.words, pair, strict=True)
    )
    return _why(left, right, expected.values)


def _put(line: str, value: str, mark: str) -> str:
    """`line` with `mark` for `value` where that stands as a word, outside of other marks."""
    word = re.compile(rf"(?<![\w.{OPEN}]){re.escape(value)}(?![\w{CLOSE}]|\.\w)")
    parts = re.split(f"({OPEN}[^{CLOSE}]*{CLOSE})", line)
    return "".join(part if part.startswith(OPEN) else word.sub(mark, part) for part in parts)
