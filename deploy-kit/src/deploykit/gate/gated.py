"""What the gate passed stands for what a train would find: evidence about content.

Content is every place, mode and blob of a kit, and no commit (`content`). So what the gate's jobs
found is found again for the release that is cut later, and recorded by the name of the item.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.markup import escape

from deploykit.base.errors import DeployKitError
from deploykit.checks import PASSED, Occasion, Outcome
from deploykit.checks.bootstrap import Bootstrap
from deploykit.gate.builds import Status
from deploykit.gate.config import FILE, config_file
from deploykit.gate.content import content_of, state_content
from deploykit.gate.trees import Remote, Trees
from deploykit.gate.work import BuildPlan, Work, note_content, read_content
from deploykit.jobs import executor_for
from deploykit.ledger import Ledger
from deploykit.ledger.view import evidence
from deploykit.rollout import work as rollout
from deploykit.site import Site

MOST = 50  # passed builds whose content is made if it was not kept, the newest first
Fits = Callable[[BuildPlan], bool]


class Gated:
    """Nothing is deployed that the gate did not see as a whole."""

    name = "gated"
    summary = "the gate's jobs passed on a state with the very content of the release"
    on_copy = True  # it is about no nodes at all

    def run(self, work: rollout.Work, occasion: Occasion) -> Outcome:
        version = occasion.release.version
        config_file(work.site.folder)
        with work.progress.step(f"{version}: the state that the gate passed"):
            plan = passed_with(work.site, _content(occasion), lambda plan: bool(plan.jobs))
        if plan is None:
            raise DeployKitError(
                f"no state that the gate of this machine passed has the content of {version}",
                "run it where the gate runs, on a release of what the gate merged",
            )
        return Outcome(PASSED, f"{_name_of(plan)} passed on this content: {_job_names(plan)}", {})


class GatedBootstrap(Bootstrap):
    """A bootstrap, unless a job of the gate made one of the very content on bare nodes."""

    def run(self, work: rollout.Work, occasion: Occasion) -> Outcome:
        if (work.site.folder / FILE).is_file():
            plan = None
            try:
                with work.progress.step(f"{occasion.release.version}: a bootstrap by the gate"):
                    plan = self._bootstrap_plan(work.site, occasion)
            except DeployKitError as error:  # its executor is away, say: then one is made here
                work.progress.say(f"the gate's builds cannot be looked at: {escape(error.message)}")
            if plan is not None:
                text = f"{_name_of(plan)} made this content a working {occasion.environment.name}"
                return Outcome(PASSED, f"{text} out of bare nodes: {_job_names(plan)}", {})
        return super().run(work, occasion)

    def _bootstrap_plan(self, site: Site, occasion: Occasion) -> BuildPlan | None:
        """The build that made a bootstrap on nodes like the environment's. Each build counts as one
        attempt, so one that is on record for this release already is no second."""
        records = Ledger.open(site).fetch_records()
        bootstraps = evidence(records, release=occasion.release.digest, check=self.name)
        known = [entry.summary for entry in bootstraps]

        def fits(plan: BuildPlan) -> bool:
            pods = [job.pod for job in plan.jobs if job.pod is not None and job.pod.bare]
            like_it = any(pod.source == occasion.environment.name for pod in pods)
            return like_it and not any(_name_of(plan) in summary for summary in known)

        return passed_with(site, _content(occasion), fits)


def passed_with(site: Site, content: str, fits: Fits) -> BuildPlan | None:
    """The newest build that passed on a state with `content` and `fits`; None if there is none."""
    folder = site.state / "gate"
    builds = Work(folder / "builds", executor_for(site), Trees(folder / "stores", Remote("")))
    passed = [build for build, status in builds.statuses().items() if status is Status.PASSED]
    newest = sorted(passed, key=lambda build: -builds.written(build))
    fitting = [plan for build in newest if (plan := builds.plan(build)) is not None and fits(plan)]
    for plan in fitting:
        if read_content(builds.folder(plan.build)) == content:
            return plan
    lacking = [plan for plan in fitting[:MOST] if not read_content(builds.folder(plan.build))]
    return next((plan for plan in lacking if _make_content(site, builds, plan) == content), None)


def _make_content(site: Site, builds: Work, plan: BuildPlan) -> str:
    """The content of a build that did not say it, kept from now on; '' if it cannot be made."""
    from gitshelf import GitshelfError

    folder = builds.folder(plan.build)
    try:
        note_content(folder, state_content(plan, folder, site))
    except (DeployKitError, GitshelfError):
        return ""
    return read_content(folder)


def _content(occasion: Occasion) -> str:
    return content_of(occasion.release.verify(occasion.signers).lock)


def _name_of(plan: BuildPlan) -> str:
    return f"item {plan.item} ({plan.build.pipeline}, build {plan.build.id[:12]})"


def _job_names(plan: BuildPlan) -> str:
    return ", ".join(job.name for job in plan.jobs)
