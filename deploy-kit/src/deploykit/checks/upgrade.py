"""Upgrade: from the release that the environment really runs to the candidate, on a copy."""

from __future__ import annotations

from deploykit.checks import FAILED, NOT_APPLICABLE, Occasion, Outcome
from deploykit.checks.smoke import smoke
from deploykit.pods.throwaway import throwaway
from deploykit.rollout import RolloutFailed, roll_out
from deploykit.rollout.work import Work


class Upgrade:
    """The edge itself: what runs there -> what shall run there."""

    name = "upgrade"
    summary = "the candidate goes over what the environment runs, and works afterwards"
    on_copy = True

    def run(self, work: Work, occasion: Occasion) -> Outcome:
        if occasion.before is None:
            return Outcome(NOT_APPLICABLE, "nothing runs there yet", {})
        return rehearse(work, occasion, self.name)


def rehearse(work: Work, occasion: Occasion, purpose: str) -> Outcome:
    """Deploy `before` (if any), then the release, on a throwaway copy; then its smoke test."""
    with throwaway(work, occasion.environment, purpose) as copy:
        if occasion.before is not None:
            roll_out(work, occasion.before, copy, occasion.signers, older=True)
        try:
            roll_out(work, occasion.release, copy, occasion.signers)
        except RolloutFailed as failure:
            return Outcome(FAILED, failure.message, {})
        with work.progress.step(f"{copy.instance}: smoke test"):
            return smoke(work, occasion.release, copy)
