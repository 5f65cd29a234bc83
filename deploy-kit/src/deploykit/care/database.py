"""The backups of an environment's database, seen from the operator: taken, fetched, brought back.

They lie on the database's nodes. What comes here is encrypted there, for its readers alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from deploykit.base import times
from deploykit.base.errors import InputError, Refused
from deploykit.base.files import replacing
from deploykit.base.process import run
from deploykit.care import Look, look
from deploykit.ledger import Ledger
from deploykit.ledger.view import signers_in_force
from deploykit.master.facade import NodeBackups, RestoredDatabase
from deploykit.nodes.inventory import Inventory, make_control_folder
from deploykit.nodes.ssh import reachable, run_on
from deploykit.rollout.work import Work
from deploykit.secrets.sealing import Recipient
from deploykit.secrets.store import demand_quiet, usual_readers

TOOL = "/usr/local/sbin/mariadb-backups"
FOLDER = "backups"
COPY = 4000.0  # seconds for all of the data
NAME = re.compile(r"\d{8}T\d{6}Z")


def listed(work: Work, inventory: Inventory) -> tuple[list[NodeBackups], Look]:
    """What each node of the database has, and what was seen with it."""
    reachable(inventory, [inventory.master.name])
    found = work.master(inventory).list_backups()
    return found, look(work, inventory, found)


def take(work: Work, inventory: Inventory, why: str) -> str:
    """Take a backup now; which it is, in words."""
    reachable(inventory, [inventory.master.name])
    with work.progress.step(f"{inventory.instance}: a backup of the database"):
        told = work.master(inventory).backup_database(why)
    look(work, inventory)
    return told


def moment(text: str) -> str:
    """A time or the name of a backup as nodes write it. Raises InputError where it is neither."""
    if NAME.fullmatch(text):
        return text
    try:
        return times.stamp(times.parse(text))
    except ValueError:
        raise InputError(
            f"'{text}' is not a time like 2026-11-29T08:00:00Z",
            "or the name of a backup: deploy-kit database list ENVIRONMENT",
        ) from None


def restore(work: Work, ledger: Ledger, inventory: Inventory, when: str) -> RestoredDatabase:
    """Bring the database back to `when` (of `moment`; '': as near to now as anything leads).

    Raises Refused during a deployment, AgentFailed where no backup leads there.
    """
    demand_quiet(ledger, inventory)
    reachable(inventory, [inventory.master.name])
    with work.progress.step(f"{inventory.instance}: the database back") as step:
        return work.master(inventory).restore_database(when, step.note)


def fetch(
    work: Work,
    ledger: Ledger,
    inventory: Inventory,
    file: Path | None,
    named: Sequence[Recipient],
) -> tuple[Path, tuple[str, ...]]:
    """The newest backup and its logs, encrypted on their node, as a file here; who opens it.

    For `named`, else for whom exports of secrets are. Raises Refused without a backup, or if there
    is a file of that name.
    """
    recipients = tuple(named) or usual_readers(signers_in_force(ledger.fetch_records()))
    nodes, _ = listed(work, inventory)
    newest = [(one["time"], node["node"]) for node in nodes for one in node["backups"]]
    if not newest:
        raise Refused(
            f"{inventory.instance}: its database has no backup",
            f"deploy-kit database backup {inventory.instance}",
        )
    host = inventory.host(max(newest)[1])
    target = file or default_file(work, inventory, times.utc_now())
    if target.exists():
        raise Refused(f"{target} is there already: nothing was written over it", "name another")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = [one.key for one in recipients]
    with work.progress.step(f"{inventory.instance}: its backup to this machine"):
        words = [TOOL, "seal", "latest", *keys]
        sealed = run_on(host, inventory, words, timeout=COPY).stdout.strip()
        make_control_folder()
        with replacing(target) as aside:
            words = ["-q", "-F", str(inventory.ssh_config), f"{host.name}:{sealed}", str(aside)]
            run(["scp", *words], timeout=COPY, title=f"scp from {host.name}")
            aside.chmod(0o600)
        run_on(host, inventory, ["rm", "-f", sealed], timeout=60)
    return target, tuple(one.name for one in recipients)


def default_file(work: Work, inventory: Inventory, now: datetime) -> Path:
    """Where a fetched backup lies unless a person says otherwise."""
    return work.site.state / FOLDER / f"{inventory.instance}-{times.stamp(now)}.age"
