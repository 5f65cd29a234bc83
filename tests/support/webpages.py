"""The pages served to a test as they are to a browser: over HTTP, by the real server."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

import requests
from deploykit.base.times import utc_now
from deploykit.base.waiting import wait_until
from deploykit.board import standings
from deploykit.gate.report import Report
from deploykit.ledger.commits import RawCommit
from deploykit.ledger.records import Record
from deploykit.pods import Pod
from deploykit.release.page import Page
from deploykit.web.edges import Edge
from deploykit.web.kept import Answer, Kept
from deploykit.web.serving import Address, Server, listen_at
from deploykit.web.snapshot import Snapshot, assemble
from deploykit.web.sources import Sources
from ledgerbook import Named

RUNNABLE = frozenset({"smoke", "idempotence", "upgrade", "bootstrap"})
PATIENCE = 20  # seconds for an answer


@dataclass
class Shelf:
    """What the pages of a test are made of, to be changed while they are served."""

    snapshot: Snapshot
    read: datetime = field(default_factory=utc_now)
    report: Report | None = None
    gate: bool = False
    pods: list[Pod] = field(default_factory=list)
    edges: dict[Edge, Answer[Page]] = field(default_factory=dict)

    def sources(self) -> Sources:
        """As the application has them."""
        return Sources(
            snapshot=lambda: self.snapshot,
            read=lambda: self.read,
            commit=commit_of,
            report=(lambda: self.report) if self.gate else None,
            edge=lambda edge: self.edges.get(edge, Answer()),
            pods=Kept(lambda: self.pods, 0.0),
            runnable=RUNNABLE,
        )


def snapshot_of(
    records: Sequence[Record], names: Sequence[str], newest: Named | None, now: datetime
) -> Snapshot:
    """The snapshot of a story's records, with the environments `names` in their order."""
    lines = standings(names, records, newest, now, RUNNABLE)
    return assemble("trial", lines, tuple(records), now)


def again(snapshot: Snapshot) -> Snapshot:
    """The same state, as if it had been read once more."""
    return replace(snapshot, tag=secrets.token_hex(8))


def commit_of(record: Record) -> RawCommit:
    """In the place of git's commit, for records that no ledger has."""
    return RawCommit(record.commit, (), "", "", "payload\n", "signature\n", "", "{}")


@contextmanager
def served(sources: Sources, names: Collection[str] = ()) -> Iterator[str]:
    """Serve the pages of `sources` until the block ends; yields the address they begin with."""
    with listen_at(Address("127.0.0.1", 0)) as listening:
        server = Server(sources, names)
        thread = threading.Thread(target=server.run, args=(listening,))
        thread.start()
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            assert wait_until(lambda: _answers(base), PATIENCE)
            yield base
        finally:
            server.end()
            thread.join()


def _answers(base: str) -> bool:
    try:
        return requests.get(f"{base}/static/icon.svg", timeout=PATIENCE).ok
    except requests.ConnectionError:
        return False
