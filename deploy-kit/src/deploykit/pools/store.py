"""The state of pools in a database: read at any time, written by one at a time.

Whoever writes holds the row of the clock to the end of the transaction: what they read then is
true until they are done, in SQLite and in PostgreSQL alike, for any number of processes.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    RowMapping,
    Table,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError

from deploykit.base.errors import DeployKitError
from deploykit.base.printable import one_line
from deploykit.pools import Member, Request, State
from deploykit.pools.schema import (
    CLOCK,
    FORMAT,
    GONE,
    HOSTS,
    METADATA,
    PODS,
    POOLS,
    REQUESTS,
    SIGHTINGS,
    TOKENS,
)

BUSY = 20  # seconds that another writer may take
CONNECT = 10  # seconds to reach a database
WRITES = "deploykit_writes"
MEMBER_FIELDS = tuple(field.name for field in fields(Member))
REQUEST_FIELDS = tuple(field.name for field in fields(Request))


class StateAway(DeployKitError):
    """The database does not answer, or has no room: what was asked has not happened."""


@dataclass(frozen=True, slots=True)
class PoolRow:
    """What the state knows of a pool; `turns` as JSON, `trouble` why its pods fail."""

    name: str
    failures: int = 0
    retry_at: float = 0.0
    drained: bool = False
    target: str = ""
    turns: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class HostRow:
    """What the state knows of a host; `limit`, `cut`, `failures` … are its throttle's."""

    name: str
    room: int = 0
    free: int = 0
    failures: int = 0
    failed: int = 0
    started: int = 0
    seen: float = 0.0
    limit: float = 0.0
    cut: float = 0.0
    retry_at: float = 0.0
    server: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What changed since another tick: pods that are new or others, names of those that went."""

    tick: int
    pods: list[Member]
    gone: list[str]


class Reading:
    """A look at the state, all of one moment in SQLite."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def tick(self) -> int:
        return int(self.connection.execute(select(CLOCK.c.tick)).scalar_one())

    def leader(self) -> tuple[str, float]:
        """Who decides, and until when nobody else does."""
        row = self.connection.execute(select(CLOCK.c.leader, CLOCK.c.leads_until)).one()
        return str(row[0]), float(row[1])

    def members(self, *conditions: Any) -> list[Member]:
        """Pods to which all `conditions` on PODS apply, in the order in which they were made."""
        found = self.connection.execute(
            select(PODS).where(*conditions).order_by(PODS.c.created, PODS.c.name)
        )
        return [_member(row) for row in found.mappings()]

    def member(self, name: str) -> Member | None:
        return next(iter(self.members(PODS.c.name == name)), None)

    def of_request(self, request: str) -> Member | None:
        """The pod that a request was given."""
        return next(iter(self.members(PODS.c.request == request)), None)

    def ready(self, pool: str) -> list[Member]:
        return self.members(PODS.c.pool == pool, PODS.c.state == State.READY.value)

    def requests(self, pool: str | None = None) -> list[Request]:
        """Who waits, for `pool` or at all, in the order in which they came."""
        query = select(REQUESTS).order_by(REQUESTS.c.asked, REQUESTS.c.id)
        if pool is not None:
            query = query.where(REQUESTS.c.pool == pool)
        rows = self.connection.execute(query).mappings()
        return [Request(**{name: row[name] for name in REQUEST_FIELDS}) for row in rows]

    def held(self) -> Counter[str]:
        """How many pods each user has."""
        rows = self.connection.execute(
            select(PODS.c.user, func.count())
            .where(PODS.c.state == State.HELD.value)
            .group_by(PODS.c.user)
        )
        return Counter({str(user): int(count) for user, count in rows})

    def pool(self, name: str) -> PoolRow:
        return PoolRow(**self._row(POOLS, name))

    def pools(self) -> dict[str, PoolRow]:
        rows = self.connection.execute(select(POOLS)).mappings()
        return {row["name"]: PoolRow(**row) for row in rows}

    def host(self, name: str) -> HostRow:
        return HostRow(**self._row(HOSTS, name))

    def hosts(self) -> dict[str, HostRow]:
        rows = self.connection.execute(select(HOSTS)).mappings()
        return {row["name"]: HostRow(**row) for row in rows}

    def sightings(self, host: str) -> dict[str, float]:
        """Instances on a host that nobody knew when they were seen, and when they first were."""
        rows = self.connection.execute(select(SIGHTINGS).where(SIGHTINGS.c.host == host)).mappings()
        return {row["instance"]: row["first"] for row in rows}

    def user_of_token(self, digest: str) -> str | None:
        query = select(TOKENS.c.user).where(TOKENS.c.digest == digest)
        return self.connection.execute(query).scalar_one_or_none()

    def tokens(self) -> list[tuple[str, float]]:
        """Who has a token, and since when."""
        rows = self.connection.execute(select(TOKENS.c.user, TOKENS.c.made).order_by(TOKENS.c.user))
        return [(str(user), float(made)) for user, made in rows]

    def _row(self, table: Table, name: str) -> dict[str, Any]:
        """The row of that name; its name alone where there is none."""
        found = self.connection.execute(select(table).where(table.c.name == name)).mappings()
        return {"name": name, **(found.one_or_none() or {})}

    def change_since(self, tick: int) -> Change:
        """What changed behind `tick`."""
        now = self.tick()
        gone = self.connection.execute(select(GONE.c.name).where(GONE.c.tick > tick)).scalars()
        return Change(now, self.members(PODS.c.version > tick), [str(name) for name in gone])


class Writing(Reading):
    """A transaction; `tick` numbers it. Nobody else writes before it ends."""

    def __init__(self, connection: Connection, tick: int) -> None:
        super().__init__(connection)
        self.now_tick = tick

    def put(self, member: Member) -> Member:
        """Write a pod, new or in the place of its older version; returns it with its version."""
        written = replace(member, version=self.now_tick)
        self._put(PODS, {**asdict(written), "state": written.state.value})
        return written

    def remove(self, member: Member, at: float) -> None:
        """A pod is no more."""
        self.connection.execute(delete(PODS).where(PODS.c.name == member.name))
        self.connection.execute(
            insert(GONE).values(tick=self.now_tick, name=member.name, at=at, why=member.why)
        )

    def forget_gone(self, before: float) -> None:
        """Drop what is known of pods that went before a time."""
        self.connection.execute(delete(GONE).where(GONE.c.at < before))

    def ask(self, request: Request) -> None:
        self.connection.execute(insert(REQUESTS).values(asdict(request)))

    def saw(self, request: str, at: float) -> bool:
        """Whoever asked still waits; False if the request is not there."""
        query = update(REQUESTS).where(REQUESTS.c.id == request).values(seen=at)
        return bool(self.connection.execute(query).rowcount)

    def withdraw(self, request: str) -> bool:
        """A request is no more; False if it was not there."""
        return bool(
            self.connection.execute(delete(REQUESTS).where(REQUESTS.c.id == request)).rowcount
        )

    def put_pool(self, row: PoolRow) -> None:
        self._put(POOLS, asdict(row))

    def put_host(self, row: HostRow) -> None:
        self._put(HOSTS, asdict(row))

    def see(self, host: str, instances: Mapping[str, float]) -> None:
        """What nobody knows on a host, and since when, in the place of what was before."""
        self.connection.execute(delete(SIGHTINGS).where(SIGHTINGS.c.host == host))
        for instance, first in instances.items():
            self.connection.execute(
                insert(SIGHTINGS).values(instance=instance, host=host, first=first)
            )

    def lead(self, server: str, until: float) -> None:
        """`server` decides until then."""
        self.connection.execute(update(CLOCK).values(leader=server, leads_until=until))

    def put_token(self, digest: str, user: str, made: float) -> None:
        """A user has this token, and no other."""
        self.connection.execute(delete(TOKENS).where(TOKENS.c.user == user))
        self.connection.execute(insert(TOKENS).values(digest=digest, user=user, made=made))

    def drop_token(self, user: str) -> bool:
        """A user has no token any more; False if there was none."""
        done = self.connection.execute(delete(TOKENS).where(TOKENS.c.user == user))
        return bool(done.rowcount)

    def _put(self, table: Table, values: dict[str, Any]) -> None:
        """Write a row, new or in the place of the one of its name."""
        done = self.connection.execute(
            update(table).where(table.c.name == values["name"]).values(values)
        )
        if not done.rowcount:
            self.connection.execute(insert(table).values(values))


class Store:
    """The state behind a URL of SQLAlchemy's. Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        with _told(self._engine), contextlib.suppress(IntegrityError):
            self._make()

    def _make(self) -> None:
        """Make what tables are missing; another process may do so at the same time."""
        try:
            METADATA.create_all(self._engine)
        except SQLAlchemyError:
            METADATA.create_all(self._engine)  # the other one was quicker
        with (
            self._engine.connect().execution_options(**{WRITES: True}) as connection,
            connection.begin(),
        ):
            found = connection.execute(select(CLOCK.c.format)).scalar_one_or_none()
            if found is None:
                connection.execute(insert(CLOCK).values(id=1, format=FORMAT, tick=1))
            elif found != FORMAT:
                raise DeployKitError(
                    f"the state of the pools has format {found}, this deploy-kit knows {FORMAT}",
                    "use the deploy-kit that wrote it, or another database",
                )

    @contextlib.contextmanager
    def reading(self) -> Iterator[Reading]:
        """A look at the state. Raises StateAway."""
        with _told(self._engine), self._engine.connect() as connection:
            yield Reading(connection)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Writing]:
        """A transaction, done when the block ends and undone if it raises. Raises StateAway."""
        with (
            _told(self._engine),
            self._engine.connect().execution_options(**{WRITES: True}) as connection,
            connection.begin(),
        ):
            tick = connection.execute(
                update(CLOCK).values(tick=CLOCK.c.tick + 1).returning(CLOCK.c.tick)
            ).scalar_one()
            yield Writing(connection, int(tick))

    def close(self) -> None:
        self._engine.dispose()


def sqlite_url(file: Path) -> str:
    """The URL of a SQLite file; its folder is made."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return f"sqlite:///{file}"


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        plain = url.replace("postgresql://", "postgresql+psycopg://", 1)
        options = f"-c statement_timeout={BUSY * 1000} -c idle_in_transaction_session_timeout=60000"
        try:
            return create_engine(
                plain,
                pool_pre_ping=True,
                connect_args={"connect_timeout": CONNECT, "options": options},
            )
        except ModuleNotFoundError:
            raise DeployKitError(
                "PostgreSQL needs psycopg, which is not installed",
                "pip install 'deploy-kit[postgresql]'",
            ) from None
    engine = create_engine(url, connect_args={"timeout": BUSY, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours to say
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    @event.listens_for(engine, "begin")
    def began(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextlib.contextmanager
def _told(engine: Engine) -> Iterator[None]:
    """What the database says, as an error of ours."""
    try:
        yield
    except OperationalError as error:
        reason = one_line(str(error.orig).splitlines()[0] if error.orig else str(error), 200)
        raise StateAway(
            f"the state of the pools ({engine.url.render_as_string()}): {reason}",
            "what was asked has not happened; it goes on once the database answers",
        ) from None


def _member(row: RowMapping) -> Member:
    values = {name: row[name] for name in MEMBER_FIELDS}
    return Member(**{**values, "state": State(values["state"])})
