"""Whether a release may enter an environment, and if not, every reason why. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from deploykit.base.errors import Refused
from deploykit.ledger import view
from deploykit.ledger.records import Record
from deploykit.policy import rules
from deploykit.policy.case import MISSING, TO_ADD, Candidate, Case, NeededCheck, Reason
from deploykit.policy.rules import Rule
from deploykit.site.promotion import Promotion


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: allowed when there is no reason against it."""

    reasons: tuple[Reason, ...]

    @property
    def needed(self) -> tuple[NeededCheck, ...]:
        """The checks whose evidence is missing and that a train could still run."""
        return tuple(reason.needed for reason in self.reasons if reason.needed is not None)

    @property
    def allowed(self) -> bool:
        return not self.reasons

    @property
    def blocked(self) -> bool:
        """Whether something stands in the way that gathering evidence cannot mend."""
        return any(reason.code not in (MISSING, TO_ADD) for reason in self.reasons)

    def demand(self, what: str) -> None:
        """Raise Refused with every reason and every remedy, unless allowed; `what` is refused."""
        if self.allowed:
            return
        lines = "\n".join(f"- {reason.text}" for reason in self.reasons)
        remedies = dict.fromkeys(reason.remedy for reason in self.reasons if reason.remedy)
        raise Refused(f"{what} is refused:\n{lines}", "\n".join(remedies))


def evaluate(
    release: Candidate,
    environment: str,
    records: Sequence[Record],
    now: datetime,
    own_deploy: str | None = None,
    *,
    runnable: Collection[str] | None = None,
    asker: str | None = None,
) -> Verdict:
    """Whether `release` may enter `environment` at `now` (aware UTC), by the ledger's own policy.

    `own_deploy` is the id of a deploy whose lease does not stand in the way: the caller's own, or
    one whose process it knows to be dead. `runnable` are the checks that the caller could run:
    evidence of others is asked for by its own reason, and they are not `needed`. `asker` is the
    principal of who asks for the entry, None if nobody does yet. A release that runs there already
    needs no evidence to be deployed once more.
    """
    policy = view.policy_in_force(records)
    if environment not in policy:
        return no_policy(environment, policy)
    case = Case(
        release, environment, records, now, policy[environment], own_deploy, runnable, asker
    )
    return judge(case)


def judge(case: Case) -> Verdict:
    """The verdict on a case, by the policy that it holds."""
    return _verdict(case, rules.entry_rules(case))


def evaluate_rollback(
    release: Candidate,
    environment: str,
    records: Sequence[Record],
    now: datetime,
    own_deploy: str | None = None,
) -> Verdict:
    """Whether `environment` may go back to `release`: it must have run there, and nobody forbid it.

    Going back asks for no new evidence; veto, hold, pin and lease hold as for going forward.
    """
    policy = view.policy_in_force(records)
    if environment not in policy:
        return no_policy(environment, policy)
    return judge_return(Case(release, environment, records, now, policy[environment], own_deploy))


def judge_return(case: Case) -> Verdict:
    """The verdict on going back, by the policy that the case holds."""
    return _verdict(case, (*rules.ALWAYS, *rules.RETURN))


def _verdict(case: Case, asked: Iterable[Rule]) -> Verdict:
    return Verdict(tuple(reason for rule in asked for reason in rule(case)))


def no_policy(environment: str, policy: Mapping[str, Promotion]) -> Verdict:
    """The verdict where `policy` has nothing for the environment."""
    known = ", ".join(policy) or "none"
    text = f"the ledger knows no policy for {environment} (it knows: {known})"
    return Verdict((Reason("no-policy", text, "deploy-kit policy apply"),))
