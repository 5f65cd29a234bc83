"""The train: one release through the environments in their order, as far as policy lets it."""

from __future__ import annotations

import datetime
import time
from collections import Counter
from collections.abc import Sequence

from rich.markup import escape

from deploykit.base.errors import DeployKitError
from deploykit.checks import Occasion, check_named, check_names
from deploykit.evidence import Finding, record
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase, Purpose, Result
from deploykit.ledger.view import attempts, evidence, policy_in_force, running
from deploykit.nodes.ssh import reachable
from deploykit.policy import NeededCheck, Verdict, evaluate
from deploykit.release import Release, release_of
from deploykit.release.cutting import build_release
from deploykit.rollout import stands
from deploykit.rollout.context import Context
from deploykit.site.environment import Environment
from deploykit.site.promotion import Promotion
from deploykit.train.deploy import demand, deploy, prove
from deploykit.train.lease import abandoned


def run_train(context: Context, release: Release, line: Sequence[Environment]) -> None:
    """Carry `release` along `line`: gather what policy needs, ask it, deploy; then the next.

    An environment that runs the release already is passed. Raises Refused with every reason
    where policy says no, and whatever deploying raises.
    """
    environments = context.site.environments()
    for environment in line:
        if arrived(context, release, environment):
            context.progress.say(f"{environment.name}: runs {release.version} already")
            continue
        gather(context, release, environment, environments)
        purpose = Purpose.PROMOTE if environment.promotion.source else Purpose.DEPLOY
        deploy(context, release, environment, purpose)


def arrived(context: Context, release: Release, environment: Environment) -> bool:
    """Whether the environment runs the release, by the ledger's word and by its own nodes'.

    A smoke test that a killed train left out is made up for.
    """
    records = context.ledger.fetch_records()
    now = running(records, environment.name)
    if now is None or now.digest != release.digest:
        return False
    if attempts(records, environment.name)[-1].phase != Phase.FINISHED:
        return False  # whatever was tried since did not end well: deployed again, it is whole
    inventory = context.inventory(environment)
    reachable(inventory)
    if not stands(context, release, inventory):
        return False
    tests = evidence(records, release=release.digest, environment=environment.name, check="smoke")
    if not any(entry.n > now.n for entry in tests):
        demand(context, release, environment, prove(context, release, environment, inventory))
    return True


def gather(
    context: Context,
    release: Release,
    environment: Environment,
    environments: dict[str, Environment],
) -> None:
    """Run every check that policy still needs for the release's entry, and record each.

    Raises Refused with every reason when something stands in the way that no check can mend, and
    when all that lacks is evidence of checks that no train runs.
    """
    tried: Counter[NeededCheck] = Counter()
    while True:
        records = context.ledger.fetch_records()
        verdict = ask(release, environment, records)
        if verdict.allowed:
            return
        rule = policy_in_force(records).get(environment.name, Promotion())
        spent = any(tried[one] >= rule.checks[one.check].attempts for one in verdict.needed)
        if verdict.blocked or spent or not verdict.needed:
            verdict.demand(f"{release.version} into {environment.name}")
        # What looks at live nodes takes seconds, a throwaway copy minutes: fail early.
        for needed in sorted(verdict.needed, key=lambda entry: check_named(entry.check).on_copy):
            tried[needed] += 1
            run_check(context, release, environment, rule.source, environments, needed)


def ask(release: Release, environment: Environment, records: tuple[Record, ...]) -> Verdict:
    """Policy's verdict on the release's entry as of now, after `records`.

    The lease of a deploy whose process is dead is no hindrance.
    """
    now = datetime.datetime.now(datetime.UTC)
    left = abandoned(records, environment.name, now)
    return evaluate(release, environment.name, records, now, left, runnable=check_names())


def run_check(
    context: Context,
    release: Release,
    environment: Environment,
    source: str | None,
    environments: dict[str, Environment],
    needed: NeededCheck,
) -> None:
    """Run one needed check where it belongs and record what it found.

    On the live nodes of `source`, the environment before by the policy in force, or on a
    throwaway copy of the environment that is to be entered. Raises DeployKitError, and records
    nothing, where somebody deployed another release to `source` meanwhile.
    """
    check = check_named(needed.check)
    records = context.ledger.fetch_records()
    over = None
    if needed.over:
        over = build_release(context.site, release_of(context.site, records, needed.over))
    if check.on_copy:
        place, live = environment, None
    else:
        if source is None or source not in environments:
            raise DeployKitError(
                f"{environment.name}: '{check.name}' needs an environment to look at, and policy "
                f"names {source or 'none'}",
                "deploy-kit policy show",
            )
        place = environments[source]
        live = context.inventory(place)
    began = time.monotonic()
    outcome = check.run(context, Occasion(release, over, place, live))
    seconds = time.monotonic() - began
    if live is not None and not undisturbed(context, release, place, records):
        raise DeployKitError(
            f"{place.name}: somebody deployed there while '{check.name}' was looking",
            "run it again when they are done: deploy-kit status",
        )
    record(
        context,
        Finding(check.name, release, needed.over, place.name, outcome, seconds, copy=check.on_copy),
    )
    mark = {Result.PASSED: "[green]passed[/green]", Result.FAILED: "[red]failed[/red]"}
    context.progress.say(
        f"  {check.name} in {place.name}: {mark.get(outcome.result, outcome.result)}: "
        f"{escape(outcome.summary)}"
    )


def undisturbed(
    context: Context, release: Release, place: Environment, before: tuple[Record, ...]
) -> bool:
    """Whether `place` ran the release all the time since `before`, and nothing was deployed."""
    now = context.ledger.fetch_records()
    was, runs = running(before, place.name), running(now, place.name)
    same = attempts(before, place.name)[-1:] == attempts(now, place.name)[-1:]
    return same and was is not None and was == runs and was.digest == release.digest
