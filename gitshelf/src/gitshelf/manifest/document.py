"""A YAML text as nodes that know their line; nothing in it is ever made into an object.

A parser only parses; what a value means is decided by whoever asks for it, and a wrong type is an
error at its line. ruamel.yaml (YAML 1.2) decides what is YAML and says what is wrong with the rest;
libyaml, twenty times faster, reads the texts in which both see the same nodes.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Stopped
from gitshelf.git.refs import UnknownCommit
from gitshelf.manifest.tokens import show

Node = Any
"""A node of ruamel.yaml or PyYAML (it has `value`, `start_mark`, `end_mark`)."""

_ALIKE = re.compile(r"[\n -~\ue000\ue001]*")
_APART = re.compile(r"[%&*!|>@`\\]")
"""Neither YAML 1.1 nor 1.2 makes a difference without these: directives, anchors, tags, escapes."""
_COMMENTS = re.compile(r"(#[^\n]*\n)*")
"""The lines that a manifest begins with if it was imported, and which may have anything in them."""
_NO_TEXT = re.compile("[\0\ud800-\udfff]")  # written as escapes, in double quotes
_MAX_DEPTH = 2000
_INDENTED = re.compile(rf"^[ \t?:-]{{{_MAX_DEPTH}}}", re.M)
_MAX_MERGED = 200  # mappings that one mapping is made of


@dataclass(frozen=True, slots=True)
class Location:
    """Where in a manifest something is said; `line` starts at 1, `book` may be empty."""

    file: str
    line: int
    book: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: " + (f"book {self.book}: " if self.book else "")

    def error(self, message: str, remedy: str = "") -> GitshelfError:
        """An error that says where."""
        error = GitshelfError(f"{self}{message}", remedy)
        error.located = True
        return error

    def locate(self, error: GitshelfError) -> GitshelfError:
        """`error` with this location before its message, unless it has one already, or only says
        that the run was stopped. An UnknownCommit stays one."""
        if error.located or isinstance(error, Stopped):
            return error
        located = self.error(error.message, error.remedy)
        if isinstance(error, UnknownCommit):
            located = UnknownCommit(error.wanted, located.message, located.remedy)
            located.located = True
        return located

    @contextmanager
    def locating(self) -> Iterator[None]:
        """Errors of the block say where, as by `locate`."""
        try:
            yield
        except GitshelfError as error:
            raise self.locate(error) from None


def line_of(node: Node) -> int:
    """The line of a node, starting at 1."""
    return int(node.start_mark.line) + 1


def compose(text: str, file: str) -> Node | None:
    """Parse one YAML document; None if it is empty. Raises GitshelfError with file and line."""
    if line := _too_deep(text):
        raise Location(file, line).error("not YAML: it is nested too deeply", "correct the line")
    comments = _COMMENTS.match(text)
    begin = comments.end() if comments else 0
    if _ALIKE.fullmatch(text) and not _APART.search(text, begin):
        import yaml  # type: ignore[import-untyped,unused-ignore]

        if yaml.__with_libyaml__:
            with suppress(yaml.YAMLError):
                return yaml.compose(text, Loader=yaml.CSafeLoader)
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError

    try:
        with warnings.catch_warnings():
            # YAML 1.2 lets an anchor be used again; the warning would go to standard error.
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            return YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        reason = error.problem or error.context or "it cannot be parsed"
        raise Location(file, line).error(f"not YAML: {reason}", "correct the line") from None
    except YAMLError as error:
        reason = str(error).strip().split("\n")[0]
        raise Location(file, 1).error(f"not YAML: {reason}", "correct the file") from None
    except (ValueError, TypeError, AttributeError, IndexError, KeyError, RecursionError) as error:
        # Seen from ruamel.yaml for some malformed tags, anchors and directives.
        raise Location(file, 1).error(f"not YAML: {error}", "correct the file") from None


def _too_deep(text: str) -> int:
    """The line in which `text` is nested deeper than any manifest is, 0 if there is none: libyaml
    calls itself at each level, and the process ends with its stack."""
    if indented := _INDENTED.search(text):
        return text.count("\n", 0, indented.start()) + 1
    if text.count("[") + text.count("{") < _MAX_DEPTH:
        return 0
    import yaml

    depth = 0
    with suppress(yaml.YAMLError):  # `compose` says why it is no YAML
        for event in yaml.parse(text, Loader=_event_loader()):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH:
                return int(event.start_mark.line) + 1
    return 0


def _event_loader() -> Any:
    import yaml

    return yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def scalar(node: Node, location: Location, what: str) -> str:
    """The text of a scalar, whatever YAML would make of it (a SHA of digits stays text)."""
    if not _is(node, "ScalarNode"):
        raise location.error(f"{what} must be a text", "write one value on one line")
    text = str(node.value)
    if _NO_TEXT.search(text):
        raise location.error(f"{what} has a character that no name can have", "take it out")
    return text


def sequence(node: Node, location: Location, what: str) -> list[Node]:
    """The nodes of a list; an empty value is an empty list."""
    if is_null(node):
        return []
    if not _is(node, "SequenceNode"):
        raise location.error(f"{what} must be a list", "begin each item with `- `")
    return list(node.value)


def mapping(node: Node, location: Location, what: str) -> dict[str, tuple[Node, Node]]:
    """Key nodes and value nodes of a mapping by key; `<<` is merged as YAML 1.1 does.

    An empty value is an empty mapping. A key that is there twice is an error.
    """
    if is_null(node):
        return {}
    if not _is(node, "MappingNode"):
        raise location.error(f"{what} must be a mapping", "write `key: value` lines")
    return _pairs(node, location, what, {})


def _pairs(
    node: Node,
    location: Location,
    what: str,
    merges: dict[int, dict[str, tuple[Node, Node]] | None],
) -> dict[str, tuple[Node, Node]]:
    """As `mapping`. `merges` are the mappings that were merged before, by identity: each is merged
    once, however often it is named; its value is None until that is done."""
    merges[id(node)] = None
    pairs: dict[str, tuple[Node, Node]] = {}
    merged: dict[str, tuple[Node, Node]] = {}
    for key_node, value_node in node.value:
        key_location = Location(location.file, line_of(key_node), location.book)
        key = scalar(key_node, key_location, f"a key of {what}")
        if key == "<<":
            is_list = _is(value_node, "SequenceNode")
            for merged_node in reversed(value_node.value if is_list else [value_node]):
                if not _is(merged_node, "MappingNode") or merges.get(id(merged_node), {}) is None:
                    raise key_location.error(
                        "`<<` must name a mapping", "name one that is whole before"
                    )
                if len(merges) > _MAX_MERGED:
                    raise key_location.error("`<<` goes on without bounds")
                merged.update(
                    merges.get(id(merged_node)) or _pairs(merged_node, key_location, what, merges)
                )
        elif key in pairs:
            raise key_location.error(
                f"{key} is there twice in {what}, first in line {line_of(pairs[key][0])}",
                "keep one of them",
            )
        else:
            pairs[key] = (key_node, value_node)
    merges[id(node)] = {**merged, **pairs}
    return {**merged, **pairs}


def section(
    parent: dict[str, tuple[Node, Node]], key: str, file: str
) -> dict[str, tuple[Node, Node]]:
    """The mapping under `key`; empty if there is none."""
    if key not in parent:
        return {}
    node = parent[key][1]
    return mapping(node, Location(file, line_of(node)), key)


def check_keys(
    pairs: dict[str, tuple[Node, Node]],
    known: Iterable[str],
    file: str,
    what: str,
    book: str = "",
) -> None:
    """Raise GitshelfError for a key that is not known, with the nearest one that is."""
    known = list(known)
    for key, (node, _) in pairs.items():
        if key not in known:
            raise Location(file, line_of(node), book).error(
                f"unknown key {show(key)} in {what}", unknown_key(key, known)
            )


def unknown_key(key: str, known: Iterable[str]) -> str:
    """A remedy for a key that is not known: the nearest one that is."""
    import difflib

    known = list(known)
    near = difflib.get_close_matches(key, known, 1, 0.5)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(known) or 'none'}"


def _is(node: Node, kind: str) -> bool:
    return type(node).__name__ == kind


def is_null(node: Node) -> bool:
    """Whether a node has no value, in one of the ways that YAML 1.1 knows."""
    written = ("", "~", "null", "Null", "NULL")
    return _is(node, "ScalarNode") and node.value in written and not node.style
