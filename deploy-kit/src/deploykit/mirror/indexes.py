"""What apt's lists and its simulation say, as data. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from deploykit.mirror.packageset import Package

INSTALLED = re.compile(
    r"^Inst (?P<name>[^\s:]+)\S* (?:\[\S+\] )?\((?P<version>\S+) .*\[\S+\]\)", re.MULTILINE
)
FIELD = re.compile(r"^(?P<name>[A-Za-z0-9-]+):[ \t]*(?P<value>.*)$", re.MULTILINE)
BUILT_FROM = re.compile(r"(?P<name>\S+)(?: \((?P<version>[^)]+)\))?")
NEEDED = re.compile(r"^(?:Essential: yes|Priority: required)$", re.MULTILINE)


def parse_simulation(said: str) -> dict[str, str]:
    """The version of each package that `apt-get --simulate install` would install."""
    return {match["name"]: match["version"] for match in INSTALLED.finditer(said)}


def needed_everywhere(index: str) -> frozenset[str]:
    """The packages of a Packages index that no Debian is without."""
    stanzas = index.split("\n\n")
    return frozenset(_name(stanza) for stanza in stanzas if NEEDED.search(stanza))


def find_packages(index: str, versions: Collection[tuple[str, str]]) -> Iterator[Package]:
    """The packages of a Packages index whose (name, version) is one of `versions`."""
    names = {name for name, _ in versions}
    for stanza in index.split("\n\n"):
        if _name(stanza) not in names:
            continue
        fields = {match["name"]: match["value"] for match in FIELD.finditer(stanza)}
        if (fields["Package"], fields["Version"]) in versions:
            yield _package(fields)


def _name(stanza: str) -> str:
    first, _, _ = stanza.lstrip("\n").partition("\n")
    return first.removeprefix("Package: ")


def _package(fields: dict[str, str]) -> Package:
    built = BUILT_FROM.match(fields.get("Source", ""))
    name, version = fields["Package"], fields["Version"]
    return Package(
        name=name,
        version=version,
        architecture=fields["Architecture"],
        sha256=fields["SHA256"],
        size=int(fields["Size"]),
        file=fields["Filename"].rpartition("/")[2],
        source=built["name"] if built else name,
        source_version=(built["version"] if built else None) or version,
    )
