"""The train: one release through the environments in their order, as far as policy lets it."""

from __future__ import annotations

import datetime
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from rich.markup import escape

from deploykit.base.errors import DeployKitError, InputError, Refused
from deploykit.base.printable import one_line
from deploykit.checks import Check, Occasion, Outcome, check_named, check_names
from deploykit.evidence import Finding, record
from deploykit.ledger import Ledger
from deploykit.ledger.kit_signers import kit_signers, kit_signers_back
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase, Purpose, Result
from deploykit.ledger.view import evidence, last_attempt, policy_in_force, running
from deploykit.policy import NeededCheck, Verdict, evaluate
from deploykit.policy.case import MEANWHILE
from deploykit.release import Release, release_of
from deploykit.release.cutting import build_release
from deploykit.release.proof import prove
from deploykit.rollout import carries
from deploykit.rollout.work import Work
from deploykit.site.description import environment_digest
from deploykit.site.environment import Environment
from deploykit.site.promotion import Promotion
from deploykit.train.attendance import attending
from deploykit.train.deploy import demand_passed, deploy, smoke_test, tag_release
from deploykit.train.lease import abandoned


def run_train(work: Work, ledger: Ledger, release: Release, line: Sequence[Environment]) -> None:
    """Carry `release` along `line`: gather what policy needs, ask it, deploy; then the next.

    An environment that runs the release already is passed. Raises Refused with every reason
    where policy says no, and whatever deploying raises.
    """
    environments = work.site.environments()
    records = ledger.fetch_records()
    prove(release, records, kit_signers(records))
    for environment in line:
        if runs_already(work, ledger, release, environment):
            work.progress.say(f"{environment.name}: runs {release.version} already")
            continue
        gather(work, ledger, release, environment, environments)
        purpose = Purpose.PROMOTE if environment.promotion.source else Purpose.DEPLOY
        deploy(work, ledger, release, environment, purpose)


def runs_already(work: Work, ledger: Ledger, release: Release, environment: Environment) -> bool:
    """Whether the environment runs the release, by the ledger's word and by its own nodes'.

    The tag and the smoke test that a killed train left out are made up for.
    """
    records = ledger.fetch_records()
    now = running(records, environment.name)
    if now is None or now.digest != release.digest:
        return False
    if now.environment_digest not in (None, environment_digest(environment)):
        return False  # its files changed since: a deploy of the same release brings that about
    last = last_attempt(records, environment.name)
    if last is None or last.phase != Phase.FINISHED:
        return False  # whatever was tried since did not end well: deployed again, it is whole
    attendance = attending(work, release, environment, records)
    if now.left_out.keys() - attendance.left_out.keys():
        return False  # who is back is caught up by a deploy of the same release
    if not carries(work, release, attendance.inventory):
        return False
    tag_release(work, release, environment)
    tests = evidence(records, release=release.digest, environment=environment.name, check="smoke")
    if not any(entry.n > now.n for entry in tests):
        outcome = smoke_test(work, ledger, release, attendance)
        demand_passed(work, release, environment, outcome)
    return True


def gather(
    work: Work,
    ledger: Ledger,
    release: Release,
    environment: Environment,
    environments: dict[str, Environment],
) -> None:
    """Run every check that policy still needs for the release's entry, and record each.

    What only takes time or people (soak, a freeze, approvals) does not keep checks from running
    meanwhile. Raises Refused with every reason when something else stands in the way that no check
    can mend, and when all that lacks is evidence of checks that no train runs, time or people.
    """
    tried: Counter[NeededCheck] = Counter()
    while True:
        records = ledger.fetch_records()
        verdict = verdict_now(release, environment, ledger)
        if verdict.allowed:
            return
        rule = policy_in_force(records).get(environment.name, Promotion())
        spent = any(tried[one] >= rule.checks[one.check].attempts for one in verdict.needed)
        if _stops(verdict) or spent or not verdict.needed:
            verdict.demand(f"{release.version} into {environment.name}")
        # What looks at live nodes takes seconds, a throwaway copy minutes: fail early.
        for needed in sorted(verdict.needed, key=lambda entry: check_named(entry.check).on_copy):
            tried[needed] += 1
            run_check(work, ledger, release, environment, needed, environments=environments)


def _stops(verdict: Verdict) -> bool:
    """Whether something stands in the way for which nobody need wait: it is refused as it is."""
    return any(reason.code not in MEANWHILE for reason in verdict.reasons)


def verdict_now(release: Release, environment: Environment, ledger: Ledger) -> Verdict:
    """Policy's verdict on the release's entry as of now, after the records that are known.

    The lease of a deploy whose process is dead is no hindrance.
    """
    now, records, name = datetime.datetime.now(datetime.UTC), ledger.known, environment.name
    left = abandoned(records, name, now)
    return evaluate(
        release, name, records, now, left, runnable=check_names(), asker=ledger.operator
    )


def run_check(
    work: Work,
    ledger: Ledger,
    release: Release,
    environment: Environment,
    needed: NeededCheck,
    *,
    environments: dict[str, Environment],
) -> None:
    """Run one needed check where it belongs and record what it found.

    On the live nodes of the environment before, by the policy in force and among `environments`,
    or on a throwaway copy of the one that is to be entered. Raises DeployKitError, and records
    nothing, if somebody deployed another release to the environment before meanwhile.
    """
    check = check_named(needed.check)
    records = ledger.fetch_records()
    before = None
    if needed.over:
        before = build_release(work.site, ledger, release_of(work.site, records, needed.over))
    place, live = environment, None
    _demand_counting(check, environment, policy_in_force(records).get(environment.name))
    left_out: Mapping[str, str] = {}
    if not check.on_copy:
        source = policy_in_force(records).get(environment.name, Promotion()).source
        if source is None or source not in environments:
            raise DeployKitError(
                f"{environment.name}: '{check.name}' needs an environment to look at, and policy "
                f"names {source or 'none'}",
                "deploy-kit policy show",
            )
        place = environments[source]
        runs = running(records, place.name)
        attendance = attending(work, release, place, records, runs.left_out if runs else ())
        live, left_out = attendance.inventory, attendance.left_out
    signers = kit_signers(records)
    if needed.over:
        signers = kit_signers_back(records, needed.over, environment.name)
    occasion = Occasion(release, before, place, live, signers)
    outcome = look_and_record(work, ledger, check, occasion, records, left_out=left_out)
    mark = {Result.PASSED: "[green]passed[/green]", Result.FAILED: "[red]failed[/red]"}
    work.progress.say(
        f"  {check.name} in {place.name}: {mark.get(outcome.result, outcome.result)}: "
        f"{escape(one_line(outcome.summary))}"
    )


def check_now(work: Work, ledger: Ledger, check: Check, environment: Environment) -> Outcome:
    """Run `check` on what runs in `environment` now, and record what it found.

    Raises Refused where nothing runs there or the last deployment did not end well, InputError for
    a check that wants a copy, DeployKitError (recording nothing) if somebody deployed there
    meanwhile.
    """
    if check.on_copy:
        raise InputError(
            f"'{check.name}' makes a copy of an environment that a release is to enter",
            "deploy-kit train runs it where it is needed",
        )
    records = ledger.fetch_records()
    runs = running(records, environment.name)
    last = last_attempt(records, environment.name)
    if runs is None or last is None or last.phase != Phase.FINISHED:
        raise Refused(
            f"{environment.name}: no release runs there whole", "deploy-kit status; then deploy one"
        )
    release = build_release(work.site, ledger, release_of(work.site, records, runs.digest))
    attendance = attending(work, release, environment, records, runs.left_out)
    occasion = Occasion(release, None, environment, attendance.inventory, kit_signers(records))
    return look_and_record(work, ledger, check, occasion, records, left_out=attendance.left_out)


def look_and_record(
    work: Work,
    ledger: Ledger,
    check: Check,
    occasion: Occasion,
    records: Sequence[Record],
    *,
    left_out: Mapping[str, str],
) -> Outcome:
    """Run `check` and record what it found; `records` are those of before.

    Raises DeployKitError, and records nothing, if somebody deployed meanwhile what it looked at.
    """
    release, place, before = occasion.release, occasion.environment, occasion.before
    began = time.monotonic()
    outcome = check.run(work, occasion)
    seconds = time.monotonic() - began
    if occasion.live is not None and not undisturbed(ledger, release, place, records):
        raise DeployKitError(
            f"{place.name}: somebody deployed there while '{check.name}' was looking",
            "run it again when they are done: deploy-kit status",
        )
    finding = Finding(
        check.name,
        release,
        before.digest if before is not None else None,
        place.name,
        outcome,
        seconds,
        copy=check.on_copy,
        left_out=left_out,
        provider=_other_copier(check, place),
    )
    record(ledger, finding)
    return outcome


def _other_copier(check: Check, environment: Environment) -> str | None:
    """The provider that makes copies of the environment for `check`, if that is not its own."""
    copier = environment.for_copies().provider
    return copier if check.on_copy and copier != environment.provider else None


def _demand_counting(check: Check, environment: Environment, rule: Promotion | None) -> None:
    """Raise Refused before a copy is made that policy, `rule`, would not count."""
    copier = _other_copier(check, environment)
    if copier is not None and (rule is None or copier not in rule.copies):
        raise Refused(
            f"{environment.name}: its copies for '{check.name}' are made by {copier}, not by "
            f"{environment.provider} as it is itself, and its policy does not count them",
            f"{environment.file}: promotion: {{copies: [{copier}]}}; then deploy-kit policy apply",
        )


def undisturbed(
    ledger: Ledger, release: Release, place: Environment, before: Sequence[Record]
) -> bool:
    """Whether `place` ran the release all the time since `before`, and nothing was deployed."""
    now = ledger.fetch_records()
    was, runs = running(before, place.name), running(now, place.name)
    same = last_attempt(before, place.name) == last_attempt(now, place.name)
    return same and was is not None and was == runs and was.digest == release.digest
