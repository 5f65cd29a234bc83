"""Rollback: the way back over the edge, rehearsed on a copy and timed."""

from __future__ import annotations

import time
from functools import partial

from deploykit.checks import FAILED, NOT_APPLICABLE, PASSED, Occasion, Outcome
from deploykit.checks.smoke import smoke
from deploykit.ledger.bodies import Rehearsed
from deploykit.master.facade import Master
from deploykit.nodes.inventory import Inventory
from deploykit.pods.throwaway import throwaway
from deploykit.release import Release
from deploykit.release.going_back import older_packages_come, read_way_back
from deploykit.rollout import RolloutFailed, roll_out
from deploykit.rollout.database import bring_back, find_before, take_before
from deploykit.rollout.work import Work
from deploykit.site.going_back import RollbackClass, WayBack

REHEARSAL = "rehearsal"  # in the place of a deployment's id


class Rollback:
    """Whether what runs there works again after the candidate was there, and how fast."""

    name = "rollback"
    summary = "what the environment runs works again after the candidate ran, with its database"
    on_copy = True

    def run(self, work: Work, occasion: Occasion) -> Outcome:
        if occasion.before is None:
            return Outcome(NOT_APPLICABLE, "nothing runs there yet", {})
        way = read_way_back(work.site, occasion.before, occasion.release, occasion.environment)
        if way.kind == RollbackClass.FORWARD_ONLY:
            return _failed(way, f"there is no way back: {way.why}")
        with throwaway(work, occasion.environment, self.name) as copy:
            return rehearse(work, occasion, occasion.before, copy, way)


def rehearse(
    work: Work, occasion: Occasion, before: Release, copy: Inventory, way: WayBack
) -> Outcome:
    """Deploy `before`, the release over it, and `before` again, on the nodes of `copy`; then its
    smoke test. Timed is the last deployment, with the database's return where `way` takes that."""
    restores = way.kind == RollbackClass.RESTORE
    roles = occasion.environment.roles
    packages = bool(older_packages_come(work.site, before, occasion.release, roles))
    version, instance = occasion.release.version, copy.instance

    def keep(master: Master) -> None:
        take_before(work, instance, master, version, REHEARSAL)

    def restore(master: Master) -> None:
        backup = find_before(master.list_backups(), [REHEARSAL])
        assert backup is not None  # `keep` took it, or raised
        bring_back(work, instance, master, backup.name)

    deploy = partial(roll_out, work, inventory=copy, signers=occasion.signers)
    deploy(release=before, older=True)
    try:
        deploy(release=occasion.release, first=keep if restores else None)
    except RolloutFailed as failure:
        return _failed(way, f"it did not come to going back: {failure.message}")
    began = time.monotonic()
    try:
        deploy(
            release=before,
            older=True,
            older_packages=packages,
            first=restore if restores else None,
        )
    except RolloutFailed as failure:
        return _failed(way, failure.message)
    rehearsed = Rehearsed(way.kind, time.monotonic() - began)
    with work.progress.step(f"{instance}: smoke test"):
        tested = smoke(work, before, copy)
    if tested.result != PASSED:
        return _failed(way, f"{before.version} fails after going back: {tested.summary}")
    return Outcome(PASSED, f"{rehearsed}: {tested.summary}", tested.packages, rehearsed)


def _failed(way: WayBack, why: str) -> Outcome:
    return Outcome(FAILED, f"{way.kind}: {why}", {}, Rehearsed(way.kind, None))
