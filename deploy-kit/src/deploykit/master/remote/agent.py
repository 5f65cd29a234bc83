"""The agent's entry point on the master: serves one session over standard input and output."""

from __future__ import annotations

import contextlib
import functools
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, cast

from . import backup, database, environment, kits, marks, monitoring, rolemap, rotation
from .fence import Fence
from .protocol import AgentError, Channel
from .salt_master import SaltMaster


class Agent:
    """The calls that a session may make. Salt is imported at the first call that needs it."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._fence = Fence()

    @functools.cached_property
    def _salt(self) -> SaltMaster:
        return SaltMaster()

    def hello(self) -> dict[str, Any]:
        return {
            "current": kits.current(),
            "environment": environment.describe(),
            "secrets": backup.fingerprint() is not None,
        }

    def fence(self, number: int) -> None:
        self._fence.take(number)

    def guarded(self, name: str) -> Callable[..., Any]:
        """The call `name`; one that changes things only while this session may."""
        call = getattr(self, name)
        if name not in CHANGING:
            return cast(Callable[..., Any], call)

        def demand_then_call(**arguments: Any) -> Any:
            self._fence.demand()
            return call(**arguments)

        return demand_then_call

    def kit_present(self, digest: str) -> bool:
        return kits.present(digest)

    def kit_put(self, digest: str, name: str, payload: int = 0) -> None:
        kits.put(self._channel, digest, name, payload)

    def kit_install(self, digest: str, kit: str, signers: str) -> None:
        kits.install(digest, kit, signers)

    def working_put(self, payload: int = 0) -> bool:
        return kits.put_working(self._channel, payload)

    def current(self, digest: str) -> None:
        kits.make_current(digest)
        rotation.settle()

    def environment(
        self,
        digest: str,
        name: str,
        nodes: dict[str, dict[str, Any]],
        virtual: dict[str, str],
        settings: dict[str, Any],
        public: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        return environment.apply(digest, name, nodes, virtual, settings, public=public)

    def wait_for(self, minions: list[str], seconds: float) -> list[str]:
        return self._salt.wait_for(minions, seconds)

    def orchestrate(
        self,
        digest: str,
        name: str,
        nodes: dict[str, dict[str, Any]],
        roles: dict[str, list[str]],
        batch: dict[str, int],
        older_packages: bool = False,
    ) -> dict[str, Any]:
        pillar = {
            **batch,
            **({"older_packages": True} if older_packages else {}),
            "environment": {"name": name, "nodes": nodes},
            "roles": roles,
            "role_map": rolemap.told(environment.role_map(digest)),
        }
        return self._salt.orchestrate(self._channel, digest, pillar)

    def highstate(self, digest: str, minions: list[str]) -> dict[str, Any]:
        return self._salt.highstate(self._channel, digest, minions)

    def test_states(self, digest: str, minions: list[str]) -> dict[str, Any]:
        return self._salt.test(digest, minions)

    def owned(self, digest: str, minions: list[str]) -> dict[str, Any]:
        return self._salt.owned(digest, minions)

    def apply(self, digest: str, minions: list[str], states: list[str]) -> dict[str, Any]:
        if any((kits.folder(digest) / "salt" / "states").glob("_*")):
            self._salt.sync(digest, minions)
        return self._salt.apply(self._channel, digest, minions, states)

    def alerts(self) -> dict[str, Any]:
        return monitoring.alerts()

    def secrets_list(self) -> list[dict[str, Any]]:
        return rotation.listed()

    def secrets_rotate(self, names: list[str]) -> dict[str, list[str]]:
        return rotation.rotate(names)

    def secrets_give(self, name: str, chain: str, key: str) -> dict[str, Any]:
        return rotation.give(name, chain, key)

    def secrets_give_values(self, name: str, values: dict[str, str]) -> dict[str, Any]:
        return rotation.give_values(name, values)

    def secrets_forget(self, name: str) -> None:
        rotation.forget(name)

    def secrets_undo(self) -> list[str]:
        return rotation.undo()

    def secrets_export(self) -> dict[str, Any]:
        return backup.export()

    def secrets_fingerprint(self) -> str | None:
        return backup.fingerprint()

    def secrets_differing(self, saved: dict[str, Any]) -> list[str]:
        return backup.differing(saved)

    def secrets_marked(self, key: str) -> dict[str, dict[str, str]]:
        return marks.marked(key)

    def secrets_restore(
        self, saved: dict[str, Any], name: str, replacing: list[str]
    ) -> dict[str, Any]:
        done = backup.restore(saved, name, replacing)
        if left := backup.differing(saved):
            raise AgentError(
                f"not as in the export after it was put back: {', '.join(left)}", "restore it again"
            )
        # A bare master has no such unit yet; one that runs goes on with the key of before.
        runs = subprocess.run(["systemctl", "-q", "is-active", "salt-master"], timeout=30)
        if runs.returncode == 0:
            subprocess.run(["systemctl", "restart", "salt-master"], timeout=60, check=True)
            if self._salt.public_key() != saved["salt"]["master.pub"].strip():
                raise AgentError(
                    f"Salt's key on this master is not the one of the export: see {backup.SALT}",
                    "restore it again; minions take no other key than the one they know",
                )
        return done

    def database_list(self) -> list[dict[str, Any]]:
        return database.listed(self._salt)

    def database_backup(self, why: str) -> str:
        return database.make(self._salt, why)

    def database_restore(self, when: str) -> dict[str, Any]:
        return database.restore(self._salt, when, lambda step: self._channel.event(step=step))


CALLS = (
    "hello",
    "fence",
    "kit_present",
    "kit_put",
    "kit_install",
    "working_put",
    "current",
    "environment",
    "wait_for",
    "orchestrate",
    "highstate",
    "test_states",
    "owned",
    "apply",
    "alerts",
    "secrets_list",
    "secrets_rotate",
    "secrets_give",
    "secrets_give_values",
    "secrets_forget",
    "secrets_undo",
    "secrets_export",
    "secrets_fingerprint",
    "secrets_differing",
    "secrets_marked",
    "secrets_restore",
    "database_list",
    "database_backup",
    "database_restore",
)


# What only one may do at a time; a kit is taken in beside those that are there.
CHANGING = frozenset(
    {
        "apply",
        "current",
        "database_restore",
        "environment",
        "highstate",
        "orchestrate",
        "secrets_forget",
        "secrets_give",
        "secrets_give_values",
        "secrets_restore",
        "secrets_rotate",
        "secrets_undo",
        "working_put",
    }
)


def leave_with_caller() -> None:
    """End this process, whatever it is doing, as soon as the caller's end is gone.

    An orchestration runs in this process: without this, one whose deploy-kit was killed would go
    on stage by stage beside the next deployment.
    """
    poll = select.poll()
    poll.register(0, 0)  # POLLHUP is always told
    poll.poll()
    with contextlib.suppress(OSError):
        os.unlink(sys.path[0])  # noqa: PTH108 - the zip this code came in; a string as it is
    os._exit(3)


def main() -> None:
    """Serve until standard input ends. What anything prints goes to standard error."""
    writer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    threading.Thread(target=leave_with_caller, daemon=True).start()
    if os.geteuid() != 0:
        raise SystemExit("the agent needs root")
    channel = Channel(sys.stdin.buffer, writer)
    agent = Agent(channel)
    channel.serve({name: agent.guarded(name) for name in CALLS})


__all__ = ["AgentError", "main"]
