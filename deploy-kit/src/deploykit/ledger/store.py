"""The ledger: read and verified as a whole, appended to by compare-and-swap."""

from __future__ import annotations

import hashlib
import random
import re
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from deploykit.base import times
from deploykit.base.errors import InputError, Refused
from deploykit.base.times import utc_now
from deploykit.ledger.bodies import genesis_body, mend_body
from deploykit.ledger.chain import NAMESPACE, SKEW, entitled, verify
from deploykit.ledger.continuity import Continuity
from deploykit.ledger.index import Memory
from deploykit.ledger.kinds import KINDS, Body
from deploykit.ledger.records import LedgerError, Record, parse, parse_signers, render, writers
from deploykit.ledger.repository import RESTORE, Clone, RawCommit, Tip, record_trees
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
from deploykit.site.keys import IN_ORDER, OPERATOR, Key, Keyring, Signer, sign

Decide = Callable[[tuple[Record, ...], datetime], Body]
Clock = Callable[[], datetime]

TRIES = 30  # how often an append may be beaten by others before it gives up


@dataclass(frozen=True, slots=True)
class Seen:
    """What was last fetched, replaced as a whole: the verified records with their texts, the tip of
    the branch, and what is wrong with the commits between them and it, if any are."""

    records: tuple[Record, ...] = ()
    texts: tuple[str, ...] = ()
    tip: str | None = None
    fault: LedgerError | None = None


class Ledger:
    """One site's ledger, verified up to what was last fetched. Safe for threads and processes.

    Behind a verified beginning there may be commits that do not verify: somebody who may push put
    them there. Whoever reads goes on with what is verified, and `fault` says so; nobody writes
    before an admin has cut them off (`mend`).
    """

    def __init__(
        self, site: Site, clone: Clone, key: Key | None = None, *, clock: Clock = utc_now
    ) -> None:
        self._site = site
        self._clone = clone
        self._keys = Keyring(site, key)
        self._clock = clock
        self._memory = Memory(clone.folder.with_suffix(""))
        self._trust = TrustFile(site.trust)
        self._seen = Seen()

    @classmethod
    def open(cls, site: Site, key: Key | None = None, clock: Clock = utc_now) -> Ledger:
        """The ledger of `site`, fetched and verified; begun where there is none yet.

        With `key` that one signs every record, else the site's own of the role that the record
        needs. A new ledger's genesis trusts those, and holds the policy of the site's environments.
        Raises LedgerError where it cannot be reached, does
        not verify, or is not the one that this machine trusts for the site (`trust`).
        """
        ledger = cls(site, clone_of(site), key, clock=clock)
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
        return _name_of(self.key, signers_in_force(self._seen.records))

    def key_for(self, roles: Collection[str]) -> Key:
        """The key for what a signer with one of `roles` may sign."""
        return self._keys.entitled(roles, signers_in_force(self._seen.records))

    @property
    def known(self) -> tuple[Record, ...]:
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

    def fetch_records(self) -> tuple[Record, ...]:
        """Every verified record of the ledger as it is now: fetches and verifies what is new.

        Raises LedgerError; what was known stays known. What does not verify behind them is told
        by `fault`.
        """
        with self._memory.locked():
            self._clone.prepare()
            pin = self._pin()
            demand_same_ledger(pin, self._site, self._clone.remote)
            tip = self._clone.fetch()
            if tip is None:
                if pin is not None:
                    raise LedgerError(
                        f"the ledger in {self._clone.remote} is gone: it has no branch 'ledger'",
                        "restore the branch from a clone of it",
                    )
                return ()
            if self._seen.tip != tip.commit:
                self._absorb(tip, pin)
            else:
                self._keep(self._seen, (), pin)
            return self._seen.records

    def commit_of(self, record: Record) -> RawCommit:
        """The commit that adds a known record, with what was signed and the signature.

        It is read from this machine's clone. Raises LedgerError where it is not there any more.
        """
        commits, problem = self._clone.read([record.commit], record.n)
        if not commits:
            raise LedgerError(problem, "deploy-kit ledger verify")
        return commits[0]

    def reverify(self) -> tuple[Record, ...]:
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

        def decide(records: tuple[Record, ...], now: datetime) -> Body:
            tip = self._seen.tip
            if self._seen.fault is None or tip is None:
                raise Refused("every record of the ledger verifies: there is nothing to cut off")
            return mend_body(tip, len(self._clone.history(records[-1].commit, tip)), reason)

        return self._append(decide, mending=True)

    def _append(self, decide: Decide, mending: bool) -> Record:
        self.fetch_records()
        for attempt in range(TRIES):
            if attempt:
                time.sleep(random.uniform(0, min(0.02 * 2**attempt, 1.0)))  # noqa: S311
                self.fetch_records()
            seen = self._seen
            if seen.fault is not None and not mending:
                raise seen.fault
            now = self._time(seen.records)
            done = self._offer(seen, decide(seen.records, now), now)
            if done is not None:
                return done
        raise LedgerError(
            f"others wrote to the ledger {TRIES} times before this record got through",
            "run it again when there is less going on",
        )

    def _begin(self, site: Site) -> None:
        body = genesis_body(site.name, self._keys.founders(), policy_json(site.promotions()))
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
        signers = signers_in_force(before) if before else parse_signers(body.fields["signers"])
        key = self._keys.entitled(writers(body), signers)
        n, actor = len(before), _name_of(key, signers)
        text = render(n, now, actor, body)
        self._may_write(key, before, parse(text, n, "0" * 40))
        parents = [before[-1].commit] if before else []
        parents += [seen.tip] if seen.fault is not None and seen.tip else []
        stamp = f"{actor} <{actor}> {int(now.timestamp())} +0000"
        header = f"author {stamp}\ncommitter {stamp}\n"
        texts = (*seen.texts, text)
        # Signatures repeat: without a word of its own, two writers' equal records would be one.
        message = f"{n}: {KINDS[body.kind].title(body.fields)}\n\n{secrets.token_hex(8)}"
        payload = self._clone.payload(texts, parents, header, message)
        commit = self._clone.store(payload, sign(key, payload, NAMESPACE))
        result = self._clone.push(commit)
        with self._memory.locked():
            fetched = None if result.returncode == 0 else self._clone.fetch()
            tip = commit if result.returncode == 0 else fetched.commit if fetched else None
            pin = self._pin()
            if tip == commit and (pin.tip if pin else None) == (parents[0] if parents else None):
                record = parse(text, n, commit)
                self._keep(Seen((*before, record), texts, commit), (record,), pin)
                return record
        if tip == commit:  # another process of this state has gone on from it already
            return self.fetch_records()[n]
        if tip != seen.tip:
            return None
        raise LedgerError(
            f"cannot push to the ledger in {self._clone.remote}: {result.stderr.strip()}",
            "check that you may push to its branch 'ledger'",
        )

    def _may_write(self, key: Key, before: Sequence[Record], record: Record) -> None:
        """Raises LedgerError where the ledger would not accept that key's signature, Refused where
        the record cannot follow those before it."""
        standing = Continuity(before)
        signers = standing.signers_for(record)
        if not any(signer.key == key.public for signer in signers):
            wanted = writers(Body(record.kind, record.body))
            role = next(role for role in IN_ORDER if role in wanted)
            raise LedgerError(
                f"the ledger does not know the key {key.file} ({key.principal})",
                "an admin of the ledger lets it in: deploy-kit ledger trust "
                f"{key.principal} KEYFILE --roles {role}",
            )
        try:
            entitled(record, signers)
        except LedgerError as error:
            what = record.body.get("decision", record.kind)
            raise LedgerError(
                f"{record.actor} has no role that may write '{what}'",
                "who has which role: deploy-kit ledger signers",
            ) from error
        problem = standing.problem(record)
        if problem:
            raise Refused(problem, "deploy-kit history")

    def _absorb(self, tip: Tip, pin: Pin | None) -> None:
        """Verify up to `tip` from what is cached, and remember it."""
        cached, texts = self._cached(tip) if pin is not None else ([], [])
        after = cached[-1].commit if cached else None
        if after == tip.commit:  # nothing new: as in most calls, and git is not asked again
            if pin is not None and all(record.commit != pin.tip for record in cached):
                raise self._rewritten(tip.commit)
            self._keep(Seen(tuple(cached), tuple(texts), tip.commit), (), pin)
            return
        if after is not None and not self._clone.follows(after, tip.commit):
            raise self._rewritten(tip.commit)
        commits = self._clone.history(after, tip.commit)
        if not cached:
            demand_known_genesis(pin, self._site, commits[0], self._clone.owned)
        raw, problem = self._clone.read(commits, len(cached))
        if pin is not None and pin.tip not in {r.commit for r in cached} | set(commits):
            raise self._rewritten(tip.commit)
        verified = verify(cached, raw, self._clock())
        fault = verified.fault or (LedgerError(problem, RESTORE) if problem else None)
        records = (*cached, *verified.records)
        if not records:
            assert fault is not None
            raise fault
        known = (*texts, *(commit.record for commit in raw[: len(verified.records)]))
        self._keep(Seen(records, known, tip.commit, fault), verified.records, pin)

    def _pin(self) -> Pin | None:
        """What this machine trusts for the site; as the first format kept it, if only that is
        there: by the remote."""
        pin = self._trust.read()
        if pin is None:
            pin = read_first_format(
                self._memory.folder / "trust.json", self._site, self._clone.remote
            )
        return pin

    def _cached(self, tip: Tip) -> tuple[list[Record], list[str]]:
        """The records of the cache with their texts; none if they are not those of the commits."""
        records, texts = self._memory.load()
        if records:
            last = records[-1].commit
            tree = tip.tree if last == tip.commit else self._clone.tree(last)
            if tree != record_trees(texts).root:
                self._memory.forget()
                return [], []
        return records, texts

    def _keep(self, seen: Seen, new: Sequence[Record], pin: Pin | None) -> None:
        if new:
            self._memory.add(new, seen.texts[new[0].n :])
        records, now = seen.records, self._clock()
        kept = pin or Pin(records[0].commit, records[0].commit, self._site.name, self._clone.remote)
        # A clock set back may see records of the future where it had verified them before.
        ahead = all(record.commit != kept.tip for record in records)
        late = kept.late
        if kept.fetched:
            before = times.parse(kept.fetched) - SKEW
            late += tuple(r.n for r in new if r.time < before and r.n not in late)
        tip = kept.tip if ahead else records[-1].commit
        self._trust.write(replace(kept, tip=tip, fetched=times.iso(now), late=late))
        self._seen = seen

    def _rewritten(self, tip: str) -> LedgerError:
        return LedgerError(
            f"the ledger in {self._clone.remote} was rewritten: {tip[:12]} does not follow what "
            "this site has verified",
            "restore its branch from a clone that verifies; nothing in it is ever changed",
        )


def _name_of(key: Key, signers: Sequence[Signer]) -> str:
    """By which name `signers` know the key; its own if they do not."""
    return next((one.principal for one in signers if one.key == key.public), key.principal)


def clone_of(site: Site) -> Clone:
    """The clone of a site's ledger in its state. Raises InputError as `checked_remote` does."""
    remote = checked_remote(site)
    name = hashlib.sha256(remote.encode()).hexdigest()[:8]
    owned = remote == str(site.state / "ledger.git")
    return Clone(site.state / "ledger" / f"{name}.git", remote, owned)


def accept_ledger(site: Site, genesis: str) -> None:
    """Trust the ledger and the name that site.yml has now, if it began with the commit `genesis`.

    Raises LedgerError where there is none, or it began otherwise.
    """
    clone = clone_of(site)
    memory = Memory(clone.folder.with_suffix(""))
    with memory.locked():
        clone.prepare()
        tip = clone.fetch()
        first = clone.history(None, tip.commit)[0] if tip else "nothing"
        if first != genesis:
            raise LedgerError(
                f"the ledger in {clone.remote} began with {first[:12]}, not with {genesis[:12]}",
                "compare with `deploy-kit ledger verify` on another machine",
            )
        memory.forget()
        TrustFile(site.trust).write(Pin(genesis, genesis, site.name, clone.remote))


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
