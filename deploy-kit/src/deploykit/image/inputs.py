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
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from deploykit.base.process import Runner, run
from deploykit.image.salt import lock_of
from deploykit.mirror.publishing import newest_set, served_set
from deploykit.mirror.sources import YES, Source, read_sources
from deploykit.mirror.store import open_store
from deploykit.mirror.wheels import Lock
from deploykit.mirror.wheelstore import installer, own_lock
from deploykit.site import Site

FORMAT = 3  # of the image: raise it when what is built from the same inputs changes
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
    "python3-memcache", "python3-pymysql", "rsyslog", "rsyslog-gnutls", "stunnel4",
)  # fmt: skip
KEY_LENGTH = 12
# Settings of apt that say how to fetch; keys, certificates and passwords are not among them.
FETCH_SETTINGS = re.compile(
    r"Acquire::((https?|ftp)::(Proxy(::[\w.-]+)?|Timeout|Dl-Limit)"
    r"|Retries|ForceIPv[46]|Languages|Queue-Mode)"
)
UNCHECKED = re.compile(r"Acquire::(Check-Valid-Until|Check-Date|Allow(Insecure|Weak|Downgrade).*)")


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that decides what is in an image. `files` maps absolute paths to contents.

    `salt` is the text of its lock. `week` makes a new image every ISO week, so that its package
    lists and packages are fresh.
    `left_out` names what was not carried, with the reason; it is no part of the key. `mirror` is
    the digest of the set of packages that it is made of instead of `sources`, which it keeps, and
    `served` where that set is while it is made: no part of the key either.
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
    mirror: str = ""
    served: tuple[Source, ...] = ()

    @property
    def made_of(self) -> tuple[Source, ...]:
        """Where the packages come from while the image is made."""
        return self.served if self.mirror else self.sources

    @property
    def key(self) -> str:
        values = {**asdict(self), "left_out": (), "format": FORMAT}
        del values["served"]
        if not self.mirror:
            del values["mirror"]  # images of sites without one keep their key
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def read_inputs(
    root: Path = Path("/"),
    today: date | None = None,
    runner: Runner = run,
    downloaded: Iterable[str] | None = None,
    salt: Lock | None = None,
) -> Inputs:
    """The inputs as they are on this host now (`root`: where its /etc and /usr are).

    `downloaded` are the packages that lie in the image's archive, DOWNLOADED if None;
    `salt` is what it has in /opt/salt, deploy-kit's own if None.
    """
    year, week, _ = (today or date.today()).isocalendar()
    left_out: list[str] = []
    sources = tuple(_usable_sources(read_sources(root / "etc/apt"), left_out))
    return Inputs(
        packages=PACKAGES,
        sources=sources,
        settings=tuple(_settings(runner(["apt-config", "dump"], timeout=20).stdout, left_out)),
        files=tuple(sorted(_public_files(root, sources))),
        salt=(salt or own_lock()).text,
        parts=_digest_of_parts(),
        downloaded=tuple(sorted(DOWNLOADED if downloaded is None else downloaded)),
        week=f"{year}-W{week:02}",
        left_out=tuple(left_out),
    )


def inputs_of(site: Site) -> Inputs:
    """The inputs for a site's nodes now: with a mirror its newest set, whatever the week.

    What the set does not have does not lie in the image's archive either. Raises InputError if the
    set is not on this machine.
    """
    inputs = read_inputs(downloaded=site.downloaded, salt=lock_of(site))
    newest = newest_set(site, open_store())
    if newest is None:
        return inputs
    held = open_store().read_set(newest).packages
    there = tuple(name for name in inputs.downloaded if name in held)
    return replace(inputs, mirror=newest, week="", downloaded=there)


@contextmanager
def served(site: Site, inputs: Inputs) -> Iterator[Inputs]:
    """`inputs` with the set of packages that they are made of, served while the block runs; as they
    are if it is none."""
    if not inputs.mirror:
        yield inputs
        return
    with served_set(site, open_store(), inputs.mirror) as sources:
        yield replace(inputs, served=sources)


def _digest_of_parts() -> str:
    folder = files("deploykit.image")
    parts = b"".join(folder.joinpath(name).read_bytes() for name in PARTS)
    return hashlib.sha256(parts + installer().encode()).hexdigest()


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
        elif source.lax:
            lax = ", ".join(source.lax)
            left_out.append(f"{shown}: apt would take unsigned packages there ({lax})")
        else:
            yield source


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
