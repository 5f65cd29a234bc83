"""The gate's loop: read the facts, do what the queues say, look again.

Between two rounds it keeps caches alone, so it may be killed anywhere. Each act is one that can be
seen from outside when it is done (a comment with its mark, a merged change, a build's folder), and
is not asked for again then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from deploykit.base.errors import DeployKitError
from deploykit.gate import comments
from deploykit.gate.after import After
from deploykit.gate.branches import PrivateBranches
from deploykit.gate.builds import Build, Chain, Conflict, Merged
from deploykit.gate.changes import Change, rejected
from deploykit.gate.check import CheckAction, Vote, checked, next_checks
from deploykit.gate.config import Config
from deploykit.gate.facts import Reader, Reading, facts_of, queue_of, tips_of
from deploykit.gate.joblogs import JobLogs
from deploykit.gate.leftpods import LeftPods
from deploykit.gate.merged_bugs import MergedBugs
from deploykit.gate.order import Queue
from deploykit.gate.plan import planned
from deploykit.gate.post import without_post
from deploykit.gate.queue import (
    Action,
    Cancel,
    Prepare,
    Reject,
    Start,
    Submit,
    Tell,
    next_actions,
)
from deploykit.gate.rest import GerritRefused, Server, change_path
from deploykit.gate.saying import Saying
from deploykit.gate.trees import State, Trees
from deploykit.gate.work import Work

AT_ONCE = 8  # builds of the check pipeline
AGAIN = "\nTo try again: comment 'recheck'."
Merges = dict[Chain, Merged | Conflict]


class WrongTrees(DeployKitError):
    """What was merged is not what was tested: nothing more may be merged before people looked."""


class _Stop(Exception):
    """An act could not be done, so what would follow it must not be done either."""


@dataclass
class Gate:
    """One gate. It says what it does, a line for each act.

    `reading` is what it read last of the facts, None before its first round.
    """

    config: Config
    server: Server
    trees: Trees
    work: Work
    reader: Reader
    after: After
    branches: PrivateBranches
    logs: JobLogs
    bugs: MergedBugs
    pods: LeftPods | None
    saying: Saying
    reading: Reading | None = field(default=None, init=False)
    _merges: dict[str, tuple[object, Merges]] = field(default_factory=dict, init=False)

    def say(self, text: str) -> None:
        self.saying.say(text)

    def round(self) -> bool:
        """Do what there is to do now; whether anything was done, so that another round is due.

        Raises GerritAway, Unfetched (try again later), WrongTrees (do not).
        """
        done = False
        for queue in self.config.queues:
            reading = self.reader.read()
            # What a gate that was killed left undone is done before anything else is merged.
            done |= self.after.follow(queue, tips_of(queue, reading.tips))
            done |= self._do(self._decide(queue, reading), queue, reading)
        reading = self.reader.read() if done else reading
        done |= self._check(reading)
        for project, branch in sorted(self.config.places() - reading.tips.keys()):
            self.saying.once(f"{project} has no branch {branch}, or is not there: nothing is gated")
        done |= self.after.judge()
        done |= self.branches.look(reading.tips)
        self.logs.note_rechecks(reading.changes.values())
        self.bugs.note(reading.merges)
        if self.pods is not None:
            self.pods.note()
        for text in self.work.resume():
            self.say(text)
        self.reading = reading
        return done

    def _check(self, reading: Reading) -> bool:
        while True:
            builds = without_post(self.work.statuses())
            merges: Merges = {}
            for queue in self.config.queues:
                merges.update(self._known_merges(queue, reading))
            actions = next_checks(self.config.projects, facts_of(reading, merges, builds), AT_ONCE)
            prepares = [prepare for prepare in actions if isinstance(prepare, Prepare)]
            if not prepares:
                break
            by_commit = reading.by_commit()
            for prepare in prepares:
                queue = queue_of(self.config, by_commit[prepare.item[0]])
                self._prepare(queue, reading, prepare, alone=True)
        return self._do(actions, None, reading)

    def _decide(self, queue: Queue, reading: Reading) -> list[Action]:
        """What to do, once every merge is known that this hangs on."""
        while True:
            builds = without_post(self.work.statuses())
            facts = facts_of(reading, self._known_merges(queue, reading), builds)
            actions = next_actions(queue, facts)
            prepares = [prepare for prepare in actions if isinstance(prepare, Prepare)]
            if not prepares:
                return actions
            for prepare in prepares:
                if not self._prepare(queue, reading, prepare):
                    break

    def _known_merges(self, queue: Queue, reading: Reading) -> Merges:
        """The chains that were merged onto the present tips of a queue."""
        tips = tips_of(queue, reading.tips)
        key = sorted(tips.items())
        if self._merges.get(queue.pipeline, (None, {}))[0] != key:
            self._merges[queue.pipeline] = (key, {})
        return self._merges[queue.pipeline][1]

    def _prepare(
        self, queue: Queue, reading: Reading, prepare: Prepare, *, alone: bool = False
    ) -> bool:
        """Merge a chain; whether chains that begin with it can be merged, too.

        `alone`: all of the chain is one item (what a change is checked with).
        """
        item = prepare.chain if alone else prepare.item
        tips = tips_of(queue, reading.tips)
        merge = self.trees.state(tips, prepare.chain, item, reading.by_commit())
        if merge is None:
            return False
        self._known_merges(queue, reading)[prepare.chain] = merge
        return isinstance(merge, Merged)

    def _do(self, actions: Sequence[CheckAction], queue: Queue | None, reading: Reading) -> bool:
        """Do `actions`, as far as they can be done; whether anything was."""
        for count, action in enumerate(actions):
            try:
                self._act(action, queue, reading)
            except _Stop:
                return count > 0
        return bool(actions)

    def _act(self, action: CheckAction, queue: Queue | None, reading: Reading) -> None:
        if isinstance(action, Start):
            self._start(action, queue, reading)
        elif isinstance(action, Cancel):
            self.say(f"cancelled: build {action.build.id[:12]} ({action.build.pipeline})")
            self.work.cancel(action.build)
        elif isinstance(action, Tell):
            self.say(f"change {action.change.id}: {action.text}")
            self._review(action.change, comments.review(action.text, [(action.key, "")]))
        elif isinstance(action, Vote):
            self._vote(action)
        elif isinstance(action, Reject):
            self._reject(action)
        elif isinstance(action, Submit):
            assert queue is not None
            self._submit(action, queue, reading)

    def _start(self, action: Start, queue: Queue | None, reading: Reading) -> None:
        queue = queue or queue_of(self.config, action.item.changes[0])
        tips = tips_of(queue, reading.tips)
        state = self.trees.known(tips, action.chain)
        before = self._before(tips, action)
        plan = planned(self.config, self.trees, before, state, action)
        names = ", ".join(job.name for job in plan.jobs) or "no jobs"
        self.say(f"started: {action.item} on {action.build.trees[:12]} ({names})")
        self.work.start(plan)

    def _before(self, tips: dict[tuple[str, str], str], action: Start) -> State:
        """What the item stands on: so its paths are its own, not those of the items ahead."""
        ahead = action.chain[: len(action.chain) - len(action.item.commits)]
        try:
            return self.trees.known(tips, ahead)
        except KeyError:
            return State(tips, "")

    def _vote(self, vote: Vote) -> None:
        change = vote.change
        labels = {}
        text = vote.why[:1].upper() + vote.why[1:]
        robot = []
        if vote.passed is not None:
            labels[self.config.vote] = 1 if vote.passed else -1
        if vote.build is not None:
            text = f"{_verdict_words(vote.passed)}:\n{self._jobs_text(vote.build)}"
            robot = self._findings(vote.build) if vote.passed is False else []
        if vote.passed is None:
            text += AGAIN
        shown = f"{labels[self.config.vote]:+d}" if labels else "no vote, its jobs could not be run"
        self.say(f"change {change.id}: {self.config.vote} {shown}")
        body = comments.review(text, [(checked(change), "")], labels=labels, robot=robot)
        self._review(change, body)

    def _reject(self, verdict: Reject) -> None:
        text = f"Not merged: {verdict.why}."
        if verdict.build is not None:
            text += f"\n{self._jobs_text(verdict.build)}{AGAIN}"
        self.say(f"not merged: {verdict.item}: {verdict.why}")
        labels = {self.config.vote: -1} if verdict.blamed else {}
        for change in verdict.item.changes:
            if not change.told(rejected(change.ask)):
                # What was not tried says nothing about how many to test side by side either.
                word = "rejected" if verdict.blamed else ""
                body = comments.review(text, [(rejected(change.ask), word)], labels=labels)
                self._review(change, body)

    def _submit(self, action: Submit, queue: Queue, reading: Reading) -> None:
        """Merge an item, if the tips are still what it was tested on."""
        tips = tips_of(queue, self.reader.tips())
        self.reader.bring_tips(tips)
        expected = action.onto or self.trees.digest(tips_of(queue, reading.tips))
        if self.trees.digest(tips) != expected:
            self.say(f"{action.item}: the branches moved meanwhile, looking again")
            raise _Stop
        for change in action.item.changes:
            self._submit_change(change, action)
        after = tips_of(queue, self.reader.tips())
        self.reader.bring_tips(after)
        if self.trees.digest(after) != action.build.trees:
            raise WrongTrees(
                f"{action.item} was merged, and the branches of the queue '{queue.name}' are not "
                f"what its tests ran on (build {action.build.id[:12]})",
                "did somebody else push or submit? give that right to the gate alone\n"
                "look at the branches, then start the gate again",
            )
        self.say(f"merged: {action.item}")
        self.after.follow(queue, after)

    def _submit_change(self, change: Change, action: Submit) -> None:
        key = f"passed {change.ask}"
        if not change.told(key):
            text = f"Passed, as it will be merged:\n{self._jobs_text(action.build)}"
            labels = {self.config.vote: 1}
            body = comments.review(text, [(key, "merged")], labels=labels, notify="NONE")
            self._review(change, body)
        try:
            path = f"{change_path(change.id)}/revisions/{change.commit}/submit"
            self.server.post(path, {"notify": "OWNER"})
        except GerritRefused as error:
            self._reject(Reject(action.item, f"Gerrit refuses it: {error.message}"))
            raise _Stop from None

    def _review(self, change: Change, body: dict[str, object]) -> None:
        """Write on the change's current patch set. Whatever is no longer open hears nothing."""
        path = f"{change_path(change.id)}/revisions/{change.commit}/review"
        try:
            self.server.post(path, body)
        except GerritRefused as error:
            if error.status not in (404, 409):
                raise
            self.say(f"change {change.id} takes no comment: {error.message}")
            raise _Stop from None

    def _jobs_text(self, build: Build) -> str:
        return self.logs.text(self.work, build)

    def _findings(self, build: Build) -> list[dict[str, object]]:
        plan = self.work.plan(build)
        paths = set(plan.paths) if plan is not None else set()
        return [
            finding
            for job, text in self.work.log_texts(build).items()
            for finding in comments.findings(text, paths, job, build.id)
        ]


def _verdict_words(passed: bool | None) -> str:
    if passed is None:
        return "Not tested: the jobs could not be run, which says nothing against the change"
    return "Passed" if passed else "Failed"
