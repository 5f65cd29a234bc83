"""What site.yml says under `mirror:`; a site without it has its nodes ask their own sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.base.yamlfile import Value
from deploykit.mirror.sources import Source, parse_sources, read_sources
from deploykit.site import FILE_NAME, PACKAGE, Site

KEYS = frozenset({"sources", "also"})


@dataclass(frozen=True, slots=True)
class MirrorSettings:
    """Where packages come from, in apt's own words, and which are wanted besides the content's."""

    sources: tuple[Source, ...]
    also: tuple[str, ...]


def mirror_settings(site: Site, etc: Path = Path("/etc/apt")) -> MirrorSettings | None:
    """What the site says of its mirror; None if it has none.

    Without `sources` they are those of this machine, below `etc`. Raises InputError.
    """
    value = site.section("mirror")
    if value is None:
        return None
    keys = value.mapping(KEYS)
    found = _sources(site, keys["sources"]) if "sources" in keys else read_sources(etc)
    also = tuple(map(_package, keys["also"].items())) if "also" in keys else ()
    return MirrorSettings(tuple(found), also)


def _sources(site: Site, value: Value) -> list[Source]:
    name = value.text()
    if not FILE_NAME.fullmatch(name):
        raise value.error(f"'{name}' is no file beside site.yml", "mirror.sources")
    file = site.folder / name
    try:
        found = list(parse_sources(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise value.error(f"{file}: cannot be read: {reason}") from None
    if not found:
        raise InputError(
            f"{file}: names no source",
            "as in sources.list(5): Types: deb, URIs:, Suites:, Components:, Signed-By:",
        )
    return found


def _package(value: Value) -> str:
    if not PACKAGE.fullmatch(value.text()):
        raise value.error(f"'{value.text()}' is not the name of a Debian package")
    return value.text()
