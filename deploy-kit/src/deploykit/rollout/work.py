"""What one call of deploy-kit works with: site, progress, logs, and the masters it talks to.

The ledger is not among it: what works on nodes writes no record, and what does is given a ledger.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deploykit.base.files import replacing
from deploykit.base.progress import Progress
from deploykit.logs.sessions import take_in_one, write_ending
from deploykit.master.facade import Master
from deploykit.master.sessions import Masters
from deploykit.nodes.inventory import Inventory
from deploykit.providers import provider_for
from deploykit.providers.common import with_own_key
from deploykit.site import Site
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance

KEPT_LOGS = 50


@dataclass(frozen=True, slots=True)
class Work:
    """Opened once per command by `working`, and closed with every session of `masters`."""

    site: Site
    progress: Progress
    logs: Path
    masters: Masters

    def inventory(self, environment: Environment, instance: Instance | None = None) -> Inventory:
        """The nodes of a live instance, by a key of its own. Raises DeployKitError if it is not
        up."""
        provider = provider_for(self.site, environment)
        inventory = provider.inventory(environment, instance or environment.instance)
        return with_own_key(self.site, inventory)

    def master(self, inventory: Inventory) -> Master:
        """The instance's master, over its one open session. Raises NodeUnreachable."""
        return self.masters.master(inventory)

    def log(self, name: str) -> Path:
        """The log file for one piece of this call's work."""
        return log_file(self.logs, name)


@contextlib.contextmanager
def working(site: Site, progress: Progress, command: str) -> Iterator[Work]:
    """The work of one call; its logs lie in a folder of their own, where `logs/latest` points.

    When it ends, how it ended is written there, and its logs are kept in the site's store.
    """
    logs = new_log_folder(site, command)
    with _keeping_logs(site, logs), Masters(partial(log_file, logs)) as masters:
        yield Work(site, progress, logs, masters)


@contextlib.contextmanager
def _keeping_logs(site: Site, logs: Path) -> Iterator[None]:
    """Write down how the block ends, and take its logs in."""
    ended: BaseException | None = None
    try:
        yield
    except BaseException as error:
        ended = error
        raise
    finally:
        write_ending(logs, ended)
        take_in_one(site, logs)


def logs_of(site: Site, pid: int, environment: str) -> Path | None:
    """The newest log of states that the process `pid` of this host wrote of `environment`'s own
    nodes, None if it is not here (any more)."""
    name = log_file(Path(f"*-{pid}*"), f"{environment}-states")
    files = sorted(site.logs.glob(str(name)))
    return files[-1] if files else None


def log_file(folder: Path, name: str) -> Path:
    """The file in `folder` for the piece of work `name`, which may hold an instance's name."""
    return folder / f"{name.replace('~', '-')}.log"


def new_log_folder(site: Site, command: str) -> Path:
    """A folder for one call's logs, for this user alone; the oldest of more than `KEPT_LOGS` go."""
    now = datetime.datetime.now(datetime.UTC)
    name = f"{now:%Y%m%dT%H%M%S}-{command}-{os.getpid()}"
    site.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (site.logs / name, *(site.logs / f"{name}-{n}" for n in range(2, KEPT_LOGS))):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            break
    with replacing(site.logs / "latest") as aside:
        aside.symlink_to(folder.name)
    runs = sorted(entry for entry in site.logs.iterdir() if entry.name[:1].isdigit())
    for old in runs[:-KEPT_LOGS]:
        take_in_one(site, old)
        shutil.rmtree(old, ignore_errors=True)  # another call may be at it
    return folder
