"""The Salt that a release brings: its lock, and the wheels that the lock names. Pure.

The lock is part of the release's day 0, so its digest is the release's word. The wheel of Salt
itself is built where it is fetched, as the index has none, so the set of files has a digest of its
own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from deploykit.base.errors import InputError

FORMAT = 1  # of what is laid out: raise it when the same lock gives another
SHORT = 16  # digits of a digest in the name of a folder
REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s\\;]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})(?=\s|$)")
BUILDS_SALT = ("setuptools", "packaging", "looseversion", "importlib-metadata", "zipp")


@dataclass(frozen=True)
class Lock:
    """Requirements with the hash of every file that may be taken; `text` as the release has it."""

    text: str
    blocks: Mapping[str, str]  # by name, with its hashes
    versions: Mapping[str, str]

    @cached_property
    def folder(self) -> str:
        """The name of the folder below /opt that this Salt is in, on every node."""
        words = f"salt {FORMAT}\n{self.text}"
        return f"salt-{hashlib.sha256(words.encode()).hexdigest()[:SHORT]}"

    @property
    def version(self) -> str:
        """Which Salt it is."""
        return self.versions["salt"]

    def only(self, names: tuple[str, ...]) -> str:
        """The text of the lock for those of `names` that it has."""
        return "".join(self.blocks[name] for name in names if name in self.blocks)

    def hashes(self, name: str) -> list[str]:
        """The SHA-256 of each file that may be taken for a package."""
        return HASH.findall(self.blocks[name])


@dataclass(frozen=True)
class WheelSet:
    """The wheels of a lock: the SHA-256 of each file, by its name."""

    folder: str
    files: Mapping[str, str]

    @cached_property
    def digest(self) -> str:
        """The SHA-256, in hex, of what files it has and what bytes they are."""
        written = json.dumps([self.folder, self.files], sort_keys=True)
        return hashlib.sha256(written.encode()).hexdigest()


def parse_lock(text: str, where: str) -> Lock:
    """A lock as `uv pip compile --generate-hashes` writes it.

    Raises InputError, with `where`, if something in it has no hash, or Salt or pip is not in it.
    """
    blocks: dict[str, str] = {}
    versions: dict[str, str] = {}
    name = ""
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if found := REQUIREMENT.match(line):
            name = found["name"].lower()
            versions[name] = found["version"]
            blocks[name] = line
        elif line.strip() and not line.lstrip().startswith("#"):
            if not name or not line[0].isspace():
                raise InputError(f"{where}:{number}: this is no line of a lock", HOW)
            blocks[name] += line
    if bare := next((one for one, block in blocks.items() if not HASH.search(block)), None):
        raise InputError(f"{where}: {bare} has no hash", HOW)
    if missing := {"salt", "pip"} - set(blocks):
        raise InputError(f"{where}: it has no {' and no '.join(sorted(missing))}", HOW)
    return Lock(text, blocks, versions)


HOW = "lock it again, as salt.in beside it says"
