"""What a node is like, told by itself: this file is sent there as text and run by its own Python.

Standard library only. What is secret never leaves the node: its master's secrets are known here by
marks (master/remote/marks.py) and are named instead; what only looks like a secret is marked with
the key of the one who asks, so that two nodes can be compared in it and nobody reads it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import pwd
import re
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from grp import getgrgid
from pathlib import Path
from typing import Any

LARGEST = 256 * 1024  # bytes of a file whose lines are told
OPEN, CLOSE = (
    "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}",
    "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}",
)
WORD = re.compile(r"[A-Za-z0-9_-]{6,}")
RUN = re.compile(rf"{OPEN}[^{CLOSE}]*{CLOSE}|[A-Za-z0-9+/_.~-]{{6,}}")
# A name whose value is nobody's business, and values that are no secret behind any name.
NAMED = re.compile(
    r"(?i)^(\W*[\w.\[\]-]*(?:pass|secret|token|cookie|credential|private|_key|\bkey)[\w.-]*['\"]?\s*"
    r"(?:=>|[=:])\s*|\W*(?:requirepass|masterauth|auth_pass|password)\s+)(.+)$"
)
HARMLESS = re.compile(
    rf"(?i)['\"]?(?:true|false|none|null|yes|no|\d{{1,6}}|{OPEN}[^{CLOSE}]*{CLOSE})?['\"]?,?"
)
NUMBER = re.compile(r"^\W*\d+\W*$")
PATH = re.compile(r"['\"]?(/[\w./@-]+)['\"]?")
IN_URL = re.compile(r"(://[^\s/:@'\"]*:)([^\s/@'\"]+)(@)")
LONG = re.compile(r"(?=[^ ]*[0-9])(?=[^ ]*[A-Za-z])[A-Za-z0-9+_=-]{16,}")
PEM_BEGINS, PEM_ENDS, PRIVATE = "-----BEGIN ", "-----END ", "PRIVATE KEY"
RUNNING = ("enabled", "enabled-runtime", "linked", "masked")
OF_PEOPLE = ("user@", "user-runtime-dir@", "getty@", "serial-getty@", "console-", "session-")


class Masks:
    """What hides secrets in text: `words` are marks of the environment's own and whose they are."""

    def __init__(self, key: bytes, words: Mapping[str, str]) -> None:
        self._key = key
        self._words = words

    def mark(self, text: str) -> str:
        """What tells `text` from other text for whoever has the key of this call."""
        return hmac.new(self._key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def hidden(self, text: str) -> str:
        return f"{OPEN}hidden {self.mark(text)}{CLOSE}"

    def lines(self, text: str, guarded: bool) -> list[str]:
        """The lines of a file without secrets; `guarded` is one that states say not to show."""
        found: list[str] = []
        block = ""  # of PEM: the line that it began with
        for line in text.splitlines():
            masked = self.line(line, guarded)
            if line.startswith(PEM_BEGINS):
                block = line
            elif line.startswith(PEM_ENDS):
                block = ""
            elif block:
                # One block is of one secret, though a line of it (the authority's name) may stand
                # in the certificates of others, too.
                own = found[-1] if _is_mask(found[-1]) else ""
                alone = masked if OPEN in masked or PRIVATE not in block else self.hidden(line)
                masked = own or alone
            if _is_mask(masked):
                masked = masked.rstrip("=")
                if found and masked == found[-1]:
                    continue
            found.append(masked)
        return found

    def line(self, line: str, guarded: bool) -> str:
        """One line without secrets."""
        line = RUN.sub(self._own, line)
        line = IN_URL.sub(self._in_url, line)
        named = NAMED.match(line)
        if named and not self._is_harmless(*named.groups()):
            line = named[1] + self._rest(named[2])
        return replace_outside(line, LONG, lambda match: self.hidden(match[0])) if guarded else line

    def _own(self, match: re.Match[str]) -> str:
        """The secret whose word this is, by its name."""
        for word in WORD.findall(match[0]):
            name = self._words.get(self.mark(word))
            if name is not None:
                return f"{OPEN}secret {name}{CLOSE}"
        return match[0]

    def _in_url(self, match: re.Match[str]) -> str:
        return match[0] if OPEN in match[2] else f"{match[1]}{self.hidden(match[2])}{match[3]}"

    def _rest(self, value: str) -> str:
        """A value whose name is secret: its masks stay, what is between them is hidden."""
        return replace_outside(value, re.compile(r"\S.*\S|\S"), lambda match: self.hidden(match[0]))

    def _is_harmless(self, name: str, value: str) -> bool:
        """Whether a value is no secret though its name says so; a number may be a password."""
        if "pass" in name.lower() and NUMBER.search(value):
            return False
        path = PATH.fullmatch(value)
        return bool(HARMLESS.fullmatch(value)) or bool(path and Path(path[1]).exists())


def _is_mask(line: str) -> bool:
    return line.startswith(OPEN) and line.find(CLOSE) == len(line.rstrip("=")) - 1


def replace_outside(line: str, pattern: re.Pattern[str], into: Any) -> str:
    """`line` with `pattern` replaced by `into`, as `re.sub` takes it, where no mask is."""
    parts = re.split(f"({OPEN}[^{CLOSE}]*{CLOSE})", line)
    return "".join(part if part.startswith(OPEN) else pattern.sub(into, part) for part in parts)


def described(path: Path, shown: bool, masks: Masks) -> dict[str, Any]:
    """One file: what it is (`kind`), mode and owners, and its lines, or where it leads to."""
    try:
        status = path.lstat()
    except OSError:
        return {"kind": "absent"}
    if stat.S_ISLNK(status.st_mode):
        return {"kind": "link", "lines": [str(path.readlink())]}
    rights = f"{stat.S_IMODE(status.st_mode):04o} {_user(status.st_uid)}:{_group(status.st_gid)}"
    if stat.S_ISDIR(status.st_mode):
        return {"kind": "folder", "rights": rights}
    if not stat.S_ISREG(status.st_mode):
        return {"kind": "other", "rights": rights}
    return {"kind": "file", "rights": rights, "lines": _content(path, shown, masks)}


def _content(path: Path, shown: bool, masks: Masks) -> list[str]:
    data = path.read_bytes()
    try:
        text = data.decode() if len(data) <= LARGEST and b"\0" not in data else None
    except UnicodeDecodeError:
        text = None
    if text is None:
        return [f"{OPEN}hidden {masks.mark(hashlib.sha256(data).hexdigest())}{CLOSE}"]
    return masks.lines(text, guarded=not shown)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return getgrgid(number).gr_name
    except KeyError:
        return str(number)


def units() -> dict[str, str]:
    """Units that are to run, or run, and how they are: `enabled, active`."""
    found = {}
    for unit, state in _rows("list-unit-files", "--type=service,socket,timer"):
        if state in RUNNING and "@." not in unit:
            found[unit] = state
    active = {}
    for unit, _, state in _rows("list-units", "--all", "--type=service,socket,timer", cells=3):
        active[unit] = state
        if state == "failed":
            found.setdefault(unit, "not enabled")
    return {
        unit: f"{state}, {active.get(unit, 'inactive')}"
        for unit, state in found.items()
        if not unit.startswith(OF_PEOPLE)
    }


def _rows(*words: str, cells: int = 2) -> Iterator[list[str]]:
    said = subprocess.run(
        ["systemctl", *words, "--plain", "--no-legend", "--no-pager"],
        capture_output=True, text=True, check=True, timeout=40,
    )  # fmt: skip
    for line in said.stdout.splitlines():
        row = line.split()
        if len(row) >= cells:
            yield row[:cells]


def main() -> None:
    """Answer what standard input asks: files (path -> whether shown), the key, words by mark."""
    asked = json.load(sys.stdin)
    masks = Masks(bytes.fromhex(asked["key"]), asked["words"])
    answer = {
        "kernel": os.uname().release,
        "units": units(),
        "files": {
            path: described(Path(path), shown, masks) for path, shown in asked["files"].items()
        },
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
