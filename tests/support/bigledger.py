"""Ledgers of any size, made quickly: records as a train writes them, signed here, in one pack."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count, islice, pairwise
from pathlib import Path

import forgery
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from deploykit.base import times
from deploykit.ledger import bodies
from deploykit.ledger.kinds import Body
from deploykit.ledger.schema import SecretsEvent
from deploykit.site import Site
from deploykit.site.keys import IN_ORDER, Key, Signer, read_key
from ledgerbook import OWNER, make_site, released, rule
from ledgerbook import release as numbered
from packfile import PackWriter
from sshsigs import Pen, ed25519_pen

LAST = datetime(2026, 10, 1, 12, tzinfo=UTC)  # of the last record
STEP = timedelta(seconds=100)  # from one record to the next
LINE = ("test", "staging", "production")
CHECKS = {"smoke": (1, 1), "idempotence": (1, 1), "upgrade": (1, 1), "bootstrap": (1, 1)}
RENEWALS = 9  # of a deployment's lease
PACKAGES = {f"package{n}": f"1:{n}.4.2-1+deb12u{n}" for n in range(12)}
Written = tuple[str, Body]  # the role that signs, and what


@dataclass(frozen=True)
class BigLedger:
    """A ledger in the bare repository that `site` names, and a key for each role, by role."""

    site: Site
    keys: dict[str, Key]
    tip: str


def make_ledger(folder: Path, size: int, *, signers: int = 1) -> BigLedger:
    """A site in `folder` whose ledger has `size` records; the same ones each time.

    `signers`: how many people have a key of each role; they take turns.
    """
    people = [_person(folder / "keys", n) for n in range(signers)]
    remote = folder / "big.git"
    forgery.git(remote, "init", "-q", "--bare", "--initial-branch=ledger")
    site = make_site(folder, str(remote))
    writer = _Writer(people, LAST - STEP * (size - 1))
    with PackWriter(remote / "objects" / "pack", 5 * size) as pack:
        for n, (role, body) in enumerate(islice(_story(site, people), size)):
            writer.write(pack, n, role, body)
    forgery.git(remote, "index-pack", str(pack.file), seconds=600)
    forgery.git(remote, "update-ref", forgery.BRANCH, writer.tip)
    where = f"ledger: {{url: {remote}, genesis: {writer.genesis}}}\n"
    (site.folder / "site.yml").write_text(f"name: {site.name}\n{where}")
    return BigLedger(
        replace(site, genesis=writer.genesis),
        {role: signing.key for role, signing in people[0].items()},
        writer.tip,
    )


@dataclass(frozen=True)
class _Signing:
    """A key in a file, and what signs with it here."""

    key: Key
    pen: Pen


def _person(folder: Path, n: int) -> dict[str, _Signing]:
    """A person's key of each role, as every run makes it."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, _Signing] = {}
    for role in IN_ORDER:
        principal = f"person{n}+{role}@here"
        secret = hashlib.sha256(principal.encode()).digest()
        private, pen = Ed25519PrivateKey.from_private_bytes(secret), ed25519_pen(secret)
        file = folder / principal
        file.touch(0o600)
        file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        file.with_name(f"{principal}.pub").write_text(f"{pen.line} {principal}\n")
        found[role] = _Signing(read_key(file), pen)
    return found


@dataclass
class _Writer:
    """Commits one after another, each with its trees."""

    people: list[dict[str, _Signing]]
    time: datetime
    tip: str = ""
    genesis: str = ""
    _folders: dict[str, str] = field(default_factory=dict)  # name -> tree
    _names: list[str] = field(default_factory=list)  # of the folder that grows
    _tree: bytes = b""

    def write(self, pack: PackWriter, n: int, role: str, body: Body) -> None:
        signing = self.people[n % len(self.people)][role]
        actor = signing.key.principal
        head = {"schema": 2, "n": n, "time": times.iso(self.time), "actor": actor}
        value = {**head, "kind": body.kind, **body.fields}
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        root = self._root(pack, n, pack.add("blob", text.encode()))
        stamp = f"{actor} <{actor}> {int(self.time.timestamp())} +0000"
        above = f"parent {self.tip}\n" if self.tip else ""
        head_lines = f"tree {root}\n{above}author {stamp}\ncommitter {stamp}\n"
        message = f"\n{n}: {body.kind}\n\n{n:016x}\n"
        armoured = signing.pen.armoured(head_lines + message)
        signature = armoured.rstrip("\n").replace("\n", "\n ")
        self.tip = pack.add("commit", f"{head_lines}gpgsig {signature}\n{message}".encode())
        self.genesis = self.genesis or self.tip
        self.time += STEP

    def _root(self, pack: PackWriter, n: int, blob: str) -> str:
        """The tree of the records up to number `n`."""
        if n % 1000 == 0:
            self._names, self._tree = [], b""
        name = f"{n}.json"
        # All names of a folder are as long as those beside them, or in the first one: so a place
        # among the names is found by looking at them.
        place = bisect(self._names, name)
        at = sum(len(known) + 28 for known in self._names[:place])
        self._names.insert(place, name)
        entry = b"100644 %b\0" % name.encode() + bytes.fromhex(blob)
        self._tree = self._tree[:at] + entry + self._tree[at:]
        self._folders[str(n // 1000)] = pack.add_next(f"folder{n // 1000}", self._tree)
        ordered = sorted(self._folders.items(), key=lambda item: f"{item[0]}/")
        records = b"".join(
            b"40000 %b\0" % name.encode() + bytes.fromhex(tree) for name, tree in ordered
        )
        tree = pack.add_next("records", records)
        return pack.add("tree", b"40000 records\0" + bytes.fromhex(tree))


def _story(site: Site, people: list[dict[str, _Signing]]) -> Iterator[Written]:
    """A ledger without end: release after release goes from test to production."""
    signers = tuple(
        Signer(signing.key.principal, signing.key.public, frozenset({role}))
        for person in people
        for role, signing in person.items()
    )
    policy = {"test": rule(), "staging": rule("test", **CHECKS)}
    policy["production"] = rule("staging", approvals=1, **CHECKS)
    yield "admin", bodies.genesis_body(site.name, signers, policy)
    runs: dict[str, str | None] = dict.fromkeys(LINE)
    for n in count(1):
        yield from _release(n, runs)
        if n % 20 == 0:
            yield "admin", bodies.signers_body(signers)
        if n % 30 == 0:
            yield from _events(n)


def _release(n: int, runs: dict[str, str | None]) -> Iterator[Written]:
    """One release on its way; every seventh fails in staging, every fiftieth is vetoed there."""
    one = numbered(n)
    yield "release-manager", released(replace(one, version=f"{2000 + n // 500}.{n % 50 + 1}.{n}"))
    for name in LINE:
        if n % 50 == 0 and name == "staging":
            yield "approver", bodies.decision_body("veto", release=one.digest, reason="no")
            return
        if name == "production":
            yield (
                "approver",
                bodies.decision_body(
                    "approve", environment=name, release=one.digest, reason="seen"
                ),
            )
        failed = n % 7 == 0 and name == "staging"
        yield from _deployment(one.digest, name, runs[name], failed)
        if failed:
            return
        runs[name] = one.digest
        after = dict(pairwise(LINE)).get(name)
        yield from _checks(one.digest, name, after, runs)


def _deployment(digest: str, name: str, over: str | None, failed: bool) -> Iterator[Written]:
    last = "failed" if failed else "finished"
    for phase in ("started", *["renewed"] * RENEWALS, last):
        yield (
            "operator",
            bodies.deploy_body(
                id=f"{digest[-6:]}{name}",
                phase=phase,
                environment=name,
                release=digest,
                over=over,
                purpose="deploy" if name == "test" else "promote",
                owner=OWNER,
                lease_until=LAST.replace(year=2000),
                summary="controller1: 1 of 320 states failed" if phase == "failed" else "",
                environment_digest=f"sha256:{7:064x}",
            ),
        )


def _checks(
    digest: str, name: str, after: str | None, runs: dict[str, str | None]
) -> Iterator[Written]:
    """What is found out in `name`, and on copies for the entry into the environment `after` it."""
    found = [("smoke", None, False), ("idempotence", None, False)]
    if after is not None:
        found += [("upgrade", runs[after], True), ("bootstrap", None, True)]
    for check, over, copy in found:
        yield (
            "operator",
            bodies.evidence_body(
                check=check,
                release=digest,
                over=over,
                environment=name,
                edge=after if copy else None,
                copy=copy,
                attempt=1,
                result="passed",
                seconds=61.5,
                summary="32 tests passed",
                packages={} if copy else {"salt": PACKAGES, "controller": PACKAGES},
            ),
        )


def _events(n: int) -> Iterator[Written]:
    """What happens beside the releases now and then."""
    yield "operator", bodies.decision_body("hold", environment="staging", reason=f"night {n}")
    yield "operator", bodies.decision_body("unhold", environment="staging")
    yield "operator", bodies.secrets_body("production", SecretsEvent.EXPORTED, f"{n:064x}")
