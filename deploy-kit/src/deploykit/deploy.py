"""Deploying a release into an environment, with the ledger as witness and policy as doorkeeper."""

from __future__ import annotations

import time

from deploykit.checks import FAILED, NOT_APPLICABLE, PASSED, Outcome
from deploykit.checks.smoke import smoke
from deploykit.context import Context
from deploykit.environment import Environment
from deploykit.errors import DeployKitError, Refused
from deploykit.evidence import Finding, record
from deploykit.hold import held
from deploykit.ledger.view import attempts, previous, running
from deploykit.provider import provider_for
from deploykit.release import Release, find_release
from deploykit.rollout import RolloutFailed, roll_out
from deploykit.trust import kit_signers


def deploy(
    context: Context, release: Release, environment: Environment, purpose: str = "deploy"
) -> None:
    """Bring `release` into `environment` and smoke-test it there; all of it goes on record.

    The deployment itself is evidence: of `upgrade` over what ran before, or of `bootstrap` on
    nodes where nothing ran. Raises Refused with every reason of policy, RolloutFailed where a
    state fails (recorded; what ran before stays current), DeployKitError otherwise.
    """
    signers = kit_signers(context.ledger)
    release.verify(signers)
    inventory = context.inventory(environment)
    began = time.monotonic()

    def found(outcome: Outcome) -> Finding:
        seconds = time.monotonic() - began
        return Finding("smoke", release, lease.over, environment.name, outcome, seconds)

    with held(context, release, environment.name, purpose) as lease:
        try:
            roll_out(context, release, inventory, signers)
        except RolloutFailed as failure:
            witness(context, found(Outcome(FAILED, failure.message, {})))
            raise
        lease.finish(f"{time.monotonic() - began:.0f} s")
    provider_for(context.site, environment).tag(environment.name, {"release": release.version})
    with context.progress.step(f"{inventory.instance}: smoke test"):
        outcome = smoke(context, release, inventory)
    record(context, found(outcome))
    witness(context, found(outcome))
    if outcome.result != PASSED:
        raise DeployKitError(
            f"{environment.name}: release {release.version} is deployed but its smoke test "
            f"fails: {outcome.summary}",
            f"deploy-kit rollback {environment.name}\n"
            f"the whole test: {context.log(f'{environment.name}-smoke')}",
        )


def witness(context: Context, finding: Finding) -> None:
    """Record what a deployment proved: `upgrade` over another release, or `bootstrap`.

    The same release deployed again proves neither.
    """
    if finding.over == finding.release.digest:
        return
    if finding.over is None:
        nothing = Outcome(NOT_APPLICABLE, "nothing ran there", {})
        record(context, finding.instead("upgrade", nothing))
    record(context, finding.instead("upgrade" if finding.over else "bootstrap"))


def rollback(context: Context, environment: Environment, to: Release | None = None) -> Release:
    """Deploy what ran before (or `to`, which must have run there). Returns what runs now.

    After a deployment that failed or was cut off, what ran before is what still counts as
    running: it is deployed again, over whatever the failed one left. Raises Refused where nothing
    ran before, or where a component's database schema has moved since and the older release
    cannot work with it.
    """
    records = context.ledger.records()
    now = running(records, environment.name)
    if to is None:
        last = attempts(records, environment.name)[-1:]
        half_done = bool(now and last and last[0].phase != "finished")
        before = now if half_done else previous(records, environment.name)
        if now is None or before is None:
            raise Refused(
                f"{environment.name}: no release ran there before the one of now",
                f"deploy-kit history {environment.name}",
            )
        to = find_release(context.site, before.digest)
    if now is not None:
        refuse_schema_change(context, environment, now.digest, to)
    deploy(context, to, environment, "rollback")
    return to


def refuse_schema_change(
    context: Context, environment: Environment, running_digest: str, to: Release
) -> None:
    """Raise Refused where the running release declares another database schema than `to`."""
    ours = find_release(context.site, running_digest).schemas(context.site)
    theirs = to.schemas(context.site)
    moved = [
        f"{component}: {theirs.get(component, 'none')} before, {schema} now"
        for component, schema in sorted(ours.items())
        if theirs.get(component) != schema
    ]
    if moved:
        raise Refused(
            f"{environment.name}: cannot roll back to {to.version}, the database schema moved",
            "\n".join(
                [*moved, "roll forward with a mended release, or restore the database's backup"]
            ),
        )
