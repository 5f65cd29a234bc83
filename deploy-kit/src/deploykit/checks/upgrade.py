"""Upgrade: from the release that the environment really runs to the candidate, on a copy."""

from __future__ import annotations

from deploykit.checks import FAILED, NOT_APPLICABLE, Occasion, Outcome
from deploykit.checks.smoke import smoke
from deploykit.ledger.kit_signers import kit_signers
from deploykit.pods.throwaway import throwaway
from deploykit.rollout import RolloutFailed, roll_out
from deploykit.rollout.context import Context


class Upgrade:
    """The edge itself: what runs there -> what shall run there."""

    name = "upgrade"
    summary = "the candidate goes over what the environment runs, and works afterwards"
    on_copy = True

    def run(self, context: Context, occasion: Occasion) -> Outcome:
        if occasion.over is None:
            return Outcome(NOT_APPLICABLE, "nothing runs there yet", {})
        return rehearse(context, occasion, self.name)


def rehearse(context: Context, occasion: Occasion, purpose: str) -> Outcome:
    """Deploy `over` (if any), then the release, on a throwaway copy; then its smoke test."""
    over = occasion.over.digest if occasion.over else None
    signers = kit_signers(context.ledger.fetch_records(), over)
    with throwaway(context, occasion.environment, purpose) as copy:
        if occasion.over is not None:
            roll_out(context, occasion.over, copy, signers)
        try:
            roll_out(context, occasion.release, copy, signers)
        except RolloutFailed as failure:
            return Outcome(FAILED, failure.message, {})
        with context.progress.step(f"{copy.instance}: smoke test"):
            return smoke(context, occasion.release, copy)
