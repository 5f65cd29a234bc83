"""The exact packages of a release: snapshots of suites, and what each role takes of them. Pure.

Everything is named by what is in it: a snapshot by its packages and their files, a set by its
snapshots and roles. So two sites, or two days, with the same packages have the same names.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from deploykit.base.errors import InputError

FORMAT = 1
DIGEST = re.compile(r"[0-9a-f]{64}")
SHORT = 12  # digits of a digest that people read


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One file of a vendor: `size` in bytes; `source` and its version are what it was built from.

    `file` is the name of the file, without a folder.
    """

    name: str
    version: str
    architecture: str
    sha256: str
    size: int
    file: str
    source: str
    source_version: str

    @property
    def key(self) -> str:
        """What tells it from all others of a vendor, as aptly writes it."""
        return f"{self.name}_{self.version}_{self.architecture}"


@dataclass(frozen=True)
class Snapshot:
    """Packages of one suite, sorted."""

    suite: str
    packages: tuple[Package, ...]

    @cached_property
    def digest(self) -> str:
        """The SHA-256, in hex, of what packages it has and what bytes they are."""
        lines = [f"{p.name} {p.version} {p.architecture} {p.sha256}\n" for p in self.packages]
        return hashlib.sha256("".join((f"{self.suite}\n", *lines)).encode()).hexdigest()

    @property
    def name(self) -> str:
        return f"{self.suite}-{self.digest}"


@dataclass(frozen=True)
class PackageSet:
    """One snapshot per suite, in the content's order, and the names of each role's packages with
    all that they depend on. A name has one version in the whole set."""

    snapshots: tuple[Snapshot, ...]
    roles: Mapping[str, tuple[str, ...]]

    @cached_property
    def digest(self) -> str:
        """The SHA-256, in hex, of the set's snapshots and roles."""
        written = json.dumps([FORMAT, self.pins, self.roles], sort_keys=True)
        return hashlib.sha256(written.encode()).hexdigest()

    @property
    def pins(self) -> dict[str, str]:
        """The digest of each suite's snapshot."""
        return {snapshot.suite: snapshot.digest for snapshot in self.snapshots}

    @cached_property
    def packages(self) -> dict[str, Package]:
        """Every package, by name."""
        return {one.name: one for snapshot in self.snapshots for one in snapshot.packages}

    def closure(self, role: str) -> dict[str, str]:
        """The versions of a role's packages, with all that they depend on; empty if unknown."""
        return {name: self.packages[name].version for name in self.roles.get(role, ())}

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(package.size for package in self.packages.values())


@dataclass(frozen=True, slots=True)
class Stranger:
    """A package of a role that nodes have in another version than the set does."""

    role: str
    package: str
    version: str
    wanted: str


def find_strangers(seen: Mapping[str, Mapping[str, str]], wanted: PackageSet) -> Iterator[Stranger]:
    """What differs of `seen`, versions by role and package as evidence has them.

    What the set does not have at all is a node's own (its kernel, its boot loader), and none of it.
    """
    for role, packages in sorted(seen.items()):
        for name, version in sorted(packages.items()):
            own = wanted.packages.get(name)
            if own is not None and version != own.version:
                yield Stranger(role, name, version, own.version)


def set_json(one: PackageSet) -> dict[str, Any]:
    """The set as it is written."""
    return {
        "format": FORMAT,
        "digest": one.digest,
        "snapshots": [
            {"suite": snapshot.suite, "packages": [asdict(p) for p in snapshot.packages]}
            for snapshot in one.snapshots
        ],
        "roles": {role: list(names) for role, names in one.roles.items()},
    }


def parse_set(text: str, where: str) -> PackageSet:
    """The set that `set_json` wrote. Raises InputError, with `where`, if it is none or changed."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise ValueError("its format")
        found = PackageSet(
            tuple(
                Snapshot(one["suite"], tuple(Package(**entry) for entry in one["packages"]))
                for one in document["snapshots"]
            ),
            {role: tuple(names) for role, names in document["roles"].items()},
        )
        if found.digest != document["digest"]:
            raise ValueError("its digest")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: this is no set of packages ({error})", "remove it") from None
    return found
