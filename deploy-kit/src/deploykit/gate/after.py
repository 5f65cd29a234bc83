"""What the gate does after a merge: it moves the pins, and validates what was merged.

As the loop itself, it keeps caches alone between two rounds: what was done can be seen from outside
(a commit on the branch, a build's folder, a mark on a change, a record of the ledger).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from deploykit.base.errors import DeployKitError, InputError
from deploykit.gate import comments, review
from deploykit.gate.account import Account
from deploykit.gate.builds import Build, Status
from deploykit.gate.changes import mark
from deploykit.gate.config import Config
from deploykit.gate.joblogs import JobLogs
from deploykit.gate.order import Queue
from deploykit.gate.pins import Pinning
from deploykit.gate.post import Holds, is_post, post_build, proving
from deploykit.gate.rest import GerritRefused, change_path
from deploykit.gate.saying import Saying
from deploykit.gate.trees import PushRefused, Tips, Trees
from deploykit.gate.work import BuildPlan, Work


@dataclass
class After:
    """`holds` is None if no ledger is at hand."""

    config: Config
    account: Account
    trees: Trees
    work: Work
    logs: JobLogs
    holds: Holds | None
    saying: Saying
    _followed: dict[str, Tips] = field(default_factory=dict, init=False)
    _told: set[str] = field(default_factory=set, init=False)

    def follow(self, queue: Queue, tips: Tips) -> bool:
        """Do what has to follow if the gate brought the branches to `tips`; whether anything was.

        To be called after each merge, and again at any time: it does what is not yet done.
        """
        if self._followed.get(queue.pipeline) == tips:
            return False
        proof = proving(
            self.work.statuses(),
            self.trees.digest(tips),
            lambda build: self._is_merged(build, tips),
        )
        plan = self.work.plan(proof) if proof is not None else None
        done = False
        if plan is not None:
            done = self._validate(plan, tips)
            done |= self._pin(queue, tips)
        self._followed[queue.pipeline] = tips
        return done

    def _pin(self, queue: Queue, tips: Tips) -> bool:
        pins = self.config.pins
        if pins is None or (pins.project, queue.branch) not in tips:
            return False
        try:
            commit = Pinning(pins, self.trees, lambda: self.account.who).move(queue.branch, tips)
        except (InputError, PushRefused) as error:
            self.saying.say(f"the pins stay behind: {error.message}; {error.remedy}")
            return False
        if commit:
            self.saying.say(f"pins: {pins.path} of {pins.project} is {commit[:12]}")
        return bool(commit)

    def _is_merged(self, build: Build, tips: Tips) -> bool:
        return all(self._project_of(commit, tips) for commit in build.commits)

    def _project_of(self, commit: str, tips: Tips) -> str:
        """The project whose branch has a commit; '' if none has."""
        projects = (
            project
            for (project, _), tip in tips.items()
            if self.trees.contains(project, tip, commit)
        )
        return next(projects, "")

    def _validate(self, proof: BuildPlan, tips: Tips) -> bool:
        """Start the jobs of `post` on `tips`, unless they ran on these trees."""
        if not self.config.post.jobs:
            return False
        trees = proof.build.trees
        if any(is_post(build) and build.trees == trees for build in self.work.statuses()):
            return False
        projects = [self._project_of(commit, tips) for commit in proof.build.commits]
        plan = post_build(self.config.post, proof, projects, tips)
        names = ", ".join(job.name for job in plan.jobs) or "no jobs"
        self.saying.say(f"started: {plan.item} as merged ({names})")
        self.work.start(plan)
        return True

    def judge(self) -> bool:
        """Tell of what failed as merged, and put environments on hold; whether there was any."""
        done = False
        for build, status in self.work.statuses().items():
            if is_post(build) and status is Status.FAILED and build.id not in self._told:
                done |= self._tell_failed(build)
            elif is_post(build) and status is Status.NO_VERDICT:
                logs = ", ".join(self.work.failed_logs(build).values())
                self.saying.once(f"not known whether {build.id[:12]} holds as merged: {logs}")
        return done

    def _tell_failed(self, build: Build) -> bool:
        plan = self.work.plan(build)
        if plan is None:
            return False
        failed = ", ".join(self.work.failed_logs(build))
        why = f"{plan.item} was merged, and fails as merged: {failed}"
        if not self._hold(build, why):
            return False
        owners_told = [self._tell_owner(commit, build) for commit in build.commits]
        if build.id not in self._told and any(owners_told):
            self.saying.say(why)
        self._told.add(build.id)
        return any(owners_told)

    def _hold(self, build: Build, why: str) -> bool:
        """Whether the environments are on hold, or were before; False: to be tried again."""
        try:
            for environment in self.config.post.hold if self.holds is not None else ():
                assert self.holds is not None
                if self.holds.place(environment, build, why):
                    self.saying.say(f"{environment} is on hold: {why}")
        except DeployKitError as error:
            self.saying.once(f"cannot put the train on hold: {error.message}; {error.remedy}")
            return False
        return True

    def _tell_owner(self, commit: str, build: Build) -> bool:
        """Whether somebody was told now. A commit that came without review has no change."""
        key = f"post {build.id}"
        for info in self.account.server.changes(f"commit:{commit}", ("MESSAGES",)):
            if any(match[1] == mark(key) for match in review.own_marks(info, self.account.id)):
                continue
            environments = ", ".join(self.config.post.hold) if self.holds is not None else ""
            text = f"Merged, and it fails as merged:\n{self.logs.text(self.work, build)}"
            if environments:
                text += (f"\n{environments}: nothing enters until somebody looked "
                         "(deploy-kit unhold ENVIRONMENT).")  # fmt: skip
            path = f"{change_path(str(info['_number']))}/revisions/{commit}/review"
            try:
                self.account.server.post(path, comments.review(text, [(key, "")]))
            except GerritRefused as error:
                self.saying.once(f"change {info['_number']} takes no comment: {error.message}")
                return False
            return True
        return False
