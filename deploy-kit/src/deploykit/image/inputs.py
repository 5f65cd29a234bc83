"""What the node image is made from, as data: the key of the image is the hash of it.

From the host come its Debian package sources with their public keys, its proxy and time settings
for apt, and its extra CA certificates. Credentials never come along: a source whose address
carries user info is left out, and apt's auth files are not read at all. Nor does a setting come
along by which this machine's apt looks less: nodes take signed packages only, of lists that are not
out of date; what a source says of itself (a snapshot's lists are always old) stays with it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from deploykit.base.process import Runner, run
from deploykit.image.salt import lock

FORMAT = 2  # of the image: raise it when what is built from the same inputs changes
SUITE = "bookworm"
PACKAGES = (
    "ca-certificates", "curl", "dbus", "ifupdown", "iproute2", "iputils-ping",
    "isc-dhcp-client", "netbase", "openssh-server", "procps", "python3", "python3-apt",
    "sudo", "systemd", "systemd-sysv", "zstd",
)  # fmt: skip
PARTS = ("customize.sh", "overlay.py")
# Laid into apt's archive, not installed: what the shipped content installs on nodes, so that no
# node downloads it. A site says otherwise in site.yml.
DOWNLOADED = (
    "age", "chrony", "haproxy", "keystone", "logrotate", "mariadb-backup", "mariadb-server",
    "memcached", "nftables", "prometheus-mysqld-exporter", "prometheus-node-exporter",
    "python3-memcache", "python3-pymysql", "rsyslog", "rsyslog-gnutls",
)  # fmt: skip
KEY_LENGTH = 12
# Settings of apt that say how to fetch; keys, certificates and passwords are not among them.
FETCH_SETTINGS = re.compile(
    r"Acquire::((https?|ftp)::(Proxy(::[\w.-]+)?|Timeout|Dl-Limit)"
    r"|Retries|ForceIPv[46]|Languages|Queue-Mode)"
)
UNCHECKED = re.compile(r"Acquire::(Check-Valid-Until|Check-Date|Allow(Insecure|Weak|Downgrade).*)")
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


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that decides what is in an image. `files` maps absolute paths to contents.

    `week` makes a new image every ISO week, so that its package lists and packages are fresh.
    `left_out` names what was not carried, with the reason; it is no part of the key.
    """

    packages: tuple[str, ...]
    sources: tuple[Source, ...]
    settings: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    salt: str
    week: str
    left_out: tuple[str, ...] = ()
    parts: str = ""  # digest of the files that finish the image
    downloaded: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        values = {**asdict(self), "left_out": (), "format": FORMAT}
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def read_inputs(
    root: Path = Path("/"),
    today: date | None = None,
    runner: Runner = run,
    downloaded: Iterable[str] | None = None,
) -> Inputs:
    """The inputs as they are on this host now (`root`: where its /etc and /usr are).

    `downloaded` are the packages that lie in the image's archive, DOWNLOADED if None.
    """
    year, week, _ = (today or date.today()).isocalendar()
    left_out: list[str] = []
    sources = tuple(_usable_sources(read_sources(root / "etc/apt"), left_out))
    return Inputs(
        packages=PACKAGES,
        sources=sources,
        settings=tuple(_settings(runner(["apt-config", "dump"], timeout=20).stdout, left_out)),
        files=tuple(sorted(_public_files(root, sources))),
        salt=hashlib.sha256(lock().encode()).hexdigest(),
        parts=_digest_of_parts(),
        downloaded=tuple(sorted(DOWNLOADED if downloaded is None else downloaded)),
        week=f"{year}-W{week:02}",
        left_out=tuple(left_out),
    )


def _digest_of_parts() -> str:
    folder = files("deploykit.image")
    parts = b"".join(folder.joinpath(name).read_bytes() for name in PARTS)
    return hashlib.sha256(parts).hexdigest()


def read_sources(folder: Path) -> Iterator[Source]:
    """Every enabled binary source below `folder` (/etc/apt), in both formats of sources.list(5)."""
    one_line = [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]
    for file in one_line:
        if file.is_file():
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                yield from _one_line(line)
    for file in sorted(folder.glob("sources.list.d/*.sources")):
        for stanza in re.split(r"\n\s*\n", file.read_text(encoding="utf-8", errors="replace")):
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


def _usable_sources(sources: Iterable[Source], left_out: list[str]) -> Iterator[Source]:
    for source in sources:
        parts = urlsplit(source.uri)
        shown = f"{parts.scheme}://{parts.hostname or ''}{parts.path} {source.suite}"
        if parts.username or parts.password:
            left_out.append(f"{shown}: its address carries credentials")
        elif parts.scheme not in ("http", "https"):
            left_out.append(f"{shown}: nodes cannot reach it")
        elif not source.suite.startswith(SUITE) or "main" not in source.components:
            left_out.append(f"{shown}: not of Debian {SUITE}")
        elif lax := [name for name, value in source.options if _lets_in(name, value)]:
            left_out.append(f"{shown}: apt would take unsigned packages there ({', '.join(lax)})")
        else:
            yield source


def _lets_in(option: str, value: str) -> bool:
    return option.lower() in UNSIGNED and value.strip().lower() in YES


def _settings(dump: str, left_out: list[str]) -> Iterator[str]:
    """The lines of `apt-config dump` that say how to fetch, without credentials."""
    for line in dump.splitlines():
        match = re.fullmatch(r'([\w:.-]+) "(.*)";', line)
        if match and UNCHECKED.fullmatch(match[1]) and _looks_less(match[1], match[2]):
            left_out.append(
                f"{match[1]}: nodes look at what they are sent; of a snapshot, say it at that "
                "source (check-valid-until)"
            )
        if not match or not match[2] or not FETCH_SETTINGS.fullmatch(match[1]):
            continue
        if urlsplit(match[2]).username:
            left_out.append(f"{match[1]}: the proxy's address carries credentials")
            continue
        yield line


def _looks_less(setting: str, value: str) -> bool:
    """Whether a setting of UNCHECKED makes apt look less than it does by itself."""
    yes = value.lower() in YES
    return bool(value) and (not yes if "::Check-" in setting else yes)


def _public_files(root: Path, sources: Iterable[Source]) -> Iterator[tuple[str, str]]:
    """Keyrings (as latin-1 text: they may be binary) and CA certificates."""
    wanted = {
        path
        for pattern in ("etc/apt/keyrings/*", "etc/apt/trusted.gpg.d/*.gpg",
                        "etc/apt/trusted.gpg.d/*.asc", "usr/local/share/ca-certificates/**/*.crt")
        for path in root.glob(pattern)
    }  # fmt: skip
    for source in sources:
        if source.signed_by.startswith("/"):
            wanted.add(root / source.signed_by.lstrip("/"))
    for path in wanted:
        if path.is_file():
            yield f"/{path.relative_to(root)}", path.read_bytes().decode("latin-1")
