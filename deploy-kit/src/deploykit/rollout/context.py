"""What one call of deploy-kit works with: site, ledger, progress, logs, sessions with masters."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deploykit.base.files import replacing
from deploykit.base.progress import Progress
from deploykit.ledger import Ledger
from deploykit.master.facade import Master
from deploykit.master.session import MasterSession
from deploykit.nodes.inventory import Inventory
from deploykit.providers import provider_for
from deploykit.site import Site
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance

KEPT_LOGS = 50


@dataclass(slots=True)
class Context:
    """Opened once per command by `working`; closed with every session it opened."""

    site: Site
    ledger: Ledger
    progress: Progress
    logs: Path
    _sessions: dict[Instance, MasterSession] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def inventory(self, environment: Environment, instance: Instance | None = None) -> Inventory:
        """The nodes of a live instance. Raises DeployKitError where it is not up."""
        provider = provider_for(self.site, environment)
        return provider.inventory(environment, instance or environment.instance)

    def session(self, inventory: Inventory) -> MasterSession:
        """The open session with the instance's master, opened on first use."""
        with self._lock:
            found = self._sessions.get(inventory.instance)
        if found is not None and found.alive:
            return found
        opened = MasterSession(inventory, self.log(f"{inventory.instance}-master"))
        opened.__enter__()
        with self._lock:
            self._sessions[inventory.instance] = opened
        return opened

    def master(self, inventory: Inventory) -> Master:
        """The instance's master, over its open session."""
        return Master(self.session(inventory))

    def close_session(self, instance: Instance) -> None:
        with self._lock:
            found = self._sessions.pop(instance, None)
        if found is not None:
            found.__exit__()

    def log(self, name: str) -> Path:
        """The log file for one piece of this call's work."""
        return self.logs / f"{name.replace('~', '-')}.log"

    def close(self) -> None:
        for instance in list(self._sessions):
            self.close_session(instance)


@contextlib.contextmanager
def working(site: Site, ledger: Ledger, progress: Progress, command: str) -> Iterator[Context]:
    """A context whose logs lie in a folder of their own, which `logs/latest` points at."""
    context = Context(site, ledger, progress, new_log_folder(site, command))
    try:
        yield context
    finally:
        context.close()


def new_log_folder(site: Site, command: str) -> Path:
    """A folder for one call's logs; the oldest of more than `KEPT_LOGS` go."""
    now = datetime.datetime.now(datetime.UTC)
    folder = site.logs / f"{now:%Y%m%dT%H%M%S}-{command}-{os.getpid()}"
    folder.mkdir(parents=True)
    with replacing(site.logs / "latest") as aside:
        aside.symlink_to(folder.name)
    runs = sorted(entry for entry in site.logs.iterdir() if entry.name[:1].isdigit())
    for old in runs[:-KEPT_LOGS]:
        shutil.rmtree(old, ignore_errors=True)  # another call may be at it
    return folder
