"""The jobs of a gate on a site's own checkout: real states of a real repository, no Gerrit."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploykit.base import times
from deploykit.base.errors import InputError
from deploykit.gate import running
from deploykit.gate.builds import CHECK, Build
from deploykit.gate.job import Job, PodWish
from deploykit.gate.trees import Remote, State, Trees
from deploykit.gate.work import BuildPlan, Work
from deploykit.jobs import JobSpec, JobState, Phase, Result
from deploykit.pods import Pod
from deploykit.pods.listing import pods_up
from deploykit.site import Site
from trainworld import git

GATE = """gerrit:
  url: https://review.example.org
  ssh: review.example.org:29418
  account: gate
  password: none
  key: none
  host_keys: none
queues:
  integrated: {projects: [world], branches: [main]}
jobs:
  in-pod: {run: ["true"], pod: {from: test}}
home: {project: world, path: deploy-kit/gate.yml}
"""
PROJECT = ("world", "main")


class NoExecutor:
    """Keeps what it was asked to start; starts nothing. Jobs end when a test says so."""

    def __init__(self) -> None:
        self.specs: list[JobSpec] = []
        self._states: dict[str, JobState] = {}

    def start(self, spec: JobSpec) -> str:
        self.specs.append(spec)
        return spec.id

    def poll(self, id: str) -> JobState:
        if id not in self._states:
            raise InputError(f"there is no job '{id}'")
        return self._states[id]

    def end(self, result: Result) -> None:
        """The last job that was started has ended now."""
        spec, now = self.specs[-1], times.utc_now()
        self._states[spec.id] = JobState(
            spec.id, spec.item, Phase.ENDED, now, "", result, "", now, now
        )

    def forget(self) -> None:
        self.specs.clear()
        self._states.clear()


@dataclass
class Lane:
    """The gate of the site `site`, whose one project is `checkout`; pods are like `source`'s."""

    checkout: Path
    site: Site
    source: str = "test"
    executor: Any = field(default_factory=NoExecutor)

    def __post_init__(self) -> None:
        self.folder = self.site.state / "gate"
        self.trees = Trees(self.folder / "stores", Remote(f"file://{self.checkout}"))
        self.work = Work(self.folder / "builds", self.executor, self.trees)
        (self.site.folder / "gate.yml").write_text(GATE)
        self._git("add", ".")
        self._git("commit", "-qm", "a gate")

    def propose(self, files: Mapping[str, str]) -> str:
        """A commit on top of main, which main does not have."""
        self._git("checkout", "-q", "-b", "proposed", "main")
        for path, text in files.items():
            (self.checkout / path).write_text(text)
        self._git("add", ".")
        self._git("commit", "-qm", "proposed")
        commit = self.commit("proposed")
        self.state(commit)  # fetched: nothing else keeps it
        self._git("checkout", "-q", "main")
        self._git("branch", "-qD", "proposed")
        return commit

    def _git(self, *words: str) -> None:
        git(self.checkout, "-c", "user.name=T", "-c", "user.email=t@example.org", *words)

    def commit(self, name: str = "main") -> str:
        words = ["git", "-C", str(self.checkout), "rev-parse", name]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    def state(self, commit: str) -> State:
        self.trees.bring("world", {commit: commit})
        commits = {PROJECT: commit}
        return State(commits, self.trees.digest(commits))

    def build(self, commit: str, script: str, *, pipeline: str = CHECK, **wish: Any) -> BuildPlan:
        """A build that tests `commit` by a shell script in a pod, written down as the gate does."""
        state, before = self.state(commit), self.state(self.commit())
        pod = PodWish(self.source, **wish)
        job = Job("in-pod", ("sh", "-c", script), frozenset(), folder="world", pod=pod)
        build = Build(pipeline, (commit,), state.digest, "")
        plan = BuildPlan(build, "17", "t", state.commits, (job,), before=before.commits,
                         site=str(self.site.folder))  # fmt: skip
        self.work.start(plan)
        return plan

    def run(self, plan: BuildPlan) -> int:
        """The job's exit status, run in this process as the executor's process does."""
        return running.main([str(self.folder / "builds" / plan.build.id), "in-pod", "1"])

    def pods(self) -> list[Pod]:
        return list(pods_up(self.site))


def wait_for(file: Path) -> str:
    """What a job wrote to `file`, once it is there."""
    from deploykit.base.waiting import wait_until

    assert wait_until(file.exists, 300), file  # a busy machine takes long for a pod
    return file.read_text()
