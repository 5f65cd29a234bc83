"""What the gate does for private branches: their jobs run on every push.

A pass may take a branch along. Nothing is commented: a failure stands in the gate's log and in
`deploy-kit gate status`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

from deploykit.gate.builds import Status
from deploykit.gate.changes import Change, Item
from deploykit.gate.config import Config
from deploykit.gate.facts import tips_of
from deploykit.gate.order import Queue
from deploykit.gate.plan import planned
from deploykit.gate.private import Branch, Drop, Move, Note, Try, build_of, next_private
from deploykit.gate.queue import Start
from deploykit.gate.rest import Server
from deploykit.gate.saying import Saying
from deploykit.gate.trees import PushRefused, State, Tips, Trees
from deploykit.gate.work import Work


@dataclass(frozen=True, slots=True)
class Standing:
    """A private branch for people and machines; `queue` is the pipeline it is measured by."""

    queue: str
    json: dict[str, Any]


@dataclass
class PrivateBranches:
    """Those of the gate's projects."""

    config: Config
    server: Server
    trees: Trees
    work: Work
    saying: Saying

    def look(self, tips: Tips) -> bool:
        """Do what pushes to private branches ask for; whether anything was done."""
        private = self.config.private
        if private is None:
            return False
        branches = self._branches(tips)
        done = False
        for action in next_private(branches, self.work.statuses(), private.moves):
            if isinstance(action, Drop):
                self.saying.say(f"cancelled: {action.build.ask}: the branch moved on")
                self.work.cancel(action.build)
            elif isinstance(action, Try):
                self._try(action.branch, tips)
            elif isinstance(action, Move):
                done |= self._move(action.branch, tips)
                continue
            elif isinstance(action, Note):
                self._note(action)
                continue
            done = True
        return done

    def standing(self, tips: Tips) -> list[Standing]:
        """How the jobs of every private branch stand that is not merged."""
        if self.config.private is None:
            return []
        builds, standings = self.work.statuses(), []
        for branch in self._branches(tips):
            queue = self._queue_for(branch.project)
            if queue is None or branch.merged:
                continue
            build = build_of(branch, builds, exact=bool(self.config.private.moves))
            branch_json = {
                "project": branch.project,
                "branch": branch.name,
                "commit": branch.commit,
                "state": str(builds.get(build, "waiting")),
                "failed": self.work.failed_logs(build),
            }
            standings.append(Standing(queue.pipeline, branch_json))
        return standings

    def _branches(self, tips: Tips) -> list[Branch]:
        """The private branches as they are now. Raises GerritAway, Unfetched."""
        assert self.config.private is not None
        pattern, branches = self.config.private.pattern, []
        start = pattern.split("*")[0]
        for project in sorted(self.config.projects):
            queue = self._queue_for(project)
            if queue is None or (project, queue.branch) not in tips:
                continue
            path = f"/projects/{quote(project, safe='')}/branches/"
            for info in self.server.get(path, [("m", start)]):
                name, commit = str(info["ref"]).removeprefix("refs/heads/"), str(info["revision"])
                if fnmatchcase(name, pattern) and name.count("/") == pattern.count("/"):
                    self.trees.bring(project, {commit: str(info["ref"])})
                    branches.append(self._branch(project, name, commit, queue, tips))
        return branches

    def _queue_for(self, project: str) -> Queue | None:
        """The queue whose branch a project's private branches are measured by."""
        assert self.config.private is not None
        moves = self.config.private.moves
        fitting = (
            queue for queue in self.config.queues
            if project in queue.projects and moves in ("", queue.branch)
        )  # fmt: skip
        return next(fitting, None)

    def _branch(self, project: str, name: str, commit: str, queue: Queue, tips: Tips) -> Branch:
        tip = tips[project, queue.branch]
        state = self._state(project, commit, queue, tips)
        merged = self.trees.contains(project, tip, commit)
        forward = self.trees.contains(project, commit, tip)
        return Branch(project, name, commit, queue.branch, state.digest, merged, forward)

    def _state(self, project: str, commit: str, queue: Queue, tips: Tips) -> State:
        commits = {**tips_of(queue, tips), (project, queue.branch): commit}
        return State(commits, self.trees.digest(commits))

    def _try(self, branch: Branch, tips: Tips) -> None:
        queue = self._queue_for(branch.project)
        assert queue is not None
        state = self._state(branch.project, branch.commit, queue, tips)
        place = (branch.project, branch.onto)
        fork = self.trees.fork(branch.project, tips[place], branch.commit)
        before = State({**state.commits, place: fork}, "")
        change = Change(branch.name, branch.project, branch.onto, branch.commit)
        start = Start(branch.build, Item((change,)), (branch.commit,))
        self.saying.say(f"started: {branch.name} of {branch.project} at {branch.commit[:12]}")
        self.work.start(planned(self.config, self.trees, before, state, start))

    def _move(self, branch: Branch, tips: Tips) -> bool:
        """Whether the branch moved. If it is no longer where it was, the next round looks."""
        place = (branch.project, branch.onto)
        try:
            moved = self.trees.push(place, tips[place], branch.commit)
        except PushRefused as error:
            self.saying.once(f"{branch.name} cannot go on to {branch.onto}: {error.message}")
            return False
        if moved:
            self.saying.say(
                f"moved: {branch.onto} of {branch.project} to {branch.name}, which passed"
            )
        return moved

    def _note(self, note: Note) -> None:
        name = f"{note.branch.name} of {note.branch.project} at {note.branch.commit[:12]}"
        if note.status is not Status.PASSED:
            logs = [f"{job}: {log}" for job, log in self.work.failed_logs(note.build).items()]
            outcome = "; ".join(logs) or "no jobs could be made"
            self.saying.once(f"{note.status}: {name}; {outcome}")
        elif not note.branch.forward:
            self.saying.once(f"passed: {name}; it does not stand on {note.branch.onto}: rebase it")
        else:
            self.saying.once(f"passed: {name}")
