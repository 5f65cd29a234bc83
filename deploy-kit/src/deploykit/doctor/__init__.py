"""Looking at the host: every finding with its remedy."""

from __future__ import annotations

import os
import shutil

from deploykit.base.errors import DeployKitError
from deploykit.base.homes import cache_home, state_home
from deploykit.base.root import as_root
from deploykit.base.sandbox import is_off, sandbox_problem
from deploykit.doctor.train import check_train
from deploykit.host.finding import Finding, Level, ok, warning
from deploykit.host.fit import check_environments
from deploykit.host.machine import (
    check_disk,
    check_ids,
    check_limits,
    check_memory,
    check_rights,
    check_sandbox,
    check_system,
    check_tools,
    group_names,
    low_limits,
    may_sudo,
)
from deploykit.host.network import check_forwarding
from deploykit.ledger.records import LedgerError
from deploykit.ledger.remote import clone_of
from deploykit.ledger.signers import signs_everything
from deploykit.ledger.store import Ledger
from deploykit.ledger.view import signers_in_force
from deploykit.providers.lxd.api import socket_path
from deploykit.providers.lxd.daemon import (
    answers,
    check_bridges,
    check_daemon,
    check_orphans,
    check_storage,
)
from deploykit.site import Site
from deploykit.site.keys import OPERATOR, Keyring, named_key


def preflight() -> list[Finding]:
    """What must be right before anything is set up."""
    user = os.geteuid()
    return [
        check_system(),
        check_rights(user, group_names(), user == 0 or may_sudo()),
        check_tools(),
        check_sandbox(is_off(), sandbox_problem()),
        check_ids(),
        check_memory(),
        *check_room(),
    ]


def check_room() -> list[Finding]:
    """Free disk for nodes, builds and state: one finding per file system."""
    places = {
        "nodes": socket_path().parent,
        "builds": cache_home(),
        "kits and logs": state_home(),
    }
    findings: dict[int, Finding] = {}
    for what, folder in places.items():
        there = next(path for path in (folder, *folder.parents) if path.exists())
        findings.setdefault(there.stat().st_dev, check_disk(what, folder))
    return list(findings.values())


def examine(site: Site | None = None, *, train: bool = False) -> list[Finding]:
    """Everything: the machine, the daemon, and what the sites of this host have in it.

    With `site`, also whether each of its environments has room now; with `train`, whether all that
    the train passes have at once.
    """
    findings = [*preflight(), check_limits(low_limits()), check_daemon()]
    lxd = answers()
    if lxd is not None:
        findings += [check_storage(lxd), check_bridges(lxd), check_orphans(lxd)]
    if site is not None:
        free = shutil.disk_usage(socket_path().parent if lxd else site.folder).free
        findings += [check_train(site, lxd, free)] if train else check_environments(site, free)
        findings += check_ledger(site)
        findings += check_keys(site)
    return [*findings, *check_forwarding(as_root())]


def check_ledger(site: Site) -> list[Finding]:
    """Whether the remote of a site's ledger keeps it from being rewritten; nothing for one that
    lies in the site's own state, which deploy-kit makes so."""
    clone = clone_of(site)
    if clone.owned:
        return []
    name = "ledger"
    try:
        clone.prepare()
        accepted = clone.forced_push_accepted()
    except LedgerError as error:
        return [warning(name, error.message, error.remedy)]
    if accepted is None:
        return []
    if accepted:
        return [
            warning(
                name,
                f"{clone.remote} takes forced pushes: whoever may push can rewrite the ledger, and "
                "a machine that never saw it believes that",
                "there: git config receive.denyNonFastForwards true, or protect its branch "
                "'ledger'; and keep junk out: deploy-kit ledger hook",
            )
        ]
    return [ok(name, f"{clone.remote} takes no forced push")]


def check_keys(site: Site) -> list[Finding]:
    """Whether one key of this site signs for an admin and for everything else."""
    name, keyring = "keys", Keyring(site, named_key(site))
    if not keyring.here() or not site.trust.exists():  # nothing began here yet
        return []
    try:
        signers = signers_in_force(Ledger.open(site).known)
    except DeployKitError as error:
        return [warning(name, error.message, error.remedy)]
    if not signs_everything(signers, keyring):
        return [ok(name, "an operator's key signs nothing for an admin")]
    return [
        warning(
            name,
            f"{keyring.of_role(OPERATOR).file} signs for every role: who gets it has all",
            "deploy-kit ledger separate-keys gives each role a key of its own",
        )
    ]


def demand(findings: list[Finding]) -> None:
    """Raise one DeployKitError that names every problem among `findings`, with its remedy."""
    bad = [finding for finding in findings if finding.level is Level.PROBLEM]
    if bad:
        raise DeployKitError(
            "this machine cannot run environments yet: " + "; ".join(f.detail for f in bad),
            "\n".join(f"{finding.name}: {finding.remedy}" for finding in bad),
        )
