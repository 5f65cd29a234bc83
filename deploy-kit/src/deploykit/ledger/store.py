"""The ledger: read and verified as a whole, appended to by compare-and-swap."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from deploykit.base import times
from deploykit.base.errors import Refused
from deploykit.base.progress import Progress, Silent, Step
from deploykit.base.times import utc_now
from deploykit.ledger.bodies import genesis_body, mend_body
from deploykit.ledger.chain import SKEW, verify
from deploykit.ledger.commits import RawCommit
from deploykit.ledger.draft import make_draft, name_of
from deploykit.ledger.kinds import Body
from deploykit.ledger.records import LedgerError, Record, parse
from deploykit.ledger.remote import clone_of, memory_of
from deploykit.ledger.repository import Clone, Tip
from deploykit.ledger.selection import has_commit
from deploykit.ledger.signatures import NAMESPACE
from deploykit.ledger.trust import (
    Pin,
    TrustFile,
    demand_known_genesis,
    demand_own_records,
    demand_same_ledger,
    read_first_format,
)
from deploykit.ledger.view import policy_json, signers_in_force
from deploykit.site import Site
from deploykit.site.keys import OPERATOR, Key, Keyring, sign

Decide = Callable[[Sequence[Record], datetime], Body]
Clock = Callable[[], datetime]

PATIENCE = 120.0  # seconds in which an append may be beaten by others before it gives up
PAUSE_MOST = 10.0  # seconds between two tries
MANY = 2000  # records whose verification a person is told of: it takes over a second


@dataclass(frozen=True, slots=True)
class Seen:
    """What was last fetched, replaced as a whole: the verified records, the tip of the branch, and
    what is wrong with the commits between them and it, if any are."""

    records: Sequence[Record] = ()
    tip: str | None = None
    fault: LedgerError | None = None


class Ledger:
    """One site's ledger, verified up to what was last fetched. Safe for threads and processes.

    Behind a verified beginning there may be commits that do not verify: somebody who may push put
    them there. Whoever reads goes on with what is verified, and `fault` says so; nobody writes
    before an admin has cut them off (`mend`).
    """

    def __init__(
        self,
        site: Site,
        clone: Clone,
        key: Key | None = None,
        *,
        clock: Clock = utc_now,
        progress: Callable[[], Progress] = Silent,
    ) -> None:
        self._site = site
        self._clone = clone
        self._keys = Keyring(site, key)
        self._clock = clock
        self._progress = progress
        self._memory = memory_of(clone)
        self._trust = TrustFile(site.trust)
        self._seen = Seen()

    @classmethod
    def open(
        cls,
        site: Site,
        key: Key | None = None,
        clock: Clock = utc_now,
        *,
        progress: Callable[[], Progress] = Silent,
    ) -> Ledger:
        """The ledger of `site`, fetched and verified; begun where there is none yet.

        With `key` that one signs every record, else the site's own of the role that the record
        needs. A new ledger's genesis trusts those, and holds the policy of the site's environments.
        `progress` makes what is told of a first fetch, and of the verification of many records.
        Raises LedgerError where it cannot be reached, does not verify, or is not the one that this
        machine trusts for the site (`trust`).
        """
        ledger = cls(site, clone_of(site), key, clock=clock, progress=progress)
        if not ledger.fetch_records():
            ledger._begin(site)
        demand_own_records(site, ledger.known)
        return ledger

    @property
    def key(self) -> Key:
        """The key that an operator's records are signed with."""
        return self.key_for({OPERATOR})

    @property
    def keys(self) -> Keyring:
        """The keys that this process may sign with."""
        return self._keys

    @property
    def operator(self) -> str:
        """By which name the ledger knows who deploys from here: the principal of that key."""
        return name_of(self.key, signers_in_force(self._seen.records))

    def key_for(self, roles: Collection[str]) -> Key:
        """The key for what a signer with one of `roles` may sign."""
        return self._keys.entitled(roles, signers_in_force(self._seen.records))

    @property
    def known(self) -> Sequence[Record]:
        """The records as last fetched; no I/O."""
        return self._seen.records

    @property
    def fault(self) -> LedgerError | None:
        """What is wrong with the ledger behind the records that are known; no I/O."""
        return self._seen.fault

    @property
    def late(self) -> tuple[int, ...]:
        """Numbers of records that this machine saw later than their time says."""
        pin = self._trust.read()
        return pin.late if pin else ()

    def fetch_records(self) -> Sequence[Record]:
        """Every verified record of the ledger as it is now: fetches and verifies what is new.

        Raises LedgerError; what was known stays known. What does not verify behind them is told
        by `fault`.
        """
        with self._memory.locked():
            self._clone.prepare()
            pin = self._pin()
            demand_same_ledger(pin, self._site, self._clone.remote)
            tip = self._fetch()
            if tip is None:
                if pin is not None:
                    raise LedgerError(
                        f"the ledger in {self._clone.remote} is gone: it has no branch 'ledger'",
                        "restore the branch from a clone of it",
                    )
                return ()
            if self._seen.tip == tip.commit and self._memory.holds(len(self._seen.records)):
                self._keep(self._seen, pin)
            else:
                self._absorb(tip, pin)
            return self._seen.records

    def commit_of(self, record: Record) -> RawCommit:
        """The commit that adds a known record, with what was signed and the signature.

        It is read from this machine's clone. Raises LedgerError where it is not there any more.
        """
        (found,) = self._clone.read([record.commit], record.n)
        if not found.commits:
            raise LedgerError(found.problem, "deploy-kit ledger verify")
        return found.commits[0]

    def reverify(self) -> Sequence[Record]:
        """Verify every record anew from the genesis on, without the cache.

        Raises LedgerError for the first that does not verify.
        """
        with self._memory.locked():
            self._memory.forget()
            self._seen = Seen()
        records = self.fetch_records()
        if self.fault is not None:
            raise self.fault
        return records

    def append(self, decide: Decide) -> Record:
        """Add the record whose body `decide(records, now)` returns, and return it.

        `decide` sees every record before its own, and is asked again with the winner's when
        somebody else was faster. What it raises (Refused) goes through and nothing is written.
        Raises LedgerError where this key may not write such a record, the ledger has to be mended
        first, or the remote fails; Refused where the record may not follow those before it.
        """
        return self._append(decide, mending=False)

    def mend(self, reason: str = "") -> Record:
        """Cut off what does not verify, by a record after the last one that does; returns it.

        Its commit also names the end of what is cut off as a parent, so that no push is forced.
        Raises Refused if everything verifies, LedgerError where this key is no admin's.
        """

        def decide(records: Sequence[Record], now: datetime) -> Body:
            tip = self._seen.tip
            if self._seen.fault is None or tip is None:
                raise Refused("every record of the ledger verifies: there is nothing to cut off")
            return mend_body(tip, len(self._clone.history(records[-1].commit, tip)), reason)

        return self._append(decide, mending=True)

    def _append(self, decide: Decide, mending: bool) -> Record:
        until, pause = time.monotonic() + PATIENCE, 0.0
        with self._clone.turn():
            while time.monotonic() < until:
                time.sleep(random.uniform(0, pause))  # noqa: S311
                began = time.monotonic()
                self.fetch_records()
                seen = self._seen
                if seen.fault is not None and not mending:
                    raise seen.fault
                now = self._time(seen.records)
                done = self._offer(seen, decide(seen.records, now), now)
                if done is not None:
                    return done
                # Writers of other machines: the more often they were faster, the more of them.
                pause = min(max(2 * pause, time.monotonic() - began), PAUSE_MOST)
        raise LedgerError(
            f"others wrote to the ledger for {PATIENCE:.0f} s, each time before this record",
            "run it again when there is less going on",
        )

    def _begin(self, site: Site) -> None:
        body = genesis_body(site.name, self._keys.founders(), policy_json(site.promotions()))
        if not (self._offer(Seen(), body, self._clock()) or self.fetch_records()):
            raise LedgerError(f"cannot begin the ledger in {self._clone.remote}")

    def _time(self, before: Sequence[Record]) -> datetime:
        now = self._clock()
        if not before or now >= before[-1].time:
            return now
        behind = before[-1].time - now
        if behind > SKEW:
            raise LedgerError(
                f"this machine's clock is {behind} behind the ledger's last record, "
                f"by {before[-1].actor}",
                "set the clock right; times never run backwards along the ledger",
            )
        return before[-1].time

    def _offer(self, seen: Seen, body: Body, now: datetime) -> Record | None:
        """Sign and push one record after `seen`; None when somebody else was faster."""
        before = seen.records
        draft = make_draft(self._keys, before, body, now)
        parents = [before[-1].commit] if before else []
        parents += [seen.tip] if seen.fault is not None and seen.tip else []
        payload = self._clone.payload(draft.n, draft.text, parents, draft.about)
        stored = self._clone.store(payload, sign(draft.key, payload, NAMESPACE))
        commit = stored.commit
        result = self._clone.push(commit)
        with self._memory.locked():
            fetched = None if result.returncode == 0 else self._clone.fetch()
            tip = commit if result.returncode == 0 else fetched.commit if fetched else None
            pin = self._pin()
            if not before:
                self._memory.begin()
            same = (pin.tip if pin else None) == (parents[0] if parents else None)
            if tip == commit and same and self._memory.holds(draft.n):
                self._clone.note_pushed(stored)
                record = parse(draft.text, draft.n, commit)
                self._memory.add([record], [draft.text])
                self._keep(Seen(self._memory.publish(), commit), pin)
                self._clone.pack()
                return record
        if tip == commit:  # another process of this state has gone on from it already
            return self.fetch_records()[draft.n]
        if tip != seen.tip:
            return None
        raise LedgerError(
            f"cannot push to the ledger in {self._clone.remote}: {result.stderr.strip()}",
            "check that you may push to its branch 'ledger'",
        )

    def _fetch(self) -> Tip | None:
        if self._clone.owned or not self._clone.is_new:
            return self._clone.fetch()
        with self._progress().step("the ledger, fetched for the first time"):
            return self._clone.fetch()

    def _absorb(self, tip: Tip, pin: Pin | None) -> None:
        """Verify up to `tip` from what is cached, and remember it."""
        memory = self._memory
        cached = memory.load(self._clone.tree) if pin is not None else memory.begin()
        after = cached[-1].commit if cached else None
        if after == tip.commit:  # nothing new: as in most calls, and git is not asked again
            if pin is not None and not has_commit(cached, pin.tip):
                raise self._rewritten(tip.commit)
            self._keep(Seen(cached, tip.commit), pin)
            return
        if after is not None and not self._clone.follows(after, tip.commit):
            raise self._rewritten(tip.commit)
        commits = self._clone.history(after, tip.commit)
        if not cached:
            demand_known_genesis(pin, self._site, commits[0], self._clone.owned)
        if pin is not None and pin.tip not in commits and not has_commit(cached, pin.tip):
            raise self._rewritten(tip.commit)
        fault, late = self._verify(cached, commits, pin)
        self._keep(Seen(memory.publish(), tip.commit, fault), pin, late)
        self._clone.pack()

    def _verify(
        self, cached: Sequence[Record], commits: Sequence[str], pin: Pin | None
    ) -> tuple[LedgerError | None, list[int]]:
        """Remember the records of `commits`, which follow those that are cached, up to the first
        fault; returns that, and the numbers of those that were not there at the last fetch and are
        dated before it.

        Raises LedgerError if not even the genesis verifies.
        """
        before = times.parse(pin.fetched) - SKEW if pin and pin.fetched else None
        seen = commits.index(pin.tip) + 1 if pin and pin.tip in commits else 0
        batches = self._clone.read(commits, len(cached))
        known, fault = len(cached), None
        late: list[int] = []
        with self._verifying(len(commits)) as step:
            for verified in verify(cached, batches, self._clock()):
                self._memory.add(verified.records, verified.texts)
                known, fault = known + len(verified.records), verified.fault
                if fault is not None and not known:
                    raise fault
                step.note(f"{known} in all")
                if before is not None:
                    unseen = (r for r in verified.records if r.n >= len(cached) + seen)
                    late += [record.n for record in unseen if record.time < before]
        return fault, late

    def _verifying(self, count: int) -> AbstractContextManager[Step]:
        """The step that a person is told of, where there are many records."""
        if count < MANY:
            return Silent().step("")
        return self._progress().step(f"{count} new records of the ledger, verified")

    def _pin(self) -> Pin | None:
        """What this machine trusts for the site; as the first format kept it, if only that is
        there: by the remote."""
        pin = self._trust.read()
        if pin is None:
            pin = read_first_format(
                self._memory.folder / "trust.json", self._site, self._clone.remote
            )
        return pin

    def _keep(self, seen: Seen, pin: Pin | None, late: Sequence[int] = ()) -> None:
        """Remember what was seen, and that this ledger is trusted up to there; `late` are numbers
        of records that came too late for their date."""
        records, now = seen.records, self._clock()
        kept = pin or Pin(records[0].commit, records[0].commit, self._site.name, self._clone.remote)
        # A clock set back may see records of the future where it had verified them before.
        ahead = not has_commit(records, kept.tip)
        tip = kept.tip if ahead else records[-1].commit
        late = (*kept.late, *(n for n in late if n not in kept.late))
        self._trust.write(replace(kept, tip=tip, fetched=times.iso(now), late=late))
        self._seen = seen

    def _rewritten(self, tip: str) -> LedgerError:
        return LedgerError(
            f"the ledger in {self._clone.remote} was rewritten: {tip[:12]} does not follow what "
            "this site has verified",
            "restore its branch from a clone that verifies; nothing in it is ever changed",
        )
