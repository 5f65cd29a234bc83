"""A site with a real ledger that has a story to tell: what the tests of the pages look at.

Weeks of releases on their way, with what goes wrong on it: a flaky check, a deploy that
failed, a rollback, and at the end a soak, an approval that is missing and a hold. The records are
signed and pushed as they would be; only the clock is another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from deploykit.ledger import Body, Ledger
from deploykit.ledger.bodies import genesis_body
from deploykit.ledger.records import Record
from deploykit.ledger.signers import trust
from deploykit.site import Site
from deploykit.site.keys import ROLES, Signer
from ledgerbook import Keys, Named, Story, rule

ROLES_OF = {"rita@here": ["release-manager"], "ada@here": ["approver"]}
ENTRY = {"smoke": (1, 1), "idempotence": (1, 1), "upgrade": (2, 1), "bootstrap": (1, 1)}
NOTHING = {"smoke": "1 passed", "idempotence": "", "upgrade": "", "bootstrap": ""}
HOUR = 3600


@dataclass
class Journey(Story):
    """Releases that go along the line, one after the other."""

    runs: dict[str, Named] = field(default_factory=dict)

    def cut(self) -> Named:
        """The next release, by the calendar."""
        year, week, _ = self.now.isocalendar()
        before = [r.body["version"] for r in self.records if r.kind == "release"]
        number = 1 + sum(version.startswith(f"{year}.{week}.") for version in before)
        digest = hashlib.sha256(str(len(before)).encode()).hexdigest()
        made = Named(f"sha256:{digest}", f"{year}.{week}.{number}")
        self.release(made, "rita@here")
        self.wait(11 * 60)
        return made

    def enter(self, environment: str, what: Named, end: str = "finished", **more: str) -> None:
        """A deploy of some minutes."""
        over = self.runs.get(environment)
        deploy = {"id": f"{environment}-{len(self.records)}", "over": over.digest if over else None}
        words = {"purpose": "promote" if environment != "test" else "deploy", **deploy, **more}
        self.phase("started", environment, what, **words)
        self.wait(6 * 60)
        self.phase(end, environment, what, **words)
        if end == "finished":
            self.runs[environment] = what
        self.wait(60)

    def check(self, environment: str, into: str, what: Named, *flaky: str) -> None:
        """The evidence that `into` asks for; what is `flaky` fails first."""
        for check in ENTRY:
            over = self.runs.get(into) if check == "upgrade" else None
            if check == "upgrade" and over is None:
                continue
            copy = {"copy": True, "edge": into} if check in ("upgrade", "bootstrap") else {}
            where = into if copy else environment
            for result in ("failed", "passed") if check in flaky else ("passed",):
                summary = "keystone answered 503 for 12 s" if result == "failed" else NOTHING[check]
                self.found(
                    check, what, where, result, over=over, summary=summary, seconds=140, **copy
                )
                self.wait(140)

    def whole_way(self, soaked: float, *flaky: str) -> Named:
        """A release that comes to production after `soaked` seconds in staging."""
        what = self.cut()
        self.enter("test", what)
        self.check("test", "staging", what, *flaky)
        self.enter("staging", what)
        self.check("staging", "production", what)
        self.wait(soaked)
        self.decided("approve", what, "production", actor="ada@here", reason="looked at it")
        self.enter("production", what)
        return what


def journey(now: datetime, weeks: int = 11) -> Journey:
    """The story of so many weeks, which ends at `now`."""
    policy = {
        "test": rule(),
        "staging": rule("test", **ENTRY),
        "production": rule("staging", soak=2 * HOUR, approvals=1, **ENTRY),
    }
    story = Journey(now - timedelta(weeks=weeks))
    story.tell(genesis_body("trial", (Signer("ann@here", "ssh-ed25519 AAAA", ROLES),), policy))
    for week in range(weeks):
        story.now = now - timedelta(weeks=weeks - week, hours=-9 - 3 * (week % 4))
        story.whole_way((3 + week % 3) * HOUR, *(("upgrade",) if week in (2, 5, 9) else ()))
        story.wait(20 * HOUR)
        if week in (3, 7):
            failed = story.cut()
            story.enter("test", failed)
            story.check("test", "staging", failed)
            summary = "rabbitmq_config on controller: no space left on device"
            story.enter("staging", failed, "failed", summary=summary)
        if week == 6:
            before = story.runs["production"]
            story.whole_way(3 * HOUR)
            story.wait(25 * 60)
            story.enter("production", before, purpose="rollback")
    story.now = now - timedelta(minutes=120)
    waiting = story.cut()
    story.enter("test", waiting)
    story.check("test", "staging", waiting)
    story.enter("staging", waiting)
    story.check("staging", "production", waiting)
    reason = "quarter's closing of the books"
    story.decided("hold", environment="production", actor="ada@here", reason=reason)
    story.now = now - timedelta(minutes=35)
    newest = story.cut()
    story.enter("test", newest)
    story.found("smoke", newest, "test", summary="1 passed", seconds=95)
    return story


def environment_files(site: Site) -> None:
    """Have the site's files ask for what the story's policy asks for."""
    for name, more in (("staging", ""), ("production", "  soak: 2h\n  approvals: 1\n")):
        file = site.folder / "environments" / f"{name}.yml"
        checks = "upgrade: {attempts: 2, passes: 1}"
        file.write_text(file.read_text().replace("upgrade: {}", checks) + more)


def tell(site: Site, keys: Keys, records: Iterable[Record]) -> Ledger:
    """Write a story's records into the ledger of `site`, each with the key of its actor."""
    first, *later = records
    now = [first.time]
    ledgers = {"ann@here": Ledger.open(site, keys("ann@here"), lambda: now[0])}
    for principal, roles in ROLES_OF.items():
        public = Path(f"{keys(principal).file}.pub")
        trust(ledgers["ann@here"], principal, public, roles)
        ledgers[principal] = Ledger.open(site, keys(principal), lambda: now[0])
    for record in later:
        now[0] = record.time
        body = Body(record.kind, record.body)
        ledgers[record.actor].append(lambda records, time, body=body: body)
    return ledgers["ann@here"]


def cut_last(site: Site, what: Named) -> None:
    """Have the site know `what` as the release that was cut last, without a kit to unpack."""
    site.pins.mkdir(parents=True, exist_ok=True)
    (site.pins / f"{what.version}.yml").write_text("books: []\n")
    kit = site.kits / what.version
    kit.mkdir(parents=True, exist_ok=True)
    (kit / "SHA256SUMS").write_text(f"{what.digest.removeprefix('sha256:')}  kit.tar\n")
