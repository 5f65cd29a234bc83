"""What follows a merge: the branch is validated again as merged, and a failure is told.

The jobs of gate.yml's `post` run once for every state that the gate brought about. If they fail,
the owners of what was merged are told on their changes, and nothing new enters the environments
that `hold` names until a person lifts the hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from deploykit.gate.builds import Build, Status
from deploykit.gate.config import Post
from deploykit.gate.job import Job
from deploykit.gate.trees import Tips
from deploykit.gate.work import BuildPlan, new_token
from deploykit.ledger import Ledger, Record
from deploykit.ledger.bodies import decision_body
from deploykit.ledger.kinds import Body
from deploykit.ledger.view import decisions

POST = "post:"  # before a queue's pipeline; no queue's name has a ':'


def is_post(build: Build) -> bool:
    return build.pipeline.startswith(POST)


def post_of(build: Build) -> Build:
    """The validation of what the passed `build` brought about."""
    return replace(build, pipeline=f"{POST}{build.pipeline.removeprefix(POST)}")


def without_post(builds: Mapping[Build, Status]) -> dict[Build, Status]:
    """The builds that may prove something to a queue: its jobs ran, not other ones."""
    return {build: status for build, status in builds.items() if not is_post(build)}


def proving(
    builds: Mapping[Build, Status], trees: str, is_merged: Callable[[Build], bool]
) -> Build | None:
    """The build that passed on the state `trees`, if the branches are there by what it tested.

    None if somebody else brought them there, or half of a circle is merged.
    """
    passed = [
        build
        for build, status in builds.items()
        if build.trees == trees and status is Status.PASSED and not is_post(build)
    ]
    return min(
        (build for build in passed if is_merged(build)), key=lambda build: build.id, default=None
    )


def post_build(post: Post, proof: BuildPlan, projects: Sequence[str], tips: Tips) -> BuildPlan:
    """The build to start on `tips`, which `proof` proved; `projects` are those that it altered."""
    touched = dict.fromkeys(projects, proof.paths)
    jobs: tuple[Job, ...] = tuple(job for job in post.jobs if job.concerns(touched))
    return replace(
        proof, build=post_of(proof.build), token=new_token(), commits=tips, jobs=jobs, broken=""
    )


class _Placed(Exception):
    """The ledger has that hold."""


@dataclass(frozen=True)
class Holds:
    """Puts environments on hold, by the site's ledger and an operator's key."""

    ledger: Ledger

    def place(self, environment: str, build: Build, why: str) -> bool:
        """Let nothing new enter `environment`; whether that was not recorded before.

        For one build it is done once, also if somebody lifted it since. Raises LedgerError.
        """
        word = f"build {build.id}"

        def decide(records: Sequence[Record], now: datetime) -> Body:
            holds = decisions(records, "hold", environments=(environment,))
            if any(word in hold.reason for hold in holds):
                raise _Placed
            return decision_body("hold", environment=environment, reason=f"{word}: {why}")

        try:
            self.ledger.append(decide)
        except _Placed:
            return False
        return True
