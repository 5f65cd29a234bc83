"""YAML files with known keys: every error names the file, the line and the nearest known key."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from deploykit.base import times
from deploykit.base.errors import InputError

WEB_ADDRESS = re.compile(r"https?://[^\s@/][^\s@]*")

DEEPEST = 20  # levels of plain data: an alias may lead back to what it stands in

Scalar = str | int | float | bool | None
Plain = Scalar | list["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a YAML file with the place it stands at, read through typed accessors.

    Every accessor raises InputError with `FILE:LINE: KEY: ...` if the value does not fit.
    """

    node: Node
    file: Path
    key: str

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, MappingNode)

    def error(self, problem: str, remedy: str = "") -> InputError:
        where = f"{self.key}: " if self.key else ""
        return InputError(f"{self.file}:{self.line}: {where}{problem}", remedy)

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, SequenceNode)

    def mapping(
        self, known: frozenset[str] | None = None, *, needed: Iterable[str] = ()
    ) -> dict[str, Value]:
        """The mapping here, by key; with `known`, other keys are refused by name, and the first of
        `needed` that is missing is told."""
        if not isinstance(self.node, MappingNode):
            raise self.error(f"expected a mapping, found {self._kind()}")
        values: dict[str, Value] = {}
        for key_node, value_node in self.node.value:
            name = str(key_node.value)
            value = Value(value_node, self.file, f"{self.key}.{name}" if self.key else name)
            at = Value(key_node, self.file, value.key)
            if name in values:
                raise at.error("the key stands twice", "remove one of them")
            if known is not None and name not in known:
                raise at.error(f"unknown key '{name}'", nearest(name, known))
            values[name] = value
        for name in needed:
            if name not in values:
                raise self.error(f"'{name}' is missing")
        return values

    def key_lines(self) -> dict[str, int]:
        """The line of each key of the mapping here."""
        if not isinstance(self.node, MappingNode):
            raise self.error(f"expected a mapping, found {self._kind()}")
        return {str(key.value): int(key.start_mark.line) + 1 for key, _ in self.node.value}

    def plain(self, deepest: int = DEEPEST) -> Plain:
        """All that is here as plain data that JSON can hold, at most `deepest` levels of it."""
        if deepest == 0:
            raise self.error(f"has more than {DEEPEST} levels")
        if isinstance(self.node, MappingNode):
            return {key: value.plain(deepest - 1) for key, value in self.mapping().items()}
        if isinstance(self.node, SequenceNode):
            return [value.plain(deepest - 1) for value in self.items()]
        value = self.scalar()
        if isinstance(value, float) and not math.isfinite(value):
            raise self.error(f"expected a number, found {self._kind()}")
        return value

    def items(self) -> Iterator[Value]:
        """The values of the list here."""
        if not isinstance(self.node, SequenceNode):
            raise self.error(f"expected a list, found {self._kind()}")
        for place, node in enumerate(self.node.value):
            yield Value(node, self.file, f"{self.key}[{place}]")

    def scalar(self) -> Scalar:
        if not isinstance(self.node, ScalarNode):
            raise self.error(f"expected a single value, found {self._kind()}")
        try:
            value = YAML(typ="safe", pure=True).constructor.construct_object(self.node)
        except (YAMLError, ValueError, LookupError, TypeError, ArithmeticError):
            # A tag that is none, or one that the text does not fit, such as `!!int x`.
            tag = str(self.node.tag).replace("tag:yaml.org,2002:", "!!")
            raise self.error(
                f"'{self.node.value}' is no {tag}", "write it without the tag"
            ) from None
        return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)

    def text(self) -> str:
        value = self.scalar()
        if not isinstance(value, str) or not value:
            raise self.error(f"expected text, found {value!r}")
        return value

    def web_address(self) -> str:
        """A text that is a URL of http or https without a user. Raises InputError."""
        text = self.text()
        if not WEB_ADDRESS.fullmatch(text):
            raise self.error("it is no URL of http or https, or has a user in it")
        return text

    def whole(self, least: int = 0) -> int:
        value = self.scalar()
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.error(f"expected a whole number of at least {least}, found {value!r}")
        return value

    def seconds(self) -> int:
        """The seconds of a duration: 90s, 15m, 2h or 1d."""
        try:
            return times.seconds_of(str(self.scalar()))
        except ValueError as error:
            raise self.error(str(error), "write 90s, 15m, 2h or 1d") from None

    def flag(self) -> bool:
        value = self.scalar()
        if not isinstance(value, bool):
            raise self.error(f"expected true or false, found {value!r}")
        return value

    def _kind(self) -> str:
        if isinstance(self.node, MappingNode):
            return "a mapping"
        if isinstance(self.node, SequenceNode):
            return "a list"
        return "nothing" if not self.node.value else f"'{self.node.value}'"


def nearest(name: str, known: frozenset[str]) -> str:
    """A remedy that names the known key closest to `name`, else all of them."""
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"did you mean '{close[0]}'?" if close else f"known keys: {', '.join(sorted(known))}"


def load(file: Path) -> Value:
    """Read `file` as one YAML document.

    Raises InputError if it cannot be read, is not YAML, or is empty.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{file}: cannot be read: {reason}") from None
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}" if mark else ""
        raise InputError(f"{file}{line}: not YAML: {error.problem}") from None
    except YAMLError as error:
        raise InputError(f"{file}: not YAML: {str(error).splitlines()[0]}") from None
    if node is None:
        raise InputError(f"{file}: the file is empty")
    return Value(node, file, "")
