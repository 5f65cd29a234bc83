"""A gate's job in a pod, on a train world: a real state of a real repository, pods of folders."""

from __future__ import annotations

import contextlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploykit.base.errors import InputError
from deploykit.gate import running
from deploykit.gate.builds import CHECK, Build
from deploykit.gate.config import Job, PodWish
from deploykit.gate.trees import Remote, State, Trees
from deploykit.gate.work import Kept, Work
from deploykit.jobs import JobSpec, JobState
from deploykit.pods import Pod
from deploykit.pods.listing import pods_up
from trainworld import World, git

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
    """Keeps what it was asked to start; starts nothing."""

    def __init__(self) -> None:
        self.specs: list[JobSpec] = []

    def start(self, spec: JobSpec) -> str:
        self.specs.append(spec)
        return spec.id

    def poll(self, id: str) -> JobState:
        raise InputError(f"there is no job '{id}'")


@dataclass
class Lane:
    """The gate of `world`, whose one project is the checkout itself."""

    world: World

    def __post_init__(self) -> None:
        self.checkout = self.world.folder / "checkout"
        self.folder = self.world.site.state / "gate"
        self.trees = Trees(self.folder / "stores", Remote(f"file://{self.checkout}"))
        self.executor = NoExecutor()
        self.work = Work(self.folder / "builds", self.executor, self.trees)  # type: ignore[arg-type]
        (self.checkout / "deploy-kit" / "gate.yml").write_text(GATE)
        git(self.checkout, "add", ".")
        git(self.checkout, "commit", "-qm", "a gate")

    def propose(self, **files: str) -> str:
        """A commit on top of main that main does not have: salt/states/NAME.sls, `outcome` as the
        state that fails."""
        git(self.checkout, "checkout", "-q", "-b", "proposed", "main")
        for name, text in files.items():
            path = "salt/outcome.json" if name == "outcome" else f"salt/states/{name}.sls"
            text = json.dumps({"failed": text}) if name == "outcome" else text
            (self.checkout / path).write_text(text)
        git(self.checkout, "add", ".")
        git(self.checkout, "commit", "-qm", "proposed")
        commit = self.commit("proposed")
        git(self.checkout, "checkout", "-q", "main")
        git(self.checkout, "branch", "-qD", "proposed")
        return commit

    def commit(self, name: str = "main") -> str:
        words = ["git", "-C", str(self.checkout), "rev-parse", name]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    def state(self, commit: str) -> State:
        self.trees.bring("world", {commit: commit})
        commits = {PROJECT: commit}
        return State(commits, self.trees.digest(commits))

    def build(self, commit: str, script: str, *, pipeline: str = CHECK, **wish: Any) -> Kept:
        """A build that tests `commit` by a shell script in a pod, written down as the gate does."""
        state, before = self.state(commit), self.state(self.commit())
        job = Job("in-pod", ("sh", "-c", script), frozenset(), folder="world",
                  pod=PodWish("test", **wish))  # fmt: skip
        build = Build(pipeline, (commit,), state.digest, "")
        kept = Kept(build, "17", "t", state.commits, (job,), before=before.commits,
                    site=str(self.world.site.folder))  # fmt: skip
        self.work.start(kept)
        return kept

    def run(self, kept: Kept) -> int:
        """The job's exit status, run in this process as the executor's process does."""
        return running.main([str(self.folder / "builds" / kept.build.id), "in-pod"])

    def pods(self) -> list[Pod]:
        return list(pods_up(self.world.site))

    def applied(self, node: str = "region") -> str:
        """The digest whose states the one pod had last."""
        (pod,) = self.pods()
        with contextlib.suppress(FileNotFoundError):
            return (self.world.provider.node(pod.instance, node) / "applied").read_text()
        return ""


def wait_for(file: Path) -> str:
    """What a job wrote to `file`, once it is there."""
    from deploykit.base.waiting import wait_until

    assert wait_until(file.exists, 60), file
    return file.read_text()
