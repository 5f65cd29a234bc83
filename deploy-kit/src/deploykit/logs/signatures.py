"""Signatures: what one line of a log says, by a pattern, kept as YAML like any code.

    signatures:
      nova-greenlet:
        pattern: 'greenlet\\.error: cannot switch to a different thread'
        files: ['*-smoke.log']          # globs of names of logs; default: every log
        tags: [nova, uwsgi]
        bug: https://bugs.example.org/1572495
        message: "an API of eventlet runs with several threads"

With `bug` a signature explains: it is a known fault. Without one it says what failed, and no more.
Named groups of `pattern` are fields of `message`. Patterns are RE2's: their time is linear in the
line whoever wrote them, and what could not be bounded (backreferences, looks around) is refused.
Only the first `LINE` characters of a line are looked at, and a pattern never sees two lines.
"""

from __future__ import annotations

import functools
import itertools
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from deploykit.base.errors import InputError
from deploykit.base.naming import NAME
from deploykit.base.printable import FIELD, LINE, one_line
from deploykit.base.yamlfile import Value, load
from deploykit.site import Site

KEYS = frozenset({"pattern", "files", "tags", "bug", "message"})
PATTERN_MOST = 500  # characters
MEMORY = 8 << 20  # bytes that RE2 may take for one pattern
HARMLESS = ("", " ", "x", "0", "2026-11-28 17:05:00 INFO ready")  # lines that none may recognise


@dataclass(frozen=True, slots=True)
class Signature:
    """One thing that a line of a log may say.

    `files` are globs of names of logs (none: any), `bug` names the fault that it explains ('' if
    it explains nothing), `message` what is told, with the pattern's groups in braces, and `place`
    its FILE:LINE.
    """

    name: str
    pattern: str
    message: str
    files: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    bug: str = ""
    place: str = ""

    def concerns(self, log: str) -> bool:
        """Whether a log of this name is one to look at."""
        return not self.files or any(fnmatchcase(log, glob) for glob in self.files)


@dataclass(frozen=True, slots=True)
class Recognised:
    """A line that a signature recognised: its number from 1, its text, and the pattern's groups.

    `rest` is what follows the recognised part of the line, whole.
    """

    signature: Signature
    number: int
    text: str
    fields: Mapping[str, str] = field(default_factory=dict)
    rest: str = ""

    @property
    def told(self) -> str:
        """The signature's message about this line; a field that is empty leaves no colon behind."""
        values = {name: one_line(value, FIELD) for name, value in self.fields.items()}
        return self.signature.message.format_map(values).strip().rstrip(" :")


def recognise(
    text: str, signatures: Iterable[Signature], log: str | None = None, most: int | None = None
) -> Iterator[Recognised]:
    """The lines of `text` that `signatures` recognise, signature by signature, in their order.

    With `log`, the name of the log that `text` is of, only by those that concern it; with `most`,
    the first so many of each signature.
    """
    data: bytes | None = None
    for signature in signatures:
        if log is None or signature.concerns(log):
            data = text.encode("utf-8", "replace") if data is None else data
            yield from itertools.islice(_lines(data, signature), most)


def recognise_line(line: str, signatures: Iterable[Signature]) -> Recognised | None:
    """What the first of `signatures` to recognise it makes of one line; None if none does."""
    return next(recognise(line.split("\n", 1)[0], signatures), None)


def _lines(data: bytes, signature: Signature) -> Iterator[Recognised]:
    """Each line that the signature recognises. RE2 skips what has none at a gigabyte a second."""
    pattern = _compiled(signature.pattern)
    at, number, counted = 0, 1, 0
    while at < len(data) and (hint := pattern.search(data, at)):
        start = data.rfind(b"\n", 0, hint.start()) + 1
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        number, counted = number + data.count(b"\n", counted, start), start
        line = data[start:end].decode("utf-8", "replace")
        if line_recognised := _in_line(pattern, signature, number, line):
            yield line_recognised
        at = end + 1


def _in_line(pattern: Any, signature: Signature, number: int, line: str) -> Recognised | None:
    match = pattern.search(line[:LINE].encode("utf-8", "replace"))
    if match is None:
        return None
    groups = {
        name.decode(): (value or b"").decode("utf-8", "replace").strip()
        for name, value in match.groupdict().items()
    }
    seen = len(line[:LINE].encode("utf-8", "replace")[: match.end()].decode("utf-8", "replace"))
    return Recognised(signature, number, line, groups, line[seen:])


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    """The pattern for bytes of many lines; `^` and `$` are those of a line. Raises re2.error."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = MEMORY
    options.never_nl = True  # whatever the pattern says
    return re2.compile(f"(?m){pattern}".encode(), options)


def signatures_of(site: Site) -> tuple[Signature, ...]:
    """The site's own signatures (`signatures/*.yml`), then those that come with deploy-kit.

    One of the site's takes the place of a shipped one of its name. Raises InputError, with file
    and line, if a file does not fit, or a name stands in two of them.
    """
    own: dict[str, Signature] = {}
    for file in sorted(site.signatures.glob("*.yml")):
        for signature in read_signatures(file):
            if signature.name in own:
                raise InputError(
                    f"{signature.place}: the signature '{signature.name}' stands at "
                    f"{own[signature.name].place}, too",
                    "give one of them another name",
                )
            own[signature.name] = signature
    rest = (signature for signature in every_shipped() if signature.name not in own)
    return (*own.values(), *rest)


@functools.cache
def shipped(name: str) -> tuple[Signature, ...]:
    """The signatures of deploy-kit's own file `name`: those of one tool that it starts."""
    return read_signatures(Path(str(package_files("deploykit.logs").joinpath("shipped", name))))


def every_shipped() -> Iterator[Signature]:
    """All signatures that come with deploy-kit."""
    folder = package_files("deploykit.logs").joinpath("shipped")
    for name in sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yml")):
        yield from shipped(name)


def read_signatures(file: Path) -> tuple[Signature, ...]:
    """The signatures in `file`, in their order.

    Raises InputError, with file, line and the nearest known key, if they do not fit.
    """
    top = load(file).mapping(frozenset({"signatures"}))
    listed = top["signatures"].mapping() if "signatures" in top else {}
    return tuple(_signature(name, value) for name, value in listed.items())


def _signature(name: str, value: Value) -> Signature:
    if not NAME.fullmatch(name):
        raise value.error(
            f"'{name}' is not a name", "small letters, digits and '-', a letter first, at most 31"
        )
    keys = value.mapping(KEYS)
    for needed in ("pattern", "message"):
        if needed not in keys:
            raise value.error(f"the key '{needed}' is missing")
    pattern = keys["pattern"].text()
    groups = _demand_pattern(keys["pattern"], pattern)
    _demand_message(keys["message"], groups)
    return Signature(
        name=name,
        pattern=pattern,
        message=keys["message"].text(),
        files=tuple(item.text() for item in keys["files"].items()) if "files" in keys else (),
        tags=tuple(item.text() for item in keys["tags"].items()) if "tags" in keys else (),
        bug=str(keys["bug"].scalar()) if "bug" in keys else "",
        place=f"{value.file}:{value.line}",
    )


def _demand_pattern(value: Value, pattern: str) -> frozenset[str]:
    """The names of the pattern's groups. Raises InputError if it is none, or says nothing."""
    import re2

    if len(pattern) > PATTERN_MOST:
        raise value.error(f"a pattern is at most {PATTERN_MOST} characters, this is {len(pattern)}")
    try:
        compiled = _compiled(pattern)
    except re2.error as error:
        reason = error.args[0] if error.args else "not a pattern"
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise value.error(
            f"not a pattern that is looked for in bounded time: {reason}",
            "RE2's syntax counts: no backreferences, no looking ahead or behind",
        ) from None
    for line in HARMLESS:
        if compiled.search(line.encode()):
            raise value.error(f"the pattern recognises {line!r}, so nearly every line")
    return frozenset(name.decode() for name in compiled.groupindex)


def _demand_message(value: Value, groups: frozenset[str]) -> None:
    """Raise InputError if the message has a field that is no group of the pattern."""
    try:
        parts = list(string.Formatter().parse(value.text()))
    except ValueError as error:
        raise value.error(f"not a message: {error}", "a brace that is meant: {{ or }}") from None
    for _, name, spec, conversion in parts:
        if name is not None and (name not in groups or spec or conversion):
            there = ", ".join(sorted(groups)) or "none"
            raise value.error(
                f"{{{name}}} is no group of the pattern", f"groups (?P<NAME>…) there: {there}"
            )
