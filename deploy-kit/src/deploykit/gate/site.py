"""A site's gate put together: configuration, server, stores, builds and the ledger's rulings."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.base.yamlfile import nearest
from deploykit.gate.account import Account
from deploykit.gate.after import After
from deploykit.gate.branches import PrivateBranches
from deploykit.gate.changes import Change, Ruling
from deploykit.gate.config import Config, config_file, read_config
from deploykit.gate.events import ssh_command
from deploykit.gate.facts import Reader
from deploykit.gate.joblogs import JobLogs, joblogs_of
from deploykit.gate.leftpods import LeftPods
from deploykit.gate.merged_bugs import MergedBugs, merged_bugs_of
from deploykit.gate.pins import paths_of
from deploykit.gate.post import Holds
from deploykit.gate.reconcile import Gate
from deploykit.gate.rest import Server, read_password
from deploykit.gate.rulings import rulings_of
from deploykit.gate.saying import Saying
from deploykit.gate.trees import Remote, Trees
from deploykit.gate.work import Work
from deploykit.jobs import Executor, executor_for
from deploykit.ledger import Ledger
from deploykit.ledger.view import policy_in_force
from deploykit.site import Site

Rulings = Callable[[Mapping[str, Change]], Mapping[str, Ruling]]


@dataclass(frozen=True, slots=True)
class Opened:
    """A site's gate: `gate` itself, and how its server's events are listened to."""

    gate: Gate
    event_words: list[str]
    lock: Path


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a gate works with: the `folder` of its caches and builds, who runs its jobs, what people
    decided of changes, where logs are kept and bugs are told of, where it puts environments on
    hold, and where its jobs have pods (None: nowhere)."""

    folder: Path
    executor: Executor
    rulings: Rulings
    logs: JobLogs
    bugs: MergedBugs
    holds: Holds | None = None
    pods: LeftPods | None = None


def open_gate(site: Site, ledger: Ledger, say: Callable[[str], None]) -> Opened:
    """The gate of `site`; its jobs run where site.yml's `jobs` says, else on this machine.

    Raises InputError if gate.yml or a file that it names does not fit.
    """
    config = read_config(config_file(site.folder))
    _demand_known(config, ledger)

    def rulings(changes: Mapping[str, Change]) -> Mapping[str, Ruling]:
        return rulings_of(ledger.fetch_records(), changes)

    folder = site.state / "gate"
    around = Surroundings(
        folder,
        executor_for(site),
        rulings,
        joblogs_of(site),
        merged_bugs_of(site, say),
        Holds(ledger),
        LeftPods(site, say),
    )
    return assembled(config, around, say)


def _demand_known(config: Config, ledger: Ledger) -> None:
    """Raises InputError for an environment to hold that the ledger does not know."""
    policy = policy_in_force(ledger.known)
    for name in config.post.hold:
        if name not in policy:
            raise InputError(
                f"gate.yml: post: the ledger knows no environment '{name}' to hold",
                nearest(name, frozenset(policy)),
            )


def assembled(config: Config, around: Surroundings, say: Callable[[str], None]) -> Opened:
    """A gate in these surroundings. Raises InputError as `open_gate`."""
    folder = around.folder
    access = config.access
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file, what in ((access.key, "key"), (access.host_keys, "host_keys")):
        if not file.is_file():
            raise InputError(f"there is no {file}, which gate.yml names as gerrit.{what}")
    ssh = ssh_command(str(access.key), str(access.host_keys))
    # git adds host, port and account itself, from the address.
    address = f"ssh://{access.account}@{access.ssh_host}:{access.ssh_port}/{{project}}"
    trees = Trees(folder / "stores", Remote(address, shlex.join(ssh)), paths_of(config.pins))
    server = Server(access.url, access.account, read_password(access.password))
    account, saying = Account(server), Saying(say)
    reader = Reader(config, account, trees, around.rulings)
    work = Work(folder / "builds", around.executor, trees)
    after = After(config, account, trees, work, around.logs, around.holds, saying)
    branches = PrivateBranches(config, server, trees, work, saying)
    gate = Gate(
        config, server, trees, work, reader, after, branches, around.logs, around.bugs, around.pods,
        saying,
    )  # fmt: skip
    words = [*ssh, "-p", str(access.ssh_port), "-l", access.account, access.ssh_host]
    return Opened(gate, words, folder / "lock")
