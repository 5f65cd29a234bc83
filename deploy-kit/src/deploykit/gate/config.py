"""`gate.yml` of the site: the review server, the queues, who is trusted, and the jobs."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.base.naming import parse_name
from deploykit.base.yamlfile import Value, load
from deploykit.gate.order import Queue
from deploykit.jobs import GIB
from deploykit.site.promotion import seconds

FILE = "gate.yml"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")
KEYS = frozenset(
    {"gerrit", "trusted", "approvals", "vote", "queues", "jobs", "home", "pins", "post", "private"}
)
GERRIT_KEYS = frozenset({"url", "ssh", "account", "password", "key", "host_keys"})
QUEUE_KEYS = frozenset({"projects", "branches", "window", "floor"})
JOB_KEYS = frozenset({"run", "projects", "paths", "in", "timeout", "memory", "pod"})
POD_KEYS = frozenset({"from", "keep"})
MEMORY = re.compile(r"([1-9]\d{0,5})([MG])")
INSIDE = re.compile(r"(?!.*(?:^|/)\.{0,2}(?:/|$))[^\0\n\t]+")  # no '..', no '/' at the ends
APPROVALS = {"Code-Review": 2, "Workflow": 1}
TIMEOUT = 1800  # seconds of a job that says nothing else
KEEP = 3600  # seconds that the pod of a failed job stays


@dataclass(frozen=True, slots=True)
class PodWish:
    """A pod for a job: nodes like those of the environment `source`; it stays for `keep` seconds if
    the job fails."""

    source: str
    keep: int = KEEP


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
            not self.paths or any(fnmatchcase(path, one) for path in paths for one in self.paths)
            for project, paths in touched.items()
            if project in self.projects
        )


@dataclass(frozen=True, slots=True)
class Access:
    """How the review server is reached; `password`, `key` and `host_keys` are files."""

    url: str
    account: str
    password: Path
    ssh_host: str
    ssh_port: int
    key: Path
    host_keys: Path


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
    keys = top.mapping(KEYS)
    for name in ("gerrit", "queues", "jobs"):
        if name not in keys:
            raise top.error(f"'{name}' is missing")
    queues = tuple(
        queue for name, value in keys["queues"].mapping().items() for queue in _queues(name, value)
    )
    _demand_apart(queues, keys["queues"])
    projects = frozenset(project for queue in queues for project in queue.projects)
    approvals = dict(APPROVALS)
    if "approvals" in keys:
        approvals = {k: value.whole(1) for k, value in keys["approvals"].mapping().items()}
    return Config(
        _access(keys["gerrit"], file.parent),
        queues,
        tuple(_job(name, value, projects) for name, value in keys["jobs"].mapping().items()),
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
        return tuple(_job(name, one, projects) for name, one in keys["jobs"].mapping().items())


def _home(value: Value, projects: frozenset[str]) -> tuple[str, str]:
    keys = _all_of(value, "project", "path")
    return _known(keys["project"], projects), keys["path"].text()


def _all_of(value: Value, *names: str) -> dict[str, Value]:
    keys = value.mapping(frozenset(names))
    for name in names:
        if name not in keys:
            raise value.error(f"'{name}' is missing")
    return keys


def _known(value: Value, projects: frozenset[str]) -> str:
    if (project := value.text()) not in projects:
        raise value.error(f"no queue has the project '{project}'")
    return project


def _pins(value: Value, projects: frozenset[str]) -> Pins:
    keys = _all_of(value, "project", "manifest", "path")
    for name in ("manifest", "path"):
        if not INSIDE.fullmatch(keys[name].text()):
            raise keys[name].error("expected a path inside the project", "deploy-kit/pins.yml")
    manifest, path = keys["manifest"].text(), keys["path"].text()
    if manifest == path:
        raise keys["path"].error("the pins would overwrite the manifest they are made from")
    return Pins(_known(keys["project"], projects), manifest, path)


def _post(value: Value, projects: frozenset[str]) -> Post:
    keys = value.mapping(frozenset({"jobs", "hold"}))
    if "jobs" not in keys:
        raise value.error("'jobs' is missing")
    jobs = tuple(_job(name, one, projects) for name, one in keys["jobs"].mapping().items())
    return Post(jobs, tuple(one.text() for one in keys["hold"].items()) if "hold" in keys else ())


def _private(value: Value, queues: tuple[Queue, ...]) -> Private:
    keys = _all_of(value, "pattern", "moves")
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


def _access(value: Value, folder: Path) -> Access:
    keys = value.mapping(GERRIT_KEYS)
    for name in sorted(GERRIT_KEYS):
        if name not in keys:
            raise value.error(f"'{name}' is missing")
    url = keys["url"].text().rstrip("/")
    if not re.fullmatch(r"https?://[^\s@?#]+", url):
        raise keys["url"].error(f"'{url}' is no address of a server", "https://review.example.org")
    if url.startswith("http://") and not re.match(r"http://(127\.0\.0\.1|localhost|\[::1\])[:/]",
                                                  f"{url}/"):  # fmt: skip
        raise keys["url"].error("the password would travel in the clear", "use https")
    host, _, port = keys["ssh"].text().rpartition(":")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", host) or not port.isdecimal():
        raise keys["ssh"].error("expected HOST:PORT", "review.example.org:29418")
    account = keys["account"].text()
    if not NAME.fullmatch(account):
        raise keys["account"].error(f"'{account}' is no account's name")

    def file(name: str) -> Path:
        return folder / Path(keys[name].text()).expanduser()

    return Access(url, account, file("password"), host, int(port), file("key"), file("host_keys"))


def _queues(name: str, value: Value) -> list[Queue]:
    if not NAME.fullmatch(name):
        raise value.error(f"'{name}' is not a name")
    keys = value.mapping(QUEUE_KEYS)
    for key in ("projects", "branches"):
        if key not in keys:
            raise value.error(f"'{key}' is missing")
    projects = frozenset(_project(item) for item in keys["projects"].items())
    sizes = {key: keys[key].whole(1) for key in ("window", "floor") if key in keys}
    return [Queue(name, item.text(), projects, **sizes) for item in keys["branches"].items()]


def _project(value: Value) -> str:
    text = value.text()
    if not PROJECT.fullmatch(text):
        raise value.error(f"'{text}' is no project's name")
    return text


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


def _job(name: str, value: Value, projects: frozenset[str]) -> Job:
    if not NAME.fullmatch(name):
        raise value.error(f"'{name}' is not a name")
    keys = value.mapping(JOB_KEYS)
    if "run" not in keys:
        raise value.error("'run' is missing", "run: [make, lint]")
    run = tuple(str(item.scalar()) for item in keys["run"].items())
    if not run:
        raise keys["run"].error("there is nothing to run")
    mine = projects
    if "projects" in keys:
        mine = frozenset(_project(item) for item in keys["projects"].items())
    folder = keys["in"].text() if "in" in keys else ""
    for unknown in sorted((mine | ({folder} if folder else set())) - projects):
        raise value.error(f"no queue has the project '{unknown}'", f"{', '.join(sorted(projects))}")
    paths = tuple(item.text() for item in keys["paths"].items()) if "paths" in keys else ()
    timeout = seconds(keys["timeout"]) if "timeout" in keys else TIMEOUT
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
    return PodWish(source, seconds(keys["keep"]) if "keep" in keys else KEEP)


def config_file(folder: Path) -> Path:
    """The site's gate.yml. Raises InputError where it has none."""
    file = folder / FILE
    if not file.is_file():
        raise InputError(f"{folder} has no {FILE}, so it has no gate", "docs/gate.md shows one")
    return file
