"""Deploying a release into an environment, with the ledger as witness and policy as doorkeeper."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from deploykit.base.errors import DeployKitError
from deploykit.checks import FAILED, NOT_APPLICABLE, PASSED, Outcome
from deploykit.checks.smoke import smoke
from deploykit.evidence import Finding, record
from deploykit.ledger import Ledger
from deploykit.ledger.kit_signers import kit_signers, kit_signers_back
from deploykit.ledger.schema import Phase, Purpose, SecretsEvent
from deploykit.ledger.view import last_attempt
from deploykit.providers import provider_for
from deploykit.release import Release
from deploykit.release.proof import prove
from deploykit.rollout import RolloutFailed, current_digest, roll_out
from deploykit.rollout.settings import settings_for
from deploykit.rollout.work import Work
from deploykit.secrets.store import tell
from deploykit.site.description import environment_digest
from deploykit.site.environment import Environment
from deploykit.train.attendance import Attendance, attending
from deploykit.train.lease_keeper import keeping_lease
from deploykit.train.origin import look, lost_secrets, refuse_lost_secrets
from deploykit.train.way_back import First, keeping_database

WITH_PACKAGES = ", with its packages"  # of a rollback, for the ledger


def deploy(
    work: Work,
    ledger: Ledger,
    release: Release,
    environment: Environment,
    purpose: Purpose = Purpose.DEPLOY,
    *,
    new_secrets: bool = False,
    first: First | None = None,
    older_packages: bool = False,
) -> None:
    """Bring `release` into `environment` and smoke-test it there; all of it goes on record.

    The deployment itself is evidence: of `upgrade` over what ran before, or of `bootstrap` on
    nodes that are all bare. A master that lost the secrets which the nodes work with gets other
    ones only with `new_secrets`. Before anything changes, a rollback does `first`, and it may bring
    `older_packages`; what is none takes a backup, where only the database of before leads back.
    Nodes that are missing are left out as far as policy lets them, and named on record. Raises
    InputError where the release does not know a setting of the environment (going back leaves it
    out), Refused with every reason of policy, or for such a master, RolloutFailed where a state
    fails (recorded; what ran before stays current), DeployKitError otherwise.
    """
    records = ledger.fetch_records()
    signers = kit_signers(records)
    if purpose == Purpose.ROLLBACK:
        signers = kit_signers_back(records, release.digest, environment.name)
    prove(release, records, signers)
    older = purpose == Purpose.ROLLBACK
    if not older:
        settings_for(work, release, environment, older=False)  # before anything is on record
    attendance = attending(work, release, environment, records)
    inventory, left_out = attendance.inventory, attendance.left_out
    began = time.monotonic()
    origin = look(work, inventory, records, release.digest)
    lost = lost_secrets(records, environment.name, origin)
    if lost and not new_secrets:
        refuse_lost_secrets(work, inventory, release.version, origin)
    with keeping_lease(
        ledger,
        release,
        environment.name,
        purpose,
        environment_digest=environment_digest(environment),
        left_out=left_out,
    ) as lease:
        there = current_digest(work, inventory)
        edge = edge_of(lease.over, there, release.digest, bare=origin.bare)
        proven = Proven(release, environment, edge, left_out)
        if not older and there is not None:
            first = keeping_database(work, ledger, lease.lease, release, environment)
        act = first.act if first else None
        try:
            roll_out(
                work,
                release,
                inventory,
                signers,
                lease,
                older=older,
                older_packages=older_packages,
                first=act,
            )
        except RolloutFailed as failure:
            lease.check()  # a deployment that lost its lease proves nothing
            failed = Outcome(FAILED, failure.message, {})
            record_deployment(ledger, proven, failed, seconds=time.monotonic() - began)
            raise
        finally:
            if lost:
                tell(work, ledger, inventory, SecretsEvent.ROTATED)
        words = (first.words if first else "") + (WITH_PACKAGES if older_packages else "")
        lease.finish(f"{time.monotonic() - began:.0f} s{words}")
    tag_release(work, release, environment)
    outcome = smoke_test(work, ledger, release, attendance)
    record_deployment(ledger, proven, outcome, seconds=time.monotonic() - began)
    demand_passed(work, release, environment, outcome)


def tag_release(work: Work, release: Release, environment: Environment) -> None:
    """Have the nodes' tags name the release that runs there, for `env list`."""
    provider_for(work.site, environment).tag(environment.instance, {"release": release.version})


def smoke_test(work: Work, ledger: Ledger, release: Release, attendance: Attendance) -> Outcome:
    """Smoke-test the release that was just deployed, where it was, and record what was found.

    Raises DeployKitError, and records nothing, if somebody deployed there since.
    """
    began = time.monotonic()
    inventory = attendance.inventory
    name = inventory.environment.name
    before = last_attempt(ledger.fetch_records(), name)
    with work.progress.step(f"{inventory.instance}: smoke test"):
        outcome = smoke(work, release, inventory)
    seconds = time.monotonic() - began
    last = last_attempt(ledger.fetch_records(), name)
    assert last is not None  # it was just deployed
    if last != before or (last.release, last.phase) != (release.digest, Phase.FINISHED):
        raise DeployKitError(
            f"{name}: {last.owner} deployed {last.version} there before {release.version} was "
            "tested: what the test found is about neither",
            "deploy-kit status",
        )
    left_out = attendance.left_out
    record(ledger, Finding("smoke", release, None, name, outcome, seconds, left_out=left_out))
    return outcome


def demand_passed(work: Work, release: Release, environment: Environment, outcome: Outcome) -> None:
    """Raise DeployKitError where the smoke test of a deployed release failed."""
    if outcome.result != PASSED:
        raise DeployKitError(
            f"{environment.name}: release {release.version} is deployed but its smoke test "
            f"fails: {outcome.summary}",
            f"deploy-kit rollback {environment.name}\n"
            f"the whole test: {work.log(f'{environment.name}-smoke')}",
        )


@dataclass(frozen=True, slots=True)
class Edge:
    """What a deployment goes over, and whether that proves anything to policy."""

    over: str | None
    counts: bool


@dataclass(frozen=True, slots=True)
class Proven:
    """What a deployment is evidence of: the release, where, over what, and on which nodes not."""

    release: Release
    environment: Environment
    edge: Edge
    left_out: Mapping[str, str]


def edge_of(told: str | None, there: str | None, release: str, *, bare: bool) -> Edge:
    """The edge of a deployment of `release`; all are digests.

    `told` is what the ledger says that runs, `there` what the master has current. Where every node
    is `bare` it is a bootstrap, whatever the ledger tells of nodes that are gone; a master that was
    made anew beside nodes in use proves nothing. A kit that is current already was moved to by a
    deployment that was cut off before it could record it.
    """
    if there is None:
        return Edge(None, bare)
    return Edge(told, told != release and there in (told, release))


def record_deployment(ledger: Ledger, proven: Proven, outcome: Outcome, *, seconds: float) -> None:
    """Record what a deployment proved: `upgrade` over another release, or `bootstrap`."""
    release, edge, name = proven.release, proven.edge, proven.environment.name
    if not edge.counts:
        return
    if edge.over is None:
        nothing = Outcome(NOT_APPLICABLE, "nothing ran there", {})
        record(ledger, Finding("upgrade", release, None, name, nothing, 0))
    check, left_out = "upgrade" if edge.over else "bootstrap", proven.left_out
    record(ledger, Finding(check, release, edge.over, name, outcome, seconds, left_out=left_out))
