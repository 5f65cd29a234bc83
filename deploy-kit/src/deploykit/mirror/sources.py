"""Package sources of apt, as data: read from both of its formats, and written as deb822."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# Options of a source, by their names in sources.list(5), that make apt look less.
UNSIGNED = ("trusted", "allow-insecure", "allow-weak", "allow-downgrade-to-insecure")
OPTIONS = {
    "arch": "Architectures",
    "architectures": "Architectures",
    "check-valid-until": "Check-Valid-Until",
    **{name: name.title() for name in UNSIGNED},
}
YES = ("yes", "true", "with", "on", "enable", "1")  # as apt takes them (StringToBool)


@dataclass(frozen=True, slots=True)
class Source:
    """One package source in apt's deb822 fields; `signed_by` is a path or an armoured key."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @property
    def lax(self) -> list[str]:
        """The options by which apt would take unsigned packages from there."""
        told = [name for name, value in self.options if value.strip().lower() in YES]
        return [name for name in told if name.lower() in UNSIGNED]


def read_sources(folder: Path) -> Iterator[Source]:
    """Every enabled binary source below `folder` (/etc/apt), in both formats of sources.list(5)."""
    one_line = [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]
    for file in one_line:
        if file.is_file():
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                yield from _one_line(line)
    for file in sorted(folder.glob("sources.list.d/*.sources")):
        yield from parse_sources(file.read_text(encoding="utf-8", errors="replace"))


def parse_sources(text: str) -> Iterator[Source]:
    """Every enabled binary source of a deb822 file."""
    for stanza in re.split(r"\n\s*\n", text):
        yield from _deb822(stanza)


def render_sources(sources: Iterable[Source]) -> str:
    """The sources as a deb822 file."""
    stanzas = []
    for source in sources:
        fields = [
            ("Types", "deb"),
            ("URIs", source.uri),
            ("Suites", source.suite),
            ("Components", " ".join(source.components)),
            *source.options,
        ]
        if source.signed_by:
            fields.append(("Signed-By", source.signed_by))
        stanzas.append("".join(f"{name}: {value}\n" for name, value in fields))
    return "\n".join(stanzas)


def _one_line(line: str) -> Iterator[Source]:
    match = re.fullmatch(r"\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)(#.*)?", line)
    if not match:
        return
    options = dict(pair.split("=", 1) for pair in (match[1] or "").split() if "=" in pair)
    options = {name.lower(): value for name, value in options.items()}
    yield Source(
        uri=match[2],
        suite=match[3],
        components=tuple(match[4].split()),
        signed_by=options.get("signed-by", ""),
        options=_options(options),
    )


def _deb822(stanza: str) -> Iterator[Source]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line[0] in " \t":
            fields[name] = f"{fields.get(name, '')}\n{line}"
        else:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    if fields.get("enabled", "yes").lower() in ("no", "false", "0"):
        return
    if "deb" not in fields.get("types", "").split():
        return
    options = _options(fields)
    for uri in fields.get("uris", "").split():
        for suite in fields.get("suites", "").split():
            yield Source(
                uri, suite, tuple(fields.get("components", "").split()),
                fields.get("signed-by", ""), options,
            )  # fmt: skip


def _options(fields: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((OPTIONS[name], fields[name]) for name in sorted(fields) if name in OPTIONS)
