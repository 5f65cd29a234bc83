"""A vendor of Debian packages on loopback: suites with a few small packages, signed by its key."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from deploykit.mirror.gnupg import SigningKey, gpg_home, signing_key
from loopback import served

SUITES = ("bookworm", "bookworm-security")
CONTROL = """Package: {name}
Version: {version}
Architecture: all
Maintainer: Nobody <nobody@example.org>
Priority: {priority}
{more}Description: a package for tests
"""
ENTRY = """{source} ({version}) bookworm; urgency=medium

  * {text}

 -- Nobody <nobody@example.org>  Sat, 21 Nov 2026 12:00:00 +0000

"""


@dataclass
class Vendor:
    """`root` is what is served at `url`; `asked` are the paths that were asked for."""

    root: Path
    port: int = 0
    asked: list[str] = field(default_factory=list)
    stanzas: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = signing_key(self.root / "key", "vendor")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/served"

    @property
    def fetched(self) -> list[str]:
        """The packages that were asked for."""
        return [path.rpartition("/")[2] for path in self.asked if path.endswith(".deb")]

    def sources(self) -> str:
        """Its suites for apt, as deb822."""
        public = "\n".join(f" {line or '.'}" for line in self.key.public.splitlines())
        return (
            f"Types: deb\nURIs: {self.url}\nSuites: {' '.join(SUITES)}\nComponents: main\n"
            f"Signed-By:\n{public}\n"
        )

    def add(
        self,
        name: str,
        version: str,
        suite: str = "bookworm",
        *,
        needs: str = "",
        source: str = "",
        closes: str = "",
        priority: str = "optional",
    ) -> None:
        """Put a package into a suite, in the place of another version there."""
        tree = self.root / "trees" / f"{name}_{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        more = f"Depends: {needs}\n" if needs else ""
        more += f"Source: {source}\n" if source else ""
        control = CONTROL.format(name=name, version=version, priority=priority, more=more)
        (tree / "DEBIAN" / "control").write_text(control)
        folder = tree / "usr" / "share" / "doc" / name
        folder.mkdir(parents=True)
        earlier = ENTRY.format(source=source or name, version="1.0", text="First (CVE-2020-0001).")
        text = ENTRY.format(source=source or name, version=version, text=closes or "Mended.")
        (folder / "changelog.Debian.gz").write_bytes(gzip.compress((text + earlier).encode()))
        file = f"pool/{name}_{version.replace(':', '%3a')}_all.deb"
        target = self.root / "served" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        words = ["dpkg-deb", "-Zgzip", "--root-owner-group", "--build", str(tree), str(target)]
        subprocess.run(words, check=True, capture_output=True, timeout=60)
        data = target.read_bytes()
        fields = (
            f"Filename: {file}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
        )
        head, _, description = control.partition("Description:")
        stanza = f"{head}{fields}Description:{description}"
        self.stanzas.setdefault(suite, {})[name] = stanza

    def publish(self, key: SigningKey | None = None) -> None:
        """Bring the suites' lists up to date, signed by its key or another."""
        for suite in SUITES:
            packages = "\n".join(self.stanzas.get(suite, {}).values()).encode()
            folder = self.root / "served" / "dists" / suite
            index = folder / "main" / "binary-amd64" / "Packages"
            index.parent.mkdir(parents=True, exist_ok=True)
            index.write_bytes(packages)
            release = (
                f"Origin: Test\nLabel: Test\nSuite: {suite}\nCodename: {suite}\n"
                "Date: Sat, 21 Nov 2026 12:00:00 UTC\nArchitectures: amd64\nComponents: main\n"
                f"SHA256:\n {hashlib.sha256(packages).hexdigest()} {len(packages)} "
                "main/binary-amd64/Packages\n"
            )
            (folder / "InRelease").write_text(_signed(release, key or self.key))


def _signed(text: str, key: SigningKey) -> str:
    with gpg_home(key.home) as home:
        words = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--clearsign"]
        done = subprocess.run(
            words, input=text, text=True, check=True, capture_output=True, timeout=60
        )
    return done.stdout


@contextmanager
def vending(folder: Path) -> Iterator[Vendor]:
    """A vendor that serves until the block ends."""
    folder.mkdir(parents=True)
    vendor = Vendor(folder)

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def do_GET(self) -> None:
            vendor.asked.append(self.path)
            super().do_GET()

        def log_message(self, *arguments: Any) -> None:
            pass

    with served(Handler) as vendor.port:
        yield vendor
