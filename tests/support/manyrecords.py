"""Records by the hundred thousand, without git: a long life of an ordinary line."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from deploykit.ledger import Body
from deploykit.ledger.bodies import deploy_body, evidence_body, genesis_body
from deploykit.ledger.kinds import KINDS
from deploykit.ledger.records import Record
from deploykit.ledger.rows import IndexedRecords
from deploykit.site.keys import ROLES, Signer
from ledgerbook import OWNER, Named, indexed, released, rule

NAMES = ("test", "staging", "production")
SECONDS = 61  # between two records


def many_records(count: int, now: datetime) -> IndexedRecords:
    """So many records, of which the last is of `now`: releases that come to production, every third
    one, with renewed leases and checks that fail now and then."""
    began = now - timedelta(seconds=SECONDS * (count - 1))
    bodies = itertools.islice(_bodies(began), count)
    return indexed(
        [
            Record(n, _at(began, n), "ann@here", body.kind, _whole(body), f"{n:040x}")
            for n, body in enumerate(bodies)
        ]
    )


def release(n: int) -> Named:
    """The release number `n` of those records."""
    return Named(f"sha256:{n + 0xABCDEF012345:064x}", f"{2000 + n // 5000}.{1 + n % 50}.{n}")


def _whole(body: Body) -> dict[str, Any]:
    """The fields of a body as they are read back."""
    return {**dict.fromkeys(KINDS[body.kind].later), **body.fields}


def _at(began: datetime, n: int) -> datetime:
    return began + timedelta(seconds=SECONDS * n)


def _bodies(began: datetime) -> Iterator[Body]:
    checks = {"smoke": (1, 1), "upgrade": (2, 1)}
    policy = {
        "test": rule(),
        "staging": rule("test", **checks),
        "production": rule("staging", soak=3600, approvals=1, **checks),
    }
    yield genesis_body("trial", (Signer("ann@here", "ssh-ed25519 AAAA", ROLES),), policy)
    for number in itertools.count(1):
        what = release(number)
        yield released(what)
        for name in NAMES if number % 3 == 0 else NAMES[:2]:
            yield from _deploy(name, what, number, began)
            for check in checks:
                if number % 10 == 0:
                    yield _evidence(check, what, name, "failed")
                yield _evidence(check, what, name, "passed")


def _deploy(name: str, what: Named, number: int, began: datetime) -> Iterator[Body]:
    for phase in ("started", "renewed", "renewed", "renewed", "finished"):
        yield deploy_body(
            id=f"{name}-{number}",
            phase=phase,
            environment=name,
            release=what.digest,
            over=release(number - 1).digest if number > 1 else None,
            purpose="promote",
            owner=OWNER,
            lease_until=began,
        )


def _evidence(check: str, what: Named, name: str, result: str) -> Body:
    return evidence_body(
        check=check,
        release=what.digest,
        over=None,
        environment=name,
        result=result,
        attempt=1,
        seconds=60,
    )
