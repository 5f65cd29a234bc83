"""A site's gate put together: configuration, server, stores, builds and the ledger's rulings."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.gate.changes import Change, Ruling
from deploykit.gate.config import Config, config_file, read_config
from deploykit.gate.events import ssh_command
from deploykit.gate.facts import Reader
from deploykit.gate.joblogs import JobLogs, joblogs_of
from deploykit.gate.merged_bugs import MergedBugs, merged_bugs_of
from deploykit.gate.reconcile import Gate
from deploykit.gate.rest import Server, read_password
from deploykit.gate.trees import Remote, Trees
from deploykit.gate.work import Work
from deploykit.jobs import Executor
from deploykit.jobs.local import for_site
from deploykit.site import Site

Rulings = Callable[[Mapping[str, Change]], Mapping[str, Ruling]]


@dataclass(frozen=True, slots=True)
class Opened:
    """A site's gate: `gate` itself, and how its server's events are listened to."""

    gate: Gate
    event_words: list[str]
    lock: Path


@dataclass(frozen=True, slots=True)
class Telling:
    """What is said elsewhere than on changes: logs that are kept, trackers of bugs."""

    logs: JobLogs
    bugs: MergedBugs


def open_gate(site: Site, rulings: Rulings, say: Callable[[str], None]) -> Opened:
    """The gate of `site`; its jobs run on this machine, beside the states they are laid out from.

    Raises InputError where gate.yml or a file that it names does not fit.
    """
    config = read_config(config_file(site.folder))
    telling = Telling(joblogs_of(site), merged_bugs_of(site, say))
    return assembled(config, site.state / "gate", for_site(site), rulings, say, telling=telling)


def assembled(
    config: Config, folder: Path, executor: Executor, rulings: Rulings,
    say: Callable[[str], None], *, telling: Telling,
) -> Opened:  # fmt: skip
    """A gate that keeps its caches and builds in `folder`. Raises InputError as `open_gate`."""
    access = config.access
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file, what in ((access.key, "key"), (access.host_keys, "host_keys")):
        if not file.is_file():
            raise InputError(f"there is no {file}, which gate.yml names as gerrit.{what}")
    ssh = ssh_command(str(access.key), str(access.host_keys))
    # git adds host, port and account itself, from the address.
    address = f"ssh://{access.account}@{access.ssh_host}:{access.ssh_port}/{{project}}"
    trees = Trees(folder / "stores", Remote(address, shlex.join(ssh)))
    server = Server(access.url, access.account, read_password(access.password))
    reader = Reader(config, server, trees, rulings)
    work = Work(folder / "builds", executor, trees)
    gate = Gate(config, server, trees, work, reader, telling.logs, telling.bugs, say)
    words = [*ssh, "-p", str(access.ssh_port), "-l", access.account, access.ssh_host]
    return Opened(gate, words, folder / "lock")
