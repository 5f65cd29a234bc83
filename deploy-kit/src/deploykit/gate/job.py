"""A job of gate.yml: what it runs, for which changes, and the pod that it wants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from deploykit.base.naming import parse_name
from deploykit.base.yamlfile import Value
from deploykit.jobs import GIB

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")
KEYS = frozenset({"run", "projects", "paths", "in", "timeout", "memory", "pod"})
POD_KEYS = frozenset({"from", "keep", "bare"})
MEMORY = re.compile(r"([1-9]\d{0,5})([MG])")
TIMEOUT = 1800  # seconds of a job that says nothing else
KEEP = 3600  # seconds that the pod of a failed job stays


@dataclass(frozen=True, slots=True)
class PodWish:
    """A pod for a job: nodes like those of the environment `source`; it stays for `keep` seconds if
    the job fails. `bare`: nothing was ever deployed to them before the state under test."""

    source: str
    keep: int = KEEP
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One job: `run` in the checkout of the project `folder` ('' for the folder above all).

    It belongs to changes of `projects` that touch one of `paths` (patterns; none: any path).
    `memory` is what it takes, its pod included, in bytes.
    """

    name: str
    run: tuple[str, ...]
    projects: frozenset[str]
    paths: tuple[str, ...] = ()
    folder: str = ""
    timeout: int = TIMEOUT
    memory: int = GIB
    pod: PodWish | None = None

    def concerns(self, touched: Mapping[str, tuple[str, ...]]) -> bool:
        """Whether it belongs to changes of these paths, by project."""
        return any(
            not self.paths
            or any(fnmatchcase(path, pattern) for path in paths for pattern in self.paths)
            for project, paths in touched.items()
            if project in self.projects
        )


def read_job(name: str, value: Value, projects: frozenset[str]) -> Job:
    """The job `name`; `projects` are those of the queues. Raises InputError with the line."""
    if not NAME.fullmatch(name):
        raise value.error(f"'{name}' is not a name")
    keys = value.mapping(KEYS)
    if "run" not in keys:
        raise value.error("'run' is missing", "run: [make, lint]")
    run = tuple(str(item.scalar()) for item in keys["run"].items())
    if not run:
        raise keys["run"].error("there is nothing to run")
    mine = projects
    if "projects" in keys:
        mine = frozenset(read_project(item) for item in keys["projects"].items())
    folder = keys["in"].text() if "in" in keys else ""
    for unknown in sorted((mine | ({folder} if folder else set())) - projects):
        raise value.error(f"no queue has the project '{unknown}'", f"{', '.join(sorted(projects))}")
    paths = tuple(item.text() for item in keys["paths"].items()) if "paths" in keys else ()
    timeout = keys["timeout"].seconds() if "timeout" in keys else TIMEOUT
    memory = _memory(keys["memory"]) if "memory" in keys else GIB
    pod = _pod(keys["pod"]) if "pod" in keys else None
    return Job(name, run, mine, paths, folder, timeout, memory, pod)


def _memory(value: Value) -> int:
    text = str(value.scalar())
    match = MEMORY.fullmatch(text)
    if match is None:
        raise value.error(f"not an amount of memory: '{text}'", "write 512M or 2G")
    return int(match[1]) * {"M": 2**20, "G": GIB}[match[2]]


def _pod(value: Value) -> PodWish:
    keys = value.mapping(POD_KEYS)
    if "from" not in keys:
        raise value.error("'from' is missing", "pod: {from: test}")
    source = parse_name(keys["from"])
    stays = keys["keep"].seconds() if "keep" in keys else KEEP
    return PodWish(source, stays, "bare" in keys and keys["bare"].flag())


def read_project(value: Value) -> str:
    """A project's name. Raises InputError with the line for what is none."""
    text = value.text()
    if not PROJECT.fullmatch(text):
        raise value.error(f"'{text}' is no project's name")
    return text
