"""The tables of the state, in SQLite or PostgreSQL: plain columns that both have.

`clock` is one row. Whoever writes takes it first, so one writes at a time in either database, and
its `tick` numbers the writes: a row's tick says when it was written last, a pod's is its version.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Integer, MetaData, String, Table, Text
from sqlalchemy.types import BigInteger

METADATA = MetaData()
FORMAT = 1


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, default="")


def _number(name: str) -> Column[float]:
    return Column(name, Double, nullable=False, default=0.0)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, default=0)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, default=False)


CLOCK = Table(
    "clock",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("format", Integer, nullable=False),
    Column("tick", BigInteger, nullable=False),
    _text("leader"),
    _number("leads_until"),
)
PODS = Table(
    "pods",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("pool", String(64), nullable=False, index=True),
    Column("host", String(64), nullable=False, index=True),
    Column("memory", BigInteger, nullable=False),
    Column("state", String(10), nullable=False, index=True),
    Column("version", BigInteger, nullable=False, index=True),
    Column("request", String(40), nullable=False, default="", index=True),
    *(_number(name) for name in ("created", "ready_at", "renewed", "looked")),
    *(_number(name) for name in ("until", "lease", "kept")),
    *(_text(name) for name in ("instance", "target", "worker", "protected", "why", "access")),
    *(_text(name) for name in ("user", "purpose", "build", "change", "holder")),
    *(_flag(name) for name in ("gone", "sick", "tagged")),
)
REQUESTS = Table(
    "requests",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("pool", String(64), nullable=False, index=True),
    Column("priority", Integer, nullable=False),
    *(_number(name) for name in ("asked", "seen", "wanted", "lease")),
    *(_text(name) for name in ("user", "purpose", "build", "change", "holder")),
)
POOLS = Table(
    "pools",
    METADATA,
    Column("name", String(64), primary_key=True),
    _count("failures"),
    _number("retry_at"),
    _flag("drained"),
    _text("target"),
    _text("turns"),
    _text("trouble"),
)
HOSTS = Table(
    "hosts",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("room", BigInteger, nullable=False, default=0),
    Column("free", BigInteger, nullable=False, default=0),
    *(_count(name) for name in ("failures", "failed", "started")),
    *(_number(name) for name in ("seen", "limit", "cut", "retry_at")),
    *(_text(name) for name in ("server", "trouble")),
)
GONE = Table(
    "gone",
    METADATA,
    Column("tick", BigInteger, primary_key=True),
    Column("name", String(40), primary_key=True),
    _number("at"),
    _text("why"),
)
SIGHTINGS = Table(
    "sightings",
    METADATA,
    Column("instance", String(80), primary_key=True),
    Column("host", String(64), primary_key=True),
    _number("first"),
)
TOKENS = Table(
    "tokens",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("user", String(64), nullable=False),
    _number("made"),
)
