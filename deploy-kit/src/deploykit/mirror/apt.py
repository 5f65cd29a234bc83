"""apt asked, in folders of its own, what a node would install: nothing of this machine is looked at
but how to fetch, and nothing is installed.

aptly can follow dependencies too, but within one mirror only: what a package of the security suite
needs of the main one is not seen there. apt is what decides on nodes, so it decides here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploykit.base import files
from deploykit.base.errors import DeployKitError
from deploykit.base.parallel import in_parallel
from deploykit.base.process import Runner, run
from deploykit.mirror.indexes import find_packages, needed_everywhere, parse_simulation
from deploykit.mirror.packageset import PackageSet, Snapshot
from deploykit.mirror.sources import Source, render_sources

LISTS_TIMEOUT = 1800.0  # seconds
QUESTION_TIMEOUT = 900.0
AT_ONCE = 2
FOLDERS = ("etc/preferences.d", "etc/apt.conf.d", "etc/sources.list.d", "lists/partial",
           "archives/partial")  # fmt: skip
# How to fetch, from this machine's settings; where keys and passwords are is not among them.
FETCH = re.compile(
    r'Acquire::((https?|ftp)::(Proxy(::[\w.-]+)?|Timeout|Dl-Limit)|Retries|ForceIPv[46]) ".+";'
)
CONFIG = """\
Dir::Etc "{folder}/etc";
Dir::Etc::Parts "{folder}/etc/apt.conf.d";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::Trusted "/etc/apt/trusted.gpg";
Dir::Etc::TrustedParts "/etc/apt/trusted.gpg.d";
Dir::State "{folder}";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
"""


@dataclass(frozen=True, slots=True)
class Apt:
    """apt in `folder`, for the sources' packages of one architecture."""

    folder: Path
    sources: tuple[Source, ...]
    architecture: str
    log: Path
    runner: Runner = run

    def update(self) -> None:
        """Fetch the lists of the sources, whose signatures are checked. Raises CommandFailed."""
        for name in FOLDERS:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        settings = self.runner(["apt-config", "dump"], timeout=20).stdout.splitlines()
        config = CONFIG.format(folder=self.folder, architecture=self.architecture)
        fetching = "".join(f"{line}\n" for line in settings if FETCH.fullmatch(line))
        files.write(self.folder / "apt.conf", config + fetching, mode=0o600)
        files.write(self.folder / "status", "")
        listed = self.folder / "etc/sources.list.d/mirror.sources"
        files.write(listed, render_sources(self.sources))
        words = ["-q", "-o", "APT::Update::Error-Mode=any", "update"]
        self._get(words, LISTS_TIMEOUT)

    def resolve(self, roots: Mapping[str, Sequence[str]]) -> PackageSet:
        """The packages that each role's `roots` bring to an empty machine, as one set.

        What no Debian is without is among them all. Raises DeployKitError that says what apt cannot
        find or bring together.
        """
        indexes = self._indexes()
        bare = frozenset[str]().union(*map(needed_everywhere, indexes.values())) | {"apt"}
        answers = in_parallel(
            roots.items(), lambda role: self._simulate(role[0], bare.union(role[1])), AT_ONCE
        )
        chosen = {(n, version) for answer in answers for n, version in answer.items()}
        roles = {role: tuple(sorted(answer)) for role, answer in zip(roots, answers, strict=True)}
        return PackageSet(_shared_out(indexes, chosen), roles)

    def _simulate(self, role: str, names: Iterable[str]) -> dict[str, str]:
        words = ["-qq", "--simulate", "--no-install-recommends", "install", *sorted(names)]
        done = self.runner(
            ["apt-get", *words], timeout=QUESTION_TIMEOUT, env=self._env, log=self.log, check=False
        )
        if done.returncode != 0:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
            raise DeployKitError(
                f"the packages of {role} cannot be had together from the mirror's sources:\n{said}",
                f"name others in salt/pillar, or add a source\nthe whole log: {self.log}",
            )
        return parse_simulation(done.stdout)

    def _indexes(self) -> dict[str, str]:
        """The text of each suite's Packages index, the suites in the order of the sources."""
        words = ["indextargets", "--format", "$(CODENAME)|$(FILENAME)", "Created-By: Packages"]
        found = dict.fromkeys((source.suite for source in self.sources), "")
        for line in self._get(words, QUESTION_TIMEOUT).splitlines():
            suite, _, file = line.partition("|")
            # apt keeps them packed where it is told to.
            if suite in found and Path(file).is_file():
                found[suite] += Path(file).read_text(encoding="utf-8", errors="replace") + "\n\n"
        return found

    def _get(self, words: Sequence[str], timeout: float) -> str:
        done = self.runner(["apt-get", *words], timeout=timeout, env=self._env, log=self.log)
        return done.stdout

    @property
    def _env(self) -> dict[str, str]:
        return {"APT_CONFIG": str(self.folder / "apt.conf"), "LC_ALL": "C.UTF-8"}


def _shared_out(indexes: Mapping[str, str], chosen: set[tuple[str, str]]) -> tuple[Snapshot, ...]:
    """A snapshot per suite: each package in the first that has it."""
    left, found = set(chosen), []
    for suite, index in indexes.items():
        packages = {one.name: one for one in find_packages(index, left)}
        left -= {(one.name, one.version) for one in packages.values()}
        found.append(Snapshot(suite, tuple(sorted(packages.values()))))
    if left:
        name, version = min(left)
        raise DeployKitError(f"apt chose {name} {version}, which no list has")
    return tuple(found)
