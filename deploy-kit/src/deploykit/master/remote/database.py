"""The environment's database, by the tool on its nodes (salt/states/mariadb/files/backups.py).

The master decides which node does what, and in which order; what is to be done with data is the
tool's, which is the release's own.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any, Protocol

from . import environment
from .protocol import AgentError

ROLE, CACHE = "database", "cache"
TOOL = "/usr/local/sbin/mariadb-backups"
CLUSTER = "/usr/local/sbin/mariadb-cluster"
ANSWER, WHOLE = 300, 3600  # seconds: a question or a server's start, all of the data

STAMP = "%Y%m%dT%H%M%SZ"  # a time as the tool writes it, and calls backups by it
Step = Callable[[str], None]


class Programs(Protocol):
    """What this needs of Salt."""

    def absent(self, minions: list[str]) -> list[str]: ...

    def run(self, minions: list[str], words: list[str], seconds: int) -> dict[str, str]: ...


def members() -> list[str]:
    """The environment's database nodes by name, sorted. Raises AgentError where it has none."""
    found = sorted(environment.nodes_with(ROLE))
    if not found:
        raise AgentError("no node of this environment has the role 'database'", "deploy first")
    return found


def listed(salt: Programs) -> list[dict[str, Any]]:
    """What the tool of each node that answers says of its backups (its act `list`)."""
    asked = members()
    silent = salt.absent(asked)
    there = [name for name in asked if name not in silent]
    told = salt.run(there, [TOOL, "list"], ANSWER) if there else {}
    return [json.loads(told[name]) for name in there] + [
        {"node": name, "silent": True, "backups": []} for name in silent
    ]


def make(salt: Programs, why: str) -> str:
    """A backup now, on the last database node; what the tool says of it."""
    (node,) = _awake(salt)[-1:]
    return f"{node}: {salt.run([node], [TOOL, 'make', why], WHOLE)[node].strip()}"


def restore(salt: Programs, when: str, step: Step) -> dict[str, Any]:
    """Bring the databases back to `when`: a time as the tool writes it, a backup's name, or ''.

    '' is as near to now as anything leads. What was there stays on each node as mysql.before.
    Returns {"node", "backup", "to", "others"}. Raises AgentError where nothing leads there or a
    node of the cluster is silent, before anything is touched.
    """
    nodes = _awake(salt)
    found = listed(salt)
    node = source(found, when)
    others = [name for name in nodes if name != node]
    step(f"{node}: the data of then, beside those of now")
    told = json.loads(salt.run([node], [TOOL, "prepare", *([when] if when else [])], WHOLE)[node])
    if others:
        step(f"{', '.join(others)}: out of the cluster")
        salt.run(others, [TOOL, "leave"], WHOLE)
    step(f"{node}: on the data of then")
    salt.run([node], [TOOL, "switch"], WHOLE)
    for name in others:
        step(f"{name}: takes the data of {node}")
        salt.run([name], ["systemctl", "start", "mariadb"], WHOLE)
        salt.run([name], [CLUSTER, "synced", str(ANSWER)], WHOLE)
    _empty_caches(salt, step)
    return {"node": node, "others": others, **told}


def _empty_caches(salt: Programs, step: Step) -> None:
    """Have services ask the database again: what they keep in memcached is of after that moment.

    A cache that does not answer is told, and stops nothing: the data are back.
    """
    caches = sorted(environment.nodes_with(CACHE))
    silent = salt.absent(caches) if caches else []
    there = [name for name in caches if name not in silent]
    if there:
        step(f"{', '.join(there)}: forgets what services had read before")
        salt.run(there, ["systemctl", "restart", "memcached"], ANSWER)
    for name in silent:
        step(f"{name}: no answer; restart memcached there, it remembers what is undone")


def source(found: list[dict[str, Any]], when: str) -> str:
    """The node whose backups lead to `when` from the newest one; `found` is what `listed` returns.

    Raises AgentError where none does.
    """
    rows = [(one, entry["node"]) for entry in found for one in entry["backups"]]
    exact = [(one["time"], node) for one, node in rows if one["name"] == when]
    moment = _seconds(when)
    if exact:
        fitting = exact
    elif when:
        fitting = [(one["time"], n) for one, n in rows if one["time"] <= moment <= one["reaches"]]
    else:
        fitting = [(one["reaches"], node) for one, node in rows]
    if not fitting:
        spans = [f"{one['name']} to {_stamp(one['reaches'])} on {node}" for one, node in rows]
        raise AgentError(
            f"no backup leads to {when or 'now'}",
            "there are: " + ("; ".join(spans) or "none: deploy-kit database backup makes one"),
        )
    return str(max(fitting)[1])


def _awake(salt: Programs) -> list[str]:
    """The database nodes, every one of which answers."""
    nodes = members()
    if silent := salt.absent(nodes):
        raise AgentError(
            f"{', '.join(silent)}: no answer; it would go on with the data of before",
            "bring it up, or take it out of the environment's file and deploy",
        )
    return nodes


def _seconds(when: str) -> int:
    if not when:
        return 0
    try:
        found = datetime.datetime.strptime(when, STAMP)
    except ValueError:
        raise AgentError(f"'{when}' is no time like 20261129T080000Z") from None
    return int(found.replace(tzinfo=datetime.UTC).timestamp())


def _stamp(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime(STAMP)
