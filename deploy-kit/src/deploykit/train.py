"""The train: one release through the environments in their order, as far as policy lets it."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence

from deploykit.checks import Occasion, check_named
from deploykit.context import Context
from deploykit.deploy import deploy
from deploykit.environment import Environment
from deploykit.errors import DeployKitError
from deploykit.evidence import Finding, record
from deploykit.ledger.view import running
from deploykit.policy import NeededCheck, Verdict, evaluate
from deploykit.release import Release, find_release


def chain(environments: dict[str, Environment], last: str | None = None) -> list[Environment]:
    """The environments a train passes, in order; up to and with `last` where it is given.

    A line is followed from an environment without `promotion.from`, which something is promoted
    from, to its end.
    """
    sources = {env.promotion.source for env in environments.values()}
    line = [env for env in environments.values() if env.promotion.source or env.name in sources]
    if last is None:
        return line
    wanted: list[Environment] = []
    name: str | None = last
    while name is not None:
        wanted.insert(0, environments[name])
        name = environments[name].promotion.source
    return wanted


def run_train(context: Context, release: Release, line: Sequence[Environment]) -> None:
    """Carry `release` along `line`: gather what policy needs, ask it, deploy; then the next.

    An environment that runs the release already is passed. Raises Refused with every reason
    where policy says no, and whatever deploying raises.
    """
    environments = context.site.environments()
    for environment in line:
        now = running(context.ledger.records(), environment.name)
        if now is not None and now.digest == release.digest:
            context.progress.say(f"{environment.name}: runs {release.version} already")
            continue
        gather(context, release, environment, environments)
        deploy(
            context, release, environment, "promote" if environment.promotion.source else "deploy"
        )


def gather(
    context: Context,
    release: Release,
    environment: Environment,
    environments: dict[str, Environment],
) -> None:
    """Run every check that policy still needs for the release's entry, and record each.

    Raises Refused with every reason when something stands in the way that no check can mend.
    Ends because every attempt counts: a check has a given number of them.
    """
    while True:
        verdict = ask(context, release, environment)
        if verdict.allowed:
            return
        if verdict.blocked:
            verdict.demand(f"{release.version} into {environment.name}")
        # What looks at live nodes takes seconds, a throwaway copy minutes: fail early.
        for needed in sorted(verdict.needed, key=lambda entry: check_named(entry.check).on_copy):
            run_check(context, release, environment, environments, needed)


def ask(context: Context, release: Release, environment: Environment) -> Verdict:
    """Policy's verdict on the release's entry as of now."""
    records = context.ledger.records()
    return evaluate(release, environment.name, records, datetime.datetime.now(datetime.UTC))


def run_check(
    context: Context,
    release: Release,
    environment: Environment,
    environments: dict[str, Environment],
    needed: NeededCheck,
) -> None:
    """Run one needed check where it belongs and record what it found.

    On the live nodes of the environment before (`promotion.from`), or on a throwaway copy of the
    environment that is to be entered.
    """
    check = check_named(needed.check)
    over = find_release(context.site, needed.over) if needed.over else None
    if check.on_copy:
        place, live = environment, None
    else:
        source = environment.promotion.source
        if source is None:
            raise DeployKitError(f"{environment.name}: '{check.name}' needs a 'promotion.from'")
        place = environments[source]
        live = context.inventory(place)
    began = time.monotonic()
    outcome = check.run(context, Occasion(release, over, place, live))
    seconds = time.monotonic() - began
    record(
        context,
        Finding(check.name, release, needed.over, place.name, outcome, seconds, copy=check.on_copy),
    )
    mark = {"passed": "[green]passed[/green]", "failed": "[red]failed[/red]"}
    context.progress.say(
        f"  {check.name} in {place.name}: {mark.get(outcome.result, outcome.result)}: "
        f"{outcome.summary}"
    )
