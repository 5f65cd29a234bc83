"""Where pages come from: the ledger followed, the gate's report, pods as their providers tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from deploykit.checks import check_names
from deploykit.gate.config import FILE
from deploykit.gate.report import Report, read_report
from deploykit.ledger import Ledger
from deploykit.ledger.commits import RawCommit
from deploykit.ledger.records import Record
from deploykit.pods import Pod
from deploykit.pods.listing import pods_up
from deploykit.release.page import Page
from deploykit.site import Site
from deploykit.web.edges import Edge, edges_of
from deploykit.web.following import Following
from deploykit.web.kept import Answer, Kept
from deploykit.web.snapshot import Snapshot

PODS = 30.0  # seconds for which providers are not asked again


@dataclass(frozen=True, slots=True)
class Sources:
    """What pages are made of.

    `snapshot` gives that of now, `read` when the ledger was last read. `commit` reads the commit
    that adds a record, from this machine's clone. `report` is what the gate left, None where the
    site has no gate at all. `edge` says what is known of what comes with a release where another
    runs. `runnable` are the checks that a train can run.
    """

    snapshot: Callable[[], Snapshot]
    read: Callable[[], datetime]
    commit: Callable[[Record], RawCommit]
    report: Callable[[], Report | None] | None
    edge: Callable[[Edge], Answer[Page]]
    pods: Kept[list[Pod]]
    runnable: frozenset[str]


def sources_of(site: Site, ledger: Ledger, following: Following) -> Sources:
    """The sources of a site's pages, of which `following` follows the ledger."""
    has_gate = (site.folder / FILE).is_file()
    return Sources(
        snapshot=lambda: following.snapshot,
        read=lambda: following.read,
        commit=ledger.commit_of,
        report=(lambda: read_report(site.state / "gate")) if has_gate else None,
        edge=edges_of(site, ledger).latest,
        pods=Kept(lambda: list(pods_up(site)), PODS),
        runnable=check_names(),
    )
