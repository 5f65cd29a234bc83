"""Sites, keys and records for tests of the ledger and of policy."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from deploykit.ledger import Ledger, view
from deploykit.ledger.bodies import (
    decision_body,
    deploy_body,
    evidence_body,
    genesis_body,
    release_body,
)
from deploykit.ledger.kinds import KINDS, Body
from deploykit.ledger.records import Record, parse, render
from deploykit.ledger.rows import IndexedRecords, Rows
from deploykit.policy import Candidate
from deploykit.site import Site, open_site
from deploykit.site.freezes import windows_json
from deploykit.site.keys import ROLES, Key, Signer, read_key
from deploykit.site.windows import Window

Keys = Callable[[str], Key]
Call = Callable[..., tuple[int, str, str]]  # of `deploy-kit`: exit code, output, errors
NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
OWNER = {"user": "ann", "host": "elsewhere", "pid": 7, "started": "boot:1", "space": "4"}
ENVIRONMENT = """name: {name}
networks:
  management: {{cidr: 10.9{n}.0.0/24}}
nodes:
  salt: {{roles: [master], at: 10}}
"""
PROMOTION = """promotion:
  from: {source}
  checks: {{smoke: {{}}, idempotence: {{}}, upgrade: {{}}, bootstrap: {{}}}}
"""


@dataclass(frozen=True)
class Named:
    """A release as policy sees it."""

    digest: str
    version: str


def release(n: int) -> Named:
    return Named(f"sha256:{n:064x}", f"2026.47.{n}")


def released(what: Named, **more: Any) -> Body:
    """The record that `what` is a release."""
    return release_body(what.digest, what.version, what.digest.removeprefix("sha256:"), **more)


def know(ledger: Ledger, *releases: Named) -> None:
    """Have the ledger know `releases`, unless it does."""
    for what in releases:
        if what.digest not in view.releases(ledger.fetch_records()):
            ledger.append(lambda records, now, what=what: released(what))


def deploy(ledger: Ledger, what: Candidate, environment: str) -> None:
    """Record that `environment` was deployed to, and runs `what`."""
    for phase in ("started", "finished"):
        values = {"id": f"{environment}-{what.version}", "phase": phase, "purpose": "deploy"}
        ledger.append(
            lambda records, now, values=values: deploy_body(
                **values, environment=environment, release=what.digest, over=None, owner=OWNER,
                lease_until=now,
            )
        )  # fmt: skip


def make_site(folder: Path, ledger: str | None = None) -> Site:
    """A site with test, staging and production; its state beside it."""
    site = folder / "site"
    (site / "environments").mkdir(parents=True)
    (site / "site.yml").write_text("name: trial\n" + (f"ledger: {ledger}\n" if ledger else ""))
    for n, (name, source) in enumerate(
        [("test", None), ("staging", "test"), ("production", "staging")]
    ):
        text = ENVIRONMENT.format(name=name, n=n)
        text += PROMOTION.format(source=source) if source else ""
        (site / "environments" / f"{name}.yml").write_text(text)
    opened = open_site(site)
    state = folder / "state"
    return replace(opened, state=state, ledger=ledger or str(state / "ledger.git"))


def other_state(site: Site, name: str) -> Site:
    """The same site and ledger as another operator has them: with a state folder of their own, and
    with the genesis in site.yml."""
    words = ["git", f"--git-dir={site.ledger}", "rev-list", "--max-parents=0", "refs/heads/ledger"]
    result = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    genesis = result.stdout.strip() or None
    return replace(site, state=site.state.parent / name / "state", genesis=genesis)


def make_key(folder: Path, principal: str) -> Key:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / principal
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", principal, "-f", str(file)]
    subprocess.run(words, check=True, timeout=20)
    return read_key(file)


def signer(key: Key, *roles: str) -> Signer:
    return Signer(key.principal, key.public, frozenset(roles) if roles else ROLES)


def rule(
    source: str | None = None,
    *,
    soak: int = 0,
    approvals: int = 0,
    without: Sequence[str] = (),
    asked: Mapping[str, Any] = MappingProxyType({}),
    freeze: Sequence[Window] = (),
    undisturbed: bool = True,
    **checks: tuple[int, int],
) -> dict[str, Any]:
    attempts = {name: {"attempts": a, "passes": p} for name, (a, p) in checks.items()}
    counted = {"count": approvals, "not": sorted(without), **asked}
    document = {"from": source, "checks": attempts, "soak": soak, "approvals": counted}
    if soak and undisturbed:
        document["undisturbed"] = True
    return {**document, "freeze": windows_json(tuple(freeze))} if freeze else document


def indexed(records: Sequence[Record]) -> IndexedRecords:
    """The same records as a ledger has them: as rows of an index, here in memory."""
    rows = Rows.new(None)
    rows.add(records, [text_of(record) for record in records])
    return rows.records()


def text_of(record: Record) -> str:
    lacking = {name for name in KINDS[record.kind].later if record.body[name] is None}
    fields = {name: value for name, value in record.body.items() if name not in lacking}
    return render(record.n, record.time, record.actor, Body(record.kind, fields))


@dataclass
class Story:
    """Records one after another, without any git: what policy is asked about."""

    now: datetime = NOON
    records: list[Record] = field(default_factory=list)

    @classmethod
    def of(cls, **rules: dict[str, Any]) -> Story:
        story = cls()
        signers = (Signer("ann@here", "ssh-ed25519 AAAA", ROLES),)
        return story.tell(genesis_body("trial", signers, rules))

    def tell(self, body: Body, actor: str = "ann@here") -> Story:
        n = len(self.records)
        text = render(n, self.now, actor, body)
        self.records.append(parse(text, n, f"{n:040x}"))
        return self.wait(1)

    def wait(self, seconds: float) -> Story:
        self.now += timedelta(seconds=seconds)
        return self

    def release(self, what: Named, actor: str = "ann@here") -> Story:
        """Record `what` as a release, unless it is one."""
        if any(r.kind == "release" and r.body["release"] == what.digest for r in self.records):
            return self
        return self.tell(released(what), actor)

    def phase(
        self, phase: str, environment: str, what: Named, lease: float = 600, **more: Any
    ) -> Story:
        self.release(what)
        values: dict[str, Any] = {
            "id": f"{environment}-{what.version}",
            "over": None,
            "purpose": "deploy",
            "owner": OWNER,
        }
        return self.tell(
            deploy_body(
                phase=phase,
                environment=environment,
                release=what.digest,
                lease_until=self.now + timedelta(seconds=lease),
                **{**values, **more},
            )
        )

    def deployed(self, environment: str, what: Named, end: str = "finished", **more: Any) -> Story:
        return self.phase("started", environment, what, **more).phase(
            end, environment, what, **more
        )

    def found(
        self, check: str, what: Named, environment: str, result: str = "passed", **more: Any
    ) -> Story:
        over, seconds = more.pop("over", None), more.pop("seconds", 1)
        self.release(what)
        return self.tell(
            evidence_body(
                check=check,
                release=what.digest,
                over=over.digest if over else None,
                environment=environment,
                result=result,
                attempt=1,
                seconds=seconds,
                **more,
            )
        )

    def decided(
        self,
        decision: str,
        what: Named | None = None,
        environment: str | None = None,
        actor: str = "ann@here",
        check: str | None = None,
        reason: str = "so",
        **more: Any,
    ) -> Story:
        digest = None
        if what is not None:
            self.release(what)
            digest = what.digest
        body = decision_body(
            decision, environment=environment, release=digest, check=check, reason=reason, **more
        )
        return self.tell(body, actor)
