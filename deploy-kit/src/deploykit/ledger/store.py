"""The ledger: read and verified as a whole, appended to by compare-and-swap."""

from __future__ import annotations

import hashlib
import random
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.base.times import utc_now
from deploykit.ledger.chain import NAMESPACE, entitled, verify
from deploykit.ledger.index import Memory, Pin
from deploykit.ledger.kinds import KINDS, Body, genesis_body
from deploykit.ledger.records import LedgerError, Record, parse, render
from deploykit.ledger.repository import Clone
from deploykit.ledger.view import policy_json, signers_in_force
from deploykit.site import Site
from deploykit.site.keys import ROLES, Key, Signer, operator_key, sign

Decide = Callable[[tuple[Record, ...], datetime], Body]
Clock = Callable[[], datetime]

TRIES = 30  # how often an append may be beaten by others before it gives up
SKEW = timedelta(minutes=5)  # how far this machine's clock may lie behind the ledger's last record


@dataclass(frozen=True, slots=True)
class Seen:
    """The verified records and their texts, replaced together."""

    records: tuple[Record, ...] = ()
    texts: tuple[str, ...] = ()


class Ledger:
    """One site's ledger, verified up to what was last fetched. Safe for threads and processes."""

    def __init__(self, clone: Clone, memory: Memory, key: Key, clock: Clock = utc_now) -> None:
        self._clone = clone
        self._memory = memory
        self._key = key
        self._clock = clock
        self._seen = Seen()

    @classmethod
    def open(cls, site: Site, key: Key | None = None, clock: Clock = utc_now) -> Ledger:
        """The ledger of `site`, fetched and verified; begun where there is none yet.

        A new ledger's genesis trusts the operator's own key with every role, and holds the
        policy of the site's environments. Raises LedgerError where it cannot be reached, does
        not verify, or is not the one that this site has seen before.
        """
        folder = site.state / "ledger"
        remote = checked_remote(site)
        owned = remote == str(site.state / "ledger.git")
        name = hashlib.sha256(remote.encode()).hexdigest()[:8]
        clone = Clone(folder / f"{name}.git", remote, owned)
        ledger = cls(clone, Memory(folder / name), key or operator_key(site), clock)
        if not ledger.fetch_records():
            ledger._begin(site)
        return ledger

    @property
    def key(self) -> Key:
        """The key this process signs with."""
        return self._key

    @property
    def known(self) -> tuple[Record, ...]:
        """The records as last fetched; no I/O."""
        return self._seen.records

    def fetch_records(self) -> tuple[Record, ...]:
        """Every record of the ledger as it is now: fetches and verifies what is new.

        Raises LedgerError; what was known stays known.
        """
        with self._memory.locked():
            self._clone.prepare()
            tip = self._clone.fetch()
            pin = self._memory.pin()
            if tip is None:
                if pin is not None:
                    raise LedgerError(
                        f"the ledger in {self._clone.remote} is gone: it has no branch 'ledger'",
                        "restore the branch from a clone of it",
                    )
                return ()
            known = self._seen.records
            if not known or known[-1].commit != tip:
                self._absorb(tip, pin)
            return self._seen.records

    def reverify(self) -> tuple[Record, ...]:
        """Verify every record anew from the genesis on, without the cache."""
        with self._memory.locked():
            self._memory.forget()
            self._seen = Seen()
        return self.fetch_records()

    def append(self, decide: Decide) -> Record:
        """Add the record whose body `decide(records, now)` returns, and return it.

        `decide` sees every record before its own, and is asked again with the winner's when
        somebody else was faster. What it raises (Refused) goes through and nothing is written.
        Raises LedgerError where this key may not write such a record, or the remote fails.
        """
        self.fetch_records()
        for attempt in range(TRIES):
            if attempt:
                time.sleep(random.uniform(0, min(0.02 * 2**attempt, 1.0)))  # noqa: S311
                self.fetch_records()
            seen = self._seen
            now = self._time(seen.records)
            done = self._offer(seen, decide(seen.records, now), now)
            if done is not None:
                return done
        raise LedgerError(
            f"others wrote to the ledger {TRIES} times before this record got through",
            "run it again when there is less going on",
        )

    def principal(self) -> str:
        """By which name the ledger knows this process's key."""
        for signer in signers_in_force(self._seen.records):
            if signer.key == self._key.public:
                return signer.principal
        return self._key.principal

    def _begin(self, site: Site) -> None:
        everything = (Signer(self._key.principal, self._key.public, ROLES),)
        body = genesis_body(site.name, everything, policy_json(site.promotions()))
        for _ in range(TRIES):
            if self._offer(Seen(), body, self._clock()) or self.fetch_records():
                return
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
        n, actor = len(before), self.principal()
        text = render(n, now, actor, body)
        self._may_write(before, parse(text, n, "0" * 40))
        parent = before[-1].commit if before else None
        stamp = f"{actor} <{actor}> {int(now.timestamp())} +0000"
        header = f"author {stamp}\ncommitter {stamp}\n"
        texts = (*seen.texts, text)
        # Signatures repeat: without a word of its own, two writers' equal records would be one.
        message = f"{n}: {KINDS[body.kind].title(body.fields)}\n\n{secrets.token_hex(8)}"
        payload = self._clone.payload(texts, parent, header, message)
        commit = self._clone.store(payload, sign(self._key, payload, NAMESPACE))
        result = self._clone.push(commit)
        with self._memory.locked():
            tip = commit if result.returncode == 0 else self._clone.fetch()
            pin = self._memory.pin()
            if tip == commit and (pin.tip if pin else None) == parent:
                record = parse(text, n, commit)
                self._keep((*before, record), texts, (record,))
                return record
        if tip == commit:  # another process of this state has gone on from it already
            return self.fetch_records()[n]
        if tip != parent:
            return None
        raise LedgerError(
            f"cannot push to the ledger in {self._clone.remote}: {result.stderr.strip()}",
            "check that you may push to its branch 'ledger'",
        )

    def _may_write(self, before: Sequence[Record], record: Record) -> None:
        """Raises LedgerError where the ledger would not accept this key's signature."""
        signers = signers_in_force((*before, record) if KINDS[record.kind].begins else before)
        if not any(signer.key == self._key.public for signer in signers):
            raise LedgerError(
                f"the ledger does not know the key {self._key.file} ({self._key.principal})",
                "an admin of the ledger lets it in: deploy-kit ledger trust "
                f"{self._key.principal} KEYFILE --roles operator",
            )
        try:
            entitled(record, signers)
        except LedgerError as error:
            what = record.body.get("decision", record.kind)
            raise LedgerError(
                f"{record.actor} has no role that may write '{what}'",
                "who has which role: deploy-kit ledger signers",
            ) from error

    def _absorb(self, tip: str, pin: Pin | None) -> None:
        """Verify up to `tip` from what is cached, and remember it."""
        cached, texts = self._memory.load()
        if pin is None:
            cached, texts = [], []
        after = cached[-1].commit if cached else None
        if after == tip:
            self._keep(cached, texts, ())
            return
        if after is not None and not self._clone.follows(after, tip):
            raise self._rewritten(tip)
        commits = self._clone.history(after, tip)
        raw = self._clone.read(commits, len(cached))
        if pin is not None and not cached and raw[0].id != pin.genesis:
            raise LedgerError(
                f"{self._clone.remote} holds another ledger than this site trusts: its genesis is "
                f"{raw[0].id[:12]}, not {pin.genesis[:12]}",
                "check 'ledger:' in site.yml; another ledger needs another site, or a new state",
            )
        if pin is not None and pin.tip not in {r.commit for r in cached} | set(commits):
            raise self._rewritten(tip)
        new = verify(cached, raw)
        self._keep((*cached, *new), (*texts, *(commit.record for commit in raw)), new)

    def _keep(self, records: Sequence[Record], texts: Sequence[str], new: Sequence[Record]) -> None:
        if new:
            self._memory.add(new, texts[new[0].n :])
        pin = Pin(records[0].commit, records[-1].commit)
        if pin != self._memory.pin():
            self._memory.trust(pin)
        self._seen = Seen(tuple(records), tuple(texts))

    def _rewritten(self, tip: str) -> LedgerError:
        return LedgerError(
            f"the ledger in {self._clone.remote} was rewritten: {tip[:12]} does not follow what "
            "this site has verified",
            "restore its branch from a clone that verifies; nothing in it is ever changed",
        )


def checked_remote(site: Site) -> str:
    """Where a site's ledger is: a URL, or a path taken from the site's folder.

    Raises InputError for what git would take as an option or run as a program, and for a URL with
    a password in it.
    """
    remote = site.ledger
    where = f"{site.folder / 'site.yml'}: ledger"
    if re.match(r"[A-Za-z0-9+.-]+://[^/]*:[^/]*@", remote):
        raise InputError(f"{where}: the URL holds a password", "use a credential helper, or SSH")
    if remote.startswith("-") or re.match(r"[A-Za-z0-9+.-]+::", remote):
        raise InputError(f"{where}: {remote} is no repository", "write a URL or a path")
    if "://" in remote or re.match(r"[^/]+:", remote):
        return remote
    return str((site.folder / Path(remote).expanduser()).resolve())
