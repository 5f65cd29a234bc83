"""What jobs printed: kept with the site's logs, read by its signatures, told in comments.

Nothing of a log goes into a comment or the store before secrets are masked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from deploykit.base.errors import DeployKitError
from deploykit.evidence.diagnosis import diagnose, known_lines
from deploykit.gate.builds import Build
from deploykit.gate.changes import Change
from deploykit.gate.comments import jobs_text
from deploykit.gate.work import BuildPlan, Ran, Work
from deploykit.jobs import Result
from deploykit.logs.masking import masked
from deploykit.logs.rechecks import Rechecks
from deploykit.logs.runs import Ending, Log, Run, cleaned
from deploykit.logs.signatures import Signature, signatures_of
from deploykit.logs.store import Store
from deploykit.site import Site

COMMAND = "gate"  # of the runs that builds become
ITEM_MOST = 60  # characters of an item's key in a run's id
UNKNOWN = ["new: no signature explains it"]


@dataclass(frozen=True, slots=True)
class JobLogs:
    """Keeps what builds printed in `store`, and reads it by `signatures`, asked anew each time."""

    store: Store
    rechecks: Rechecks
    signatures: Callable[[], Sequence[Signature]]

    def text(self, work: Work, build: Build) -> str:
        """What is said of a build that is over: its jobs, known faults, and where its logs are.

        The logs are kept by then. That a log or a signature cannot be had is no reason to say
        nothing: what is left is told.
        """
        plan = work.plan(build)
        if plan is None or plan.broken:
            return jobs_text([]) if plan is None else masked(plan.broken)
        ran = work.ran(build)
        logs = {name: cleaned(f"{name}.log", text) for name, text in work.log_texts(build).items()}
        return jobs_text(ran, self._faults(ran, logs), self._keep(plan, ran, list(logs.values())))

    def note_rechecks(self, changes: Iterable[Change]) -> None:
        """Count the bugs that people named as why tests had to run again."""
        bugs = {comment: bug for change in changes for comment, bug in change.reasons}
        with contextlib.suppress(OSError, DeployKitError):
            self.rechecks.note(bugs)

    def _faults(self, ran: Sequence[Ran], logs: Mapping[str, Log]) -> dict[str, list[str]]:
        """What is known of each job that failed."""
        failed = [job.name for job in ran if job.result != Result.PASSED and job.name in logs]
        if not failed:
            return {}
        try:
            signatures = self.signatures()
        except DeployKitError as error:
            return {failed[0]: [f"known faults cannot be told: {error.message}"]}
        return {name: known_lines(diagnose([logs[name]], signatures)) or UNKNOWN for name in failed}

    def _keep(self, plan: BuildPlan, ran: Sequence[Ran], logs: Sequence[Log]) -> str:
        """The id of the run that the build is kept as; '' if it is not."""
        ends = [job.ended for job in ran if job.ended is not None]
        if not ends:
            return ""
        failed = [job.name for job in ran if job.result != Result.PASSED]
        ended = max(ends).replace(microsecond=0)
        item = plan.item.replace("+", "~")[:ITEM_MOST]
        run = Run(
            id=f"{ended:%Y%m%dT%H%M%S}-{COMMAND}-{item}-{plan.build.id[:8]}",
            command=COMMAND,
            began=ended - timedelta(seconds=max(job.seconds for job in ran)),
            ended=ended,
            ending=Ending.FAILED if failed else Ending.PASSED,
            error=f"{plan.build.pipeline}: {', '.join(failed)} failed" if failed else "",
        )
        with contextlib.suppress(OSError, DeployKitError):
            if not self.store.has(run.id):
                self.store.put(run, logs)
            return run.id
        return ""


def joblogs_of(site: Site) -> JobLogs:
    """Logs of a site's builds, kept with those of its other calls."""
    return JobLogs(Store(site.runs), Rechecks(site.runs), lambda: signatures_of(site))
