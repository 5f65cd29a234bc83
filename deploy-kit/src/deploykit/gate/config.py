"""`gate.yml` of the site: the review server, the queues, who is trusted, and the jobs."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.base.yamlfile import Value, load
from deploykit.gate.access import Access, read_access
from deploykit.gate.job import NAME, Job, read_job, read_project
from deploykit.gate.order import Queue

FILE = "gate.yml"
KEYS = frozenset(
    {"gerrit", "trusted", "approvals", "vote", "queues", "jobs", "home", "pins", "post", "private"}
)
QUEUE_KEYS = frozenset({"projects", "branches", "window", "floor"})
HOME_KEYS = ("project", "path")
PINS_KEYS = ("project", "manifest", "path")
PRIVATE_KEYS = ("pattern", "moves")
INSIDE = re.compile(r"(?!.*(?:^|/)\.{0,2}(?:/|$))[^\0\n\t]+")  # no '..', no '/' at the ends
APPROVALS = {"Code-Review": 2, "Workflow": 1}


@dataclass(frozen=True, slots=True)
class Pins:
    """The file `path` of `project` is its `manifest` with what was tested together as pins."""

    project: str
    manifest: str
    path: str


@dataclass(frozen=True, slots=True)
class Post:
    """The jobs that run on a branch as merged; a failure holds the environments `hold`."""

    jobs: tuple[Job, ...] = ()
    hold: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Private:
    """Branches whose jobs run on every push, without review: their names fit `pattern`.

    `moves` is the branch that goes on to a commit of theirs that passed, '' for none.
    """

    pattern: str
    moves: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """What gate.yml says.

    `approvals`: the label votes that a change needs to enter a queue. `trusted`: the group of those
    whose code runs without anybody's word ('' for everybody who may push). `home`: the project and
    path where this file is kept, if changes of it go through the gate: then jobs are those that the
    state under test has. `pins`, `post` and `private` are what else happens to branches. `folder`
    is where gate.yml is: the site's.
    """

    access: Access
    queues: tuple[Queue, ...]
    jobs: tuple[Job, ...]
    approvals: Mapping[str, int] = field(default_factory=lambda: dict(APPROVALS))
    vote: str = "Verified"
    trusted: str = ""
    home: tuple[str, str] | None = None
    pins: Pins | None = None
    post: Post = field(default_factory=Post)
    private: Private | None = None
    folder: Path | None = None

    @property
    def projects(self) -> frozenset[str]:
        return frozenset(project for queue in self.queues for project in queue.projects)

    def places(self) -> frozenset[tuple[str, str]]:
        """Every (project, branch) that a queue is about."""
        return frozenset((p, queue.branch) for queue in self.queues for p in queue.projects)


def read_config(file: Path) -> Config:
    """The configuration in `file`. Raises InputError with file, line and key."""
    top = load(file)
    keys = top.mapping(KEYS, needed=("gerrit", "queues", "jobs"))
    queues = tuple(
        queue for name, value in keys["queues"].mapping().items() for queue in _queues(name, value)
    )
    _demand_apart(queues, keys["queues"])
    projects = frozenset(project for queue in queues for project in queue.projects)
    approvals = dict(APPROVALS)
    if "approvals" in keys:
        approvals = {k: value.whole(1) for k, value in keys["approvals"].mapping().items()}
    return Config(
        read_access(keys["gerrit"], file.parent),
        queues,
        tuple(read_job(name, value, projects) for name, value in keys["jobs"].mapping().items()),
        approvals,
        keys["vote"].text() if "vote" in keys else "Verified",
        keys["trusted"].text() if "trusted" in keys else "",
        _home(keys["home"], projects) if "home" in keys else None,
        _pins(keys["pins"], projects) if "pins" in keys else None,
        _post(keys["post"], projects) if "post" in keys else Post(),
        _private(keys["private"], queues) if "private" in keys else None,
        file.parent,
    )


def parse_jobs(text: str, projects: frozenset[str]) -> tuple[Job, ...]:
    """The jobs of a gate.yml that a change proposes; nothing else of it counts before it is merged.

    Raises InputError.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        file.write_text(text, encoding="utf-8")
        keys = load(file).mapping(KEYS)
        if "jobs" not in keys:
            raise InputError(f"{FILE}: 'jobs' is missing")
        return tuple(
            read_job(name, value, projects) for name, value in keys["jobs"].mapping().items()
        )


def _home(value: Value, projects: frozenset[str]) -> tuple[str, str]:
    keys = value.mapping(frozenset(HOME_KEYS), needed=HOME_KEYS)
    return _known_project(keys["project"], projects), keys["path"].text()


def _known_project(value: Value, projects: frozenset[str]) -> str:
    if (project := value.text()) not in projects:
        raise value.error(f"no queue has the project '{project}'")
    return project


def _pins(value: Value, projects: frozenset[str]) -> Pins:
    keys = value.mapping(frozenset(PINS_KEYS), needed=PINS_KEYS)
    for name in ("manifest", "path"):
        if not INSIDE.fullmatch(keys[name].text()):
            raise keys[name].error("expected a path inside the project", "deploy-kit/pins.yml")
    manifest, path = keys["manifest"].text(), keys["path"].text()
    if manifest == path:
        raise keys["path"].error("the pins would overwrite the manifest they are made from")
    return Pins(_known_project(keys["project"], projects), manifest, path)


def _post(value: Value, projects: frozenset[str]) -> Post:
    keys = value.mapping(frozenset({"jobs", "hold"}), needed=("jobs",))
    jobs = tuple(read_job(name, job, projects) for name, job in keys["jobs"].mapping().items())
    environments = keys["hold"].items() if "hold" in keys else ()
    return Post(jobs, tuple(environment.text() for environment in environments))


def _private(value: Value, queues: tuple[Queue, ...]) -> Private:
    keys = value.mapping(frozenset(PRIVATE_KEYS), needed=PRIVATE_KEYS)
    pattern, moves = keys["pattern"].text(), keys["moves"].text()
    branches = {queue.branch for queue in queues}
    if not re.match(r"[A-Za-z0-9][^*?\[]*/", pattern):
        raise keys["pattern"].error("expected a folder of branches to begin with", "private/*/*")
    for branch in sorted(branches):
        if fnmatchcase(branch, pattern):
            raise keys["pattern"].error(f"'{branch}' is a queue's branch: it wants review")
    if moves == "nothing":
        return Private(pattern)
    if moves not in branches:
        raise keys["moves"].error(
            f"no queue has the branch '{moves}'", f"{', '.join(sorted(branches))}, or nothing"
        )
    return Private(pattern, moves)


def _queues(name: str, value: Value) -> list[Queue]:
    if not NAME.fullmatch(name):
        raise value.error(f"'{name}' is not a name")
    keys = value.mapping(QUEUE_KEYS, needed=("projects", "branches"))
    projects = frozenset(read_project(item) for item in keys["projects"].items())
    sizes = {key: keys[key].whole(1) for key in ("window", "floor") if key in keys}
    return [Queue(name, item.text(), projects, **sizes) for item in keys["branches"].items()]


def _demand_apart(queues: tuple[Queue, ...], value: Value) -> None:
    """What is in two queues would be merged by both, each without the other's knowledge."""
    seen: dict[tuple[str, str], str] = {}
    for queue in queues:
        for project in sorted(queue.projects):
            place = (project, queue.branch)
            if place in seen:
                raise value.error(
                    f"{project} ({queue.branch}) is in the queues {seen[place]} and {queue.name}",
                    "leave it in one: those in one queue are tested together",
                )
            seen[place] = queue.name


def config_file(folder: Path) -> Path:
    """The site's gate.yml. Raises InputError if it has none."""
    file = folder / FILE
    if not file.is_file():
        raise InputError(f"{folder} has no {FILE}, so it has no gate", "docs/gate.md shows one")
    return file
