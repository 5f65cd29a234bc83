"""`pools.yml` of the site: where pods may be, who may hold how many, and the pools."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.base.naming import check_key
from deploykit.base.yamlfile import Value, load, nearest
from deploykit.pools import HostSpec, PoolSpec, UserSpec
from deploykit.site.content import size
from deploykit.site.node import MEMORY

FILE = "pools.yml"
KEYS = frozenset({"database", "starts", "users", "hosts", "pools"})
HOST_KEYS = frozenset({"provider", "memory", "pods", "starts"})
USER_KEYS = frozenset({"pods", "priority"})
POOL_KEYS = frozenset(
    {"environment", "release", "line", "bare", "memory", "ready", "max", "max_age", "health"}
    | {"longest", "hosts"}
)
DEFAULT = "default"  # of `users`: everybody who is not named
DEFAULT_USER = UserSpec(pods=6)
STARTS = 8  # at once, of all hosts together
HOST_STARTS, HOST_PODS = 6, 50
SHORTEST_AGE = 60  # seconds


@dataclass(frozen=True, slots=True)
class Config:
    """What pools.yml says. `database` is a URL of SQLAlchemy's, "" for the site's own SQLite."""

    hosts: Mapping[str, HostSpec]
    pools: Mapping[str, PoolSpec]
    users: Mapping[str, UserSpec]
    starts: int = STARTS
    database: str = ""

    def user(self, name: str) -> UserSpec:
        """What a user may."""
        return self.users.get(name) or self.users.get(DEFAULT, DEFAULT_USER)

    def pool(self, name: str) -> PoolSpec:
        """The pool `name`. Raises InputError, naming the nearest, if there is none."""
        if name not in self.pools:
            raise InputError(f"there is no pool '{name}'", nearest(name, frozenset(self.pools)))
        return self.pools[name]


def config_file(folder: Path) -> Path:
    """The site's pools.yml. Raises InputError if it has none."""
    file = folder / FILE
    if not file.is_file():
        raise InputError(f"{folder} has no {FILE}, so it has no pools", "docs/pools.md shows one")
    return file


def read_config(file: Path, environments: Collection[str]) -> Config:
    """The configuration in `file` of a site with these environments.

    Raises InputError with file, line and key, and the nearest of what is known.
    """
    keys = load(file).mapping(KEYS, needed=("hosts", "pools"))
    hosts = {name: _host(name, value) for name, value in keys["hosts"].mapping().items()}
    if not hosts:
        raise keys["hosts"].error("there is no host", "this: {provider: lxd}")
    users = keys["users"].mapping() if "users" in keys else {}
    return Config(
        hosts,
        {
            name: _pool(name, value, frozenset(environments), hosts)
            for name, value in keys["pools"].mapping().items()
        },
        {name: _user(value) for name, value in users.items()},
        keys["starts"].whole(1) if "starts" in keys else STARTS,
        _database(keys["database"]) if "database" in keys else "",
    )


def _host(name: str, value: Value) -> HostSpec:
    check_key(value, name)
    keys = value.mapping(HOST_KEYS, needed=("provider",))
    return HostSpec(
        name,
        keys["provider"].text(),
        pods=keys["pods"].whole(1) if "pods" in keys else HOST_PODS,
        starts=keys["starts"].whole(1) if "starts" in keys else HOST_STARTS,
        memory=_memory(keys["memory"]) if "memory" in keys else None,
    )


def _user(value: Value) -> UserSpec:
    keys = value.mapping(USER_KEYS)
    priority = keys["priority"].whole(-1000) if "priority" in keys else 0
    return UserSpec(keys["pods"].whole(1) if "pods" in keys else DEFAULT_USER.pods, priority)


def _pool(
    name: str, value: Value, environments: frozenset[str], hosts: Mapping[str, HostSpec]
) -> PoolSpec:
    check_key(value, name)
    keys = value.mapping(POOL_KEYS, needed=("environment", "memory"))
    bare = keys["bare"].flag() if "bare" in keys else False
    said = [key for key in ("release", "line") if key in keys]
    if len(said) > 1 or (bare and said):
        raise keys[said[-1]].error(
            "a pool has one of 'bare', 'release' and 'line'",
            "release: a version; line: what that environment runs; bare: nodes without any",
        )
    most = keys["max"].whole(1) if "max" in keys else 4
    ready = keys["ready"].whole() if "ready" in keys else min(1, most)
    if ready > most:
        raise keys["ready"].error(f"more than its 'max', {most}")
    return PoolSpec(
        name,
        _known(keys["environment"], environments),
        _tiers(keys["hosts"], hosts) if "hosts" in keys else (frozenset(hosts),),
        _memory(keys["memory"]),
        ready,
        most,
        release=keys["release"].text() if "release" in keys else "",
        line=_known(keys["line"], environments) if "line" in keys else "",
        bare=bare,
        **{key: _duration(keys[key]) for key in ("max_age", "health", "longest") if key in keys},
    )


def _duration(value: Value) -> float:
    seconds = value.seconds()
    if seconds < SHORTEST_AGE:
        raise value.error(f"less than a minute: {seconds} s")
    return float(seconds)


def _known(value: Value, environments: frozenset[str]) -> str:
    if (name := value.text()) not in environments:
        raise value.error(f"there is no environment '{name}'", nearest(name, environments))
    return name


def _tiers(value: Value, hosts: Mapping[str, HostSpec]) -> tuple[frozenset[str], ...]:
    """Hosts in the order in which they are tried: each entry a name, or a pattern of several."""
    tiers: list[frozenset[str]] = []
    taken: set[str] = set()
    for item in value.items():
        pattern = item.text()
        named = frozenset(name for name in hosts if fnmatchcase(name, pattern))
        if not named:
            raise item.error(f"there is no host '{pattern}'", nearest(pattern, frozenset(hosts)))
        if named - taken:
            tiers.append(named - taken)
        taken |= named
    if not tiers:
        raise value.error("there is no host", f"one of {', '.join(sorted(hosts))}")
    return tuple(tiers)


def _memory(value: Value) -> int:
    text = str(value.scalar())
    if not MEMORY.fullmatch(text):
        raise value.error(f"not an amount of memory: '{text}'", "write 512M or 2G")
    return size(text)


def _database(value: Value) -> str:
    text = value.text()
    if re.match(r"[^:/]+://[^/@]*:[^/@]*@", text):
        raise value.error(
            "a password stands in the file", "leave it out: libpq reads it from ~/.pgpass"
        )
    if not re.match(r"(sqlite:///|postgresql(\+\w+)?://)", text):
        raise value.error("it is no database that is known", "sqlite:///FILE or postgresql://…")
    return text
