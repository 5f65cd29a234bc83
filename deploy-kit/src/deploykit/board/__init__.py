"""The board: which release runs where, since when, on what evidence, and what comes next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from deploykit.care import remembered, warnings
from deploykit.ledger import utc_now, view
from deploykit.ledger.keeping import Keeping, keeping
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase, Result
from deploykit.ledger.words import short
from deploykit.policy import Candidate, Verdict, evaluate
from deploykit.policy.case import Case, Reason
from deploykit.policy.replay import breach_in
from deploykit.policy.restrictions import on_hold, pinned, vetoed
from deploykit.policy.timing import frozen
from deploykit.site import Site
from deploykit.site.description import environment_digest
from deploykit.site.instance import Instance
from deploykit.site.promotion import Promotion


@dataclass(frozen=True, slots=True)
class Next:
    """The release that could enter an environment now, and policy's answer."""

    digest: str
    version: str
    source: str | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Standing:
    """How one environment stands; `marks` are the last results of each check of what it runs, with
    their times in `marked`; `in_force` what people decided that holds there, in words."""

    environment: str
    running: view.Running | None
    last: view.Attempt | None
    busy: bool
    marks: tuple[tuple[str, Result], ...]
    next: Next | None
    marked: Mapping[str, datetime] = field(default_factory=dict)
    in_force: tuple[Reason, ...] = ()
    breach: tuple[Reason, ...] = ()  # what stood against the entry of what runs, when it entered
    secrets: Keeping | None = None  # how old the export of its secrets is, if any record tells
    described: str | None = None  # digest of what its files say now, if they can be read
    late: tuple[str, ...] = ()  # what is late in its care, in words, as far as this machine saw

    @property
    def differs(self) -> bool | None:
        """Whether its files say something else than what stands; None where nobody knows."""
        stands = self.running.environment_digest if self.running else None
        return None if stands is None or self.described is None else stands != self.described

    @property
    def left_out(self) -> Mapping[str, str]:
        """The nodes that do not run what the environment runs, each with the reason of then."""
        return self.running.left_out if self.running else {}

    @property
    def failed(self) -> view.Attempt | None:
        """The last deploy there, if it is of the release that could come next, and it failed."""
        last = self.last
        if self.next is None or last is None or last.phase != Phase.FAILED:
            return None
        return last if last.release == self.next.digest else None


def standings(
    environments: Iterable[str],
    records: Sequence[Record],
    newest: Candidate | None,
    now: datetime,
    runnable: Collection[str] | None = None,
    *,
    versions: Mapping[str, str] | None = None,
    described: Mapping[str, str] | None = None,
) -> tuple[Standing, ...]:
    """The board's lines for `environments`; `newest` is what may enter those without a source.

    `runnable` are the checks that a train can run, for what is told of the others; `versions` has
    those of releases that the ledger need not know yet, by digest; `described` the digests of what
    the environments' files say, by name.
    """
    return tuple(
        replace(
            _standing(name, records, newest, now, runnable),
            in_force=_in_force(name, records, now, versions or {}),
            described=(described or {}).get(name),
        )
        for name in environments
    )


def board(site: Site, records: Sequence[Record]) -> tuple[Standing, ...]:
    """The board of a site after the ledger's `records`, in the order of promotion.

    What cannot be read of the site's own environments is left out: the ledger's word counts.
    """
    from deploykit.checks import check_names
    from deploykit.release import releases

    cut = [
        one for one in releases(site) if view.version_of(records, one.digest) in (None, one.version)
    ]
    readable = site.read_environments().environments
    names = shown({name: one.promotion for name, one in readable.items()}, records)
    found = standings(
        names,
        records,
        cut[-1] if cut else None,
        utc_now(),
        check_names(),
        versions={release.digest: release.version for release in cut},
        described={name: environment_digest(one) for name, one in readable.items()},
    )
    return tuple(replace(one, late=_late(site, one, records)) for one in found)


def _late(site: Site, line: Standing, records: Sequence[Record]) -> tuple[str, ...]:
    if line.running is None:
        return ()
    name = line.environment
    seen = remembered(site, Instance(name))
    return tuple(warnings(name, seen, view.last_deployed(records, name), utc_now()))


def shown(asked: Mapping[str, Promotion], records: Sequence[Record]) -> list[str]:
    """The environments that a board shows, in the order of promotion.

    Those of the line and those that something was ever deployed to; the rest are for development.
    All where there is no line. `asked` is the policy of the site's environment files.
    """
    rules = {**asked, **view.policy_in_force(records)}
    sources = {rule.source for rule in (*asked.values(), *rules.values())}
    found = [
        name
        for name in rules
        if rules[name].source or name in sources or view.last_attempt(records, name)
    ]
    return found or list(rules)


def _standing(
    name: str,
    records: Sequence[Record],
    newest: Candidate | None,
    now: datetime,
    runnable: Collection[str] | None,
) -> Standing:
    runs = view.running(records, name)
    marks = _marks(records, name, runs)
    breach = breach_in(records, name)
    return Standing(
        environment=name,
        running=runs,
        last=view.last_attempt(records, name),
        busy=view.in_flight(records, name, now) is not None,
        marks=tuple((entry.check, entry.result) for entry in marks),
        marked={entry.check: entry.time for entry in marks},
        next=next_for(name, records, runs, newest, now=now, runnable=runnable),
        breach=breach.reasons if breach else (),
        secrets=keeping(records, name),
    )


def next_for(
    name: str,
    records: Sequence[Record],
    runs: view.Running | None,
    newest: Candidate | None,
    *,
    now: datetime,
    runnable: Collection[str] | None,
) -> Next | None:
    """What could enter the environment `name`, which `runs`; None if there is nothing to enter.

    That is what its source runs, `newest` where it has none. `runnable` as in `standings`.
    """
    policy = view.policy_in_force(records)
    source = policy[name].source if name in policy else None
    candidate: Candidate | None = newest
    if source is not None:
        candidate = view.running(records, source)
    if candidate is None or (runs is not None and runs.digest == candidate.digest):
        return None
    verdict = evaluate(candidate, name, records, now, runnable=runnable)
    return Next(candidate.digest, candidate.version, source, verdict)


@dataclass(frozen=True, slots=True)
class _Named:
    digest: str
    version: str


def _marks(
    records: Sequence[Record], name: str, runs: view.Running | None
) -> tuple[view.Evidence, ...]:
    """The last result of each check of what runs in `name`, gathered there or for its entry."""
    if runs is None:
        return ()
    found = view.evidence(records, release=runs.digest)
    return tuple({e.check: e for e in found if name in (e.environment, e.edge)}.values())


def _in_force(
    name: str, records: Sequence[Record], now: datetime, versions: Mapping[str, str]
) -> tuple[Reason, ...]:
    """The hold, the pin, the freeze and the vetoes that policy would go by in `name`, whoever came
    next."""
    policy = view.policy_in_force(records).get(name, Promotion())

    def asked(digest: str) -> Case:
        version = view.version_of(records, digest) or versions.get(digest, short(digest))
        release = _Named(digest, version)
        return Case(release, name, records, now, policy, None)

    nobodys = asked("")
    vetoes = [entry.release for entry in view.decisions(records, "veto") if entry.release]
    found = [*on_hold(nobodys), *pinned(nobodys), *frozen(nobodys)]
    return (*found, *(one for digest in dict.fromkeys(vetoes) for one in vetoed(asked(digest))))
