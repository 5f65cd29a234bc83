"""What CI runs: `make test`, then the suites that are due, as many as fit into its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from deploykit.affected import calls, plan
from deploykit.affected.calls import Outcome
from deploykit.affected.checkout import Checkout
from deploykit.affected.passes import Passes
from deploykit.affected.plan import Due
from deploykit.affected.suites import Suite
from deploykit.base.errors import InputError

TEST = "test"  # the name under which the times of `make test` are kept
Tell = Callable[[str], None]


@dataclass(slots=True)
class Ci:
    """One run of CI over `checkout`, which began `began` seconds ago by `clock`.

    `budget`: seconds in all within which suites should end; `limit`: after which nothing may run.
    """

    checkout: Checkout
    passes: Passes
    budget: float
    limit: float
    began: float
    tell: Tell
    clock: Callable[[], float] = time.monotonic
    make: Callable[[Sequence[str], float], str] | None = None
    run: Callable[[Sequence[Suite], float], list[Outcome]] | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    commit: str | None = None

    def elapsed(self) -> float:
        return self.clock() - self.began

    def whole(self) -> int:
        """`make test`, then what is due and fits; returns the exit status, 0 or 1.

        If `make test` fails nothing else runs. If a suite fails the others still do: each costs its
        time only once, as what passed is recorded. A suite that is stopped counts as not run.
        """
        self.commit = self.checkout.commit()
        self.test()
        if any(outcome.result != "passed" for outcome in self.outcomes):
            self.tell("not run: every other suite, since `make test` did not pass")
            return self.summary([])
        waiting = self.due()
        for due in waiting:
            self.tell(f"due: {due.suite.name}, about {minutes(due.seconds)}: {due.why}")
        while batch := plan.next_call(waiting, self.budget - self.elapsed()):
            waiting = [due for due in waiting if due not in batch]
            self.together([due.suite for due in batch])
        return self.summary(waiting)

    def every(self) -> int:
        """`make test` and all suites, whatever time they take; returns the exit status, 0 or 1.

        A suite that passed at this very commit is not run again, so a call that was ended goes on.
        """
        self.commit = self.checkout.commit()
        self.test()
        records = self.passes.read()
        done = {
            name for name, record in records.items() if self.commit and self.commit in record.passed
        }
        suites = [suite for suite in self.checkout.table.suites if not suite.core]
        for suite in suites:
            if suite.name in done:
                self.outcomes.append(Outcome(suite.name, "passed", 0.0))
        self.run_all([suite for suite in suites if suite.name not in done])
        return self.summary([])

    def named(self, names: Sequence[str]) -> int:
        """The suites `names`, in that order and whatever time they take; returns the exit status,
        0 or 1.

        Raises InputError for a name that is not in the table.
        """
        suites = {suite.name: suite for suite in self.checkout.table.suites}
        for name in names:
            if name not in suites:
                raise InputError(f"there is no suite '{name}'", f"suites: {', '.join(suites)}")
        self.commit = self.checkout.commit()
        self.run_all([suites[name] for name in names])
        return self.summary([])

    def run_all(self, suites: Sequence[Suite]) -> None:
        """Every one of `suites`, recorded."""
        waiting = [Due(suite, "", 60.0, False) for suite in suites]
        while batch := plan.next_call(waiting, float("inf")):
            waiting = [due for due in waiting if due not in batch]
            self.together([due.suite for due in batch])

    def due(self) -> list[Due]:
        """The suites that are due, in their order; those of `make test` always run with it.

        If there is no time for any of them they are only named: nothing is rendered for that.
        """
        suites = [suite for suite in self.checkout.table.suites if not suite.core]
        render = self.elapsed() < self.budget
        affected_since = partial(self.checkout.affected_since, render=render)
        return plan.due(suites, self.passes.read(), affected_since)

    def test(self) -> None:
        """`make test`, recorded for the suites that are part of it."""
        began = self.clock()
        timeout = plan.allowed(self.elapsed(), self.limit)
        result = self._make([TEST], timeout)
        self.note(Outcome(TEST, result, self.clock() - began))
        if result == "passed":
            of_kitchen = calls.kitchen_outcomes(self.checkout.folder, stopped=False)
            seconds = {outcome.suite: outcome.seconds for outcome in of_kitchen}
            of_files = calls.core_seconds(self.checkout.folder)
            for suite in self.checkout.table.suites:
                if suite.core:
                    in_files = sum(of_files.get(file, 0.0) for file in suite.tests)
                    self._record(suite.name, result, seconds.get(suite.name) or in_files or None)

    def together(self, suites: Sequence[Suite]) -> None:
        """One call of make, recorded suite by suite."""
        timeout = plan.allowed(self.elapsed(), self.limit)
        names = ", ".join(suite.name for suite in suites)
        self.tell(f"{minutes(self.elapsed())} so far; now: {names}")
        for outcome in self._run(suites, timeout):
            self.note(outcome)

    def note(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._record(outcome.suite, outcome.result, outcome.seconds)
        self.tell(f"{outcome.result}: {outcome.suite}, {minutes(outcome.seconds)}")

    def _make(self, words: Sequence[str], timeout: float) -> str:
        folder = self.checkout.folder
        make = self.make or (lambda words, timeout: calls.make(folder, words, timeout))
        return make(words, timeout)

    def _run(self, suites: Sequence[Suite], timeout: float) -> list[Outcome]:
        folder = self.checkout.folder
        run = self.run or (lambda suites, timeout: calls.run_suites(folder, suites, timeout))
        return run(suites, timeout)

    def _record(self, name: str, result: str, seconds: float | None) -> None:
        # What ran speaks for a commit only if the working copy was that commit all the time.
        commit = self.commit if self.commit and self.checkout.commit() == self.commit else None
        if result == "passed" and commit is None:
            self.tell(f"{name}: its pass is not recorded, the working copy is not one commit")
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self.passes.note(name, result, commit, seconds if result != "failed" else None, at)

    def summary(self, left: Sequence[Due]) -> int:
        """The last lines: what passed, what failed, what did not end and what did not run."""
        self.tell("")
        for result, word in (("passed", "passed"), ("failed", "FAILED")):
            names = [outcome.suite for outcome in self.outcomes if outcome.result == result]
            if names or result == "passed":
                self.tell(f"{word}: {', '.join(names) or 'nothing'}")
        cut = [outcome.suite for outcome in self.outcomes if outcome.result == "unfinished"]
        if cut:
            self.tell(f"not finished: {', '.join(cut)} (stopped for want of time; still due)")
        named = [f"{due.suite.name} ({minutes(due.seconds)})" for due in left]
        self.tell(f"not run: {', '.join(named) or 'nothing that is due'}")
        self.tell(f"in all {minutes(self.elapsed())}")
        bad = [outcome for outcome in self.outcomes if outcome.result == "failed"]
        untested = any(
            outcome.suite == TEST and outcome.result != "passed" for outcome in self.outcomes
        )
        return int(bool(bad) or untested)


def minutes(seconds: float) -> str:
    """`seconds` for people: '4 min 10 s'."""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
