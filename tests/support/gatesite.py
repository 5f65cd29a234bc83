"""A gate on a real Gerrit: two projects, people, and jobs that look for the word BAD."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploykit.bugs.trackers import Tracker
from deploykit.gate.changes import Ruling
from deploykit.gate.config import Config, read_config
from deploykit.gate.joblogs import JobLogs
from deploykit.gate.merged_bugs import MergedBugs
from deploykit.gate.post import Holds
from deploykit.gate.reconcile import Gate
from deploykit.gate.site import Opened, Surroundings, assembled
from deploykit.logs.rechecks import Rechecks
from deploykit.logs.signatures import Signature
from deploykit.logs.store import Store
from gerrit import Gerrit, git
from jobprocesses import JobProcesses

LINES = "".join(f"{number}\n" for number in range(1, 21))
CONFIG = """gerrit:
  url: {url}
  ssh: 127.0.0.1:{ssh_port}
  account: admin
  password: password
  key: {key}
  host_keys: {host_keys}
trusted: Administrators
queues:
  integrated: {{projects: [{a}, {b}], branches: [master]}}
jobs:
  words: {{run: [sh, -c, "sleep {sleep}; ! (cd {a} && grep -rn BAD --include=*.txt .)"]}}
"""
# What a release is made of: one project by its address, and the one that this lies in.
MANIFEST = """books:
  - {{book: alpha, git: "{url}/{a}", branch: master}}
  - {{book: beta, git: "{{here}}", branch: HEAD}}
"""
PINS = "pins: {{project: {b}, manifest: gitshelf.yml, path: pins.yml}}\n"


def joblogs_in(folder: Path) -> JobLogs:
    """Logs as a site of `folder` would keep them; a fault of the jobs is known."""
    signature = Signature(
        "bad-word", pattern="BAD", message="somebody wrote BAD", bug="https://bugs.example.org/17"
    )
    return JobLogs(Store(folder / "runs"), Rechecks(folder / "runs"), lambda: [signature])


@dataclass
class GateSite:
    """`folder` holds what the gate knows; `server` is the review server."""

    server: Gerrit
    folder: Path
    name: str
    sleep: float = 0.0
    more: str = ""  # of gate.yml; {a} and {b} are the projects
    books: str = ""  # of the manifest, besides the projects
    holds: Holds | None = None
    said: list[str] = field(default_factory=list)
    rulings: dict[str, Ruling] = field(default_factory=dict)
    trackers: list[Tracker] = field(default_factory=list)
    executor: Any = None  # its own processes, if it is given none
    pushed: int = field(default=0, init=False)
    hook: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.projects = (f"{self.name}/alpha", f"{self.name}/beta")
        for project in self.projects:
            files = {"lines.txt": LINES, "other.txt": "1\n"}
            if project == self.projects[1]:
                files["gitshelf.yml"] = (
                    MANIFEST.format(url=self.server.url, a=self.projects[0]) + self.books
                )
            self.server.project(project, files)
        admin = self.server.accounts["admin"]
        password = self.folder / "password"
        password.write_text(f"{admin.password}\n", encoding="utf-8")
        password.chmod(0o600)
        (self.folder / "gate.yml").write_text(
            (CONFIG + self.more).format(
                url=self.server.url, ssh_port=self.server.ssh_port, key=admin.key,
                host_keys=self.server.known_hosts, a=self.projects[0], b=self.projects[1],
                sleep=self.sleep,
            ),
            encoding="utf-8",
        )  # fmt: skip
        self.hook = self.server.folder / "hook"
        if not self.hook.exists():
            self.hook.write_bytes(_download(f"{self.server.url}/tools/hooks/commit-msg"))
            self.hook.chmod(0o755)
        self.executor = self.executor or JobProcesses(self.folder / "jobs")

    @property
    def config(self) -> Config:
        return read_config(self.folder / "gate.yml")

    def say(self, text: str) -> None:
        self.said.append(text)

    def gate(self) -> Gate:
        """A gate that is started now: nothing of an earlier one is in it."""
        return self.opened().gate

    def opened(self) -> Opened:
        def rulings(changes: object) -> dict[str, Ruling]:
            return self.rulings

        bugs = MergedBugs(self.folder / "bugs", self.trackers, self.say)
        around = Surroundings(
            self.folder / "state", self.executor, rulings, joblogs_in(self.folder), bugs, self.holds
        )
        return assembled(self.config, around, self.say)

    def push(
        self, files: dict[str, str], *, project: int = 0, message: str = "Change", on: str = "",
        account: str = "admin", renamed: tuple[str, str] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """A new change by plain git, on `on` or the branch; what Gerrit says of it."""
        name = self.projects[project]
        clone = self.folder / f"clone-{account}-{project}"
        if not clone.exists():
            self.server.clone(name, account, clone)
            (clone / ".git/hooks/commit-msg").symlink_to(self.hook)
        env = self.server.ssh(account)
        git(clone, "fetch", "--quiet", "origin", env=env)
        git(clone, "checkout", "--quiet", on or "origin/master")
        for path, text in files.items():
            (clone / path).write_text(text, encoding="utf-8")
        if renamed:
            git(clone, "mv", *renamed)
        git(clone, "add", "--all")
        # Gerrit's hook makes the Change-Id of parent, message and second: two that are equal in all
        # three would be two patch sets of one change.
        self.pushed += 1
        when = {"GIT_COMMITTER_DATE": f"{int(time.time()) + self.pushed} +0000"}
        git(clone, "commit", "--quiet", "-m", message, env=when)
        git(clone, "push", "--quiet", "origin", "HEAD:refs/for/master", env=env)
        commit = git(clone, "rev-parse", "HEAD").strip()
        return dict(self.server.call("GET", f"/changes/?q=commit:{commit}")[0], commit=commit)

    def tip(self, project: int = 0, branch: str = "master") -> str:
        """The commit of a branch; '' if there is none."""
        words = ["ls-remote", f"ssh://admin@127.0.0.1:{self.server.ssh_port}/"
                 f"{self.projects[project]}", f"refs/heads/{branch}"]  # fmt: skip
        return git(self.folder, *words, env=self.server.ssh("admin"))[:40]

    def text(self, path: str, project: int = 0) -> str:
        """A file on master; '' if there is none."""
        clone = self.folder / f"looking-{project}"
        self.server.clone(self.projects[project], "admin", clone)
        file = clone / path
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def push_private(self, files: dict[str, str], branch: str, *, on: str = "") -> str:
        """A commit on master (or `on`), pushed to a branch without review; returns it."""
        clone = self.folder / "clone-private"
        if not clone.exists():
            self.server.clone(self.projects[0], "admin", clone)
        env = self.server.ssh("admin")
        git(clone, "fetch", "--quiet", "origin", env=env)
        git(clone, "checkout", "--quiet", on or "origin/master")
        for path, text in files.items():
            (clone / path).write_text(text, encoding="utf-8")
        git(clone, "commit", "--quiet", "--all", "-m", "Private")
        git(clone, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}", env=env)
        return git(clone, "rev-parse", "HEAD").strip()

    def approve(self, change: dict[str, Any], **labels: int) -> None:
        labels = labels or {"Code-Review": 2, "Workflow": 1}
        where = f"/changes/{change['_number']}/revisions/current/review"
        self.server.call("POST", where, {"labels": labels})

    def now(self, change: dict[str, Any]) -> dict[str, Any]:
        where = f"/changes/{change['_number']}/?o=MESSAGES&o=DETAILED_LABELS"
        return dict(self.server.call("GET", where))

    def texts(self, change: dict[str, Any]) -> str:
        return "\n".join(message["message"] for message in self.now(change)["messages"])


def _download(url: str) -> bytes:
    import urllib.request

    with urllib.request.urlopen(url, timeout=30) as answer:
        return bytes(answer.read())
