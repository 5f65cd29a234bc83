"""aptly: mirrors, snapshots and published sets of this machine, in one database with one pool.

A mirror is here only while it is fetched: what stays is its snapshot, which never changes. Callers
hold the lock of the store.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from deploykit.base import files
from deploykit.base.errors import DeployKitError
from deploykit.base.process import Runner, run
from deploykit.mirror.gnupg import SigningKey, gpg_home, write_keyrings
from deploykit.mirror.packageset import Package, PackageSet, Snapshot
from deploykit.mirror.sources import Source

FETCH_TIMEOUT = 3600.0  # seconds, for the files of one suite
TIMEOUT = 900.0
COMPONENT = "main"  # of what is published: all that was chosen is in one
ORIGIN = "Debian"
FETCHING = (("mirror", "create"), ("mirror", "update"))
NOTHING = "no-package-bears-this-name"  # a filter has to say something


@dataclass(frozen=True, slots=True)
class Aptly:
    """aptly in `folder`; `published` is where the sets of each site go, by its id."""

    folder: Path
    published: Mapping[str, Path]
    log: Path
    runner: Runner = run

    def pool_file(self, package: Package) -> Path:
        """Where the pool has a package's file, named by its digest."""
        digest = package.sha256
        return self.folder / "pool" / digest[:2] / digest[2:4] / f"{digest[4:32]}_{package.file}"

    def snapshots(self) -> frozenset[str]:
        """The names of the snapshots that are there."""
        return frozenset(self._call("snapshot", "list", "-raw").split())

    def take(self, snapshot: Snapshot, source: Source, architecture: str) -> None:
        """Fetch the packages of `snapshot` from `source` and keep them under its name.

        aptly checks the source's signature and every file. Raises DeployKitError where the source
        has other packages by now.
        """
        aside = f"fetching-{snapshot.suite}"  # mirror and snapshot, until it is proved
        for kind in ("snapshot", "mirror"):
            if aside in self._call(kind, "list", "-raw").split():
                self._call(kind, "drop", "-force", aside)
        keyrings = write_keyrings(source, self.folder / "keyrings")
        trusting = [f"-keyring={keyring}" for keyring in keyrings]
        chosen = " | ".join(f"{one.name} (= {one.version})" for one in snapshot.packages)
        # The security suite calls its components by other names in its Release than where they are.
        self._call(
            "mirror", "create", f"-architectures={architecture}", "-force-components", *trusting,
            f"-filter={chosen or NOTHING}", aside, source.uri, source.suite, *source.components,
        )  # fmt: skip
        self._call("mirror", "update", "-max-tries=3", *trusting, aside, timeout=FETCH_TIMEOUT)
        self._call("snapshot", "create", aside, "from", "mirror", aside)
        if problem := self._difference(aside, snapshot):
            raise DeployKitError(
                f"{source.uri} {source.suite} is not what its list said: {problem}",
                "it has moved meanwhile: run this again",
            )
        self._call("snapshot", "rename", aside, snapshot.name)
        self._call("mirror", "drop", "-force", aside)  # aptly shows the snapshot no more then

    def publish(self, one: PackageSet, site: str, key: SigningKey, architecture: str) -> Path:
        """Lay the set's suites out for apt, signed by the site's key; returns the folder.

        Nothing is done where that is there. The files are links into the pool.
        """
        target = self.published[site] / one.digest
        for snapshot in one.snapshots:
            if (target / "dists" / snapshot.suite / "InRelease").is_file():
                continue
            place = f"filesystem:{site}:{one.digest}"
            self._withdraw(snapshot.suite, place)
            self._call(
                "publish", "snapshot", "-batch", f"-gpg-key={key.fingerprint}",
                f"-architectures={architecture}", f"-distribution={snapshot.suite}",
                f"-suite={snapshot.suite}", f"-component={COMPONENT}", f"-origin={ORIGIN}",
                f"-label={snapshot.name}", "-skip-contents", "-skip-bz2", snapshot.name, place,
                home=key.home,
            )  # fmt: skip
        return target

    def withdraw(self, digest: str, site: str) -> None:
        """Take a published set of `site` away, as far as it is there."""
        place = f"filesystem:{site}:{digest}"
        for line in self._call("publish", "list", "-raw").splitlines():
            where, _, suite = line.partition(" ")
            if where == place:
                self._withdraw(suite, place)

    def drop(self, name: str) -> None:
        """Forget a snapshot that is published nowhere; its files go with `clean`."""
        self._call("snapshot", "drop", "-force", name)

    def clean(self) -> None:
        """Remove from the pool what no snapshot has."""
        self._call("db", "cleanup", timeout=FETCH_TIMEOUT)

    def _withdraw(self, suite: str, place: str) -> None:
        with _quietly():
            self._call("publish", "drop", "-force-drop", suite, place)

    def _difference(self, name: str, snapshot: Snapshot) -> str:
        """How aptly's snapshot of that name differs from what was asked for; '' if it does not."""
        words = ("snapshot", "show", "-with-packages", name)
        said = self._call(*words).splitlines()
        there = {line.strip() for line in said if line.startswith("  ") and "_" in line}
        wanted = {package.key for package in snapshot.packages}
        if missing := sorted(wanted - there):
            return f"it lacks {missing[0]}, one of {len(missing)}"
        if more := sorted(there - wanted):
            return f"it has {more[0]}, one of {len(more)}"
        for package in snapshot.packages:
            file = self.pool_file(package)
            if not file.is_file() or file.stat().st_size != package.size:
                return f"{package.file} has another digest"
        return ""

    def _call(self, *words: str, timeout: float = TIMEOUT, home: Path | None = None) -> str:
        """What aptly printed. Raises CommandFailed."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = self.folder / "aptly.conf"
        text = json.dumps(self._config(), indent=1, sort_keys=True)
        if not config.is_file() or config.read_text(encoding="utf-8") != text:
            files.write(config, text)
        proxies = self._proxies() if words[:2] in FETCHING else {}
        # Signatures are checked without an agent; only who signs has one.
        plain = nullcontext(self.folder / "gnupg")
        with plain if home is None else gpg_home(home) as gnupg:
            gnupg.mkdir(parents=True, exist_ok=True, mode=0o700)
            done = self.runner(
                ["aptly", f"-config={config}", *words],
                timeout=timeout,
                env={"GNUPGHOME": str(gnupg), "LC_ALL": "C.UTF-8", **proxies},
                log=self.log,
                title=f"aptly {' '.join(words[:2])}",
            )
        return done.stdout

    def _config(self) -> dict[str, object]:
        return {
            "rootDir": str(self.folder),
            "downloadRetries": 3,
            "databaseOpenAttempts": 60,
            "gpgProvider": "gpg",
            "FileSystemPublishEndpoints": {
                site: {"rootDir": str(root), "linkMethod": "hardlink", "verifyMethod": "size"}
                for site, root in self.published.items()
            },
        }

    def _proxies(self) -> dict[str, str]:
        """aptly asks the environment for a proxy, where apt has settings."""
        names = {"http_proxy": "Acquire::http::Proxy", "https_proxy": "Acquire::https::Proxy"}
        words = [word for name, setting in names.items() for word in (name, setting)]
        said = self.runner(["apt-config", "shell", *words], timeout=20).stdout
        told = dict(word.partition("=")[::2] for word in shlex.split(said))
        return {
            name: value
            for name, value in told.items()
            if value not in ("", "DIRECT") and name not in os.environ
        }


@contextmanager
def _quietly() -> Iterator[None]:
    """For what may not be there."""
    try:
        yield
    except DeployKitError:
        return


def architecture_of_host(runner: Runner = run) -> str:
    """What Debian calls this machine's architecture."""
    words: Sequence[str] = ["dpkg", "--print-architecture"]
    return runner(words, timeout=20).stdout.strip()
