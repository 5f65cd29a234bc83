"""Looking at the host: every finding with its remedy."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.homes import cache_home, state_home
from deploykit.base.sandbox import is_off, sandbox_problem
from deploykit.doctor.train import check_train
from deploykit.host.finding import Finding, Level, ok, warning
from deploykit.host.fit import check_environments
from deploykit.host.machine import (
    TOOLS,
    check_disk,
    check_memory,
    check_sandbox,
    check_system,
    check_tools,
    what_is_there,
)
from deploykit.ledger.records import LedgerError
from deploykit.ledger.remote import clone_of
from deploykit.ledger.signers import signs_everything
from deploykit.ledger.store import Ledger
from deploykit.ledger.view import signers_in_force
from deploykit.providers import (
    Examines,
    OnHost,
    hosts_of,
    names_in_use,
    on_host,
    provider_for,
    providers,
)
from deploykit.site import Site
from deploykit.site.environment import Environment
from deploykit.site.keys import OPERATOR, Keyring, named_key


def preflight(hosts: Sequence[OnHost]) -> list[Finding]:
    """What must be right before anything is set up; `hosts` is what providers have here."""
    return [
        check_system(),
        check_tools(TOOLS),
        check_sandbox(is_off(), sandbox_problem()),
        *(finding for host in hosts for finding in host.needs()),
        check_memory(),
        *check_room(hosts),
    ]


def check_room(hosts: Sequence[OnHost]) -> list[Finding]:
    """Free disk for nodes, builds and state: one finding per file system."""
    places = [
        *(("nodes", host.folder) for host in hosts),
        ("builds", cache_home()),
        ("kits and logs", state_home()),
    ]
    findings: dict[int, Finding] = {}
    for what, folder in places:
        findings.setdefault(what_is_there(folder).stat().st_dev, check_disk(what, folder))
    return list(findings.values())


def examine(site: Site | None = None, *, train: bool = False) -> list[Finding]:
    """Everything: the machine, and what providers have on it for the sites of this host.

    With `site` those that its environments name, and whether each of these has room now; with
    `train`, whether all that the train passes have at once.
    """
    hosts = hosts_of(names_in_use(site))
    findings = preflight(hosts)
    for host in hosts:
        findings += host.findings()
    if site is not None:
        findings += check_files(site)
        for host in hosts:
            free = shutil.disk_usage(what_is_there(host.folder)).free
            carried = _carried_by(site, host)
            if train:
                findings += [check_train(site, carried, free, ready=host.is_ready())]
            else:
                findings += check_environments(site, carried, free)
        findings += check_ledger(site)
        findings += check_keys(site)
    return findings


def check_files(site: Site) -> list[Finding]:
    """A warning for each environment whose file cannot be read, or does not do for its provider."""
    reading = site.read_environments()
    errors = list(reading.broken.values())
    for environment in reading.environments.values():
        try:
            provider = provider_for(site, environment)
            if isinstance(provider, Examines):
                provider.examine(environment)
        except InputError as error:
            errors.append(error)
    return [warning("site", error.message, error.remedy) for error in errors]


def _carried_by(site: Site, host: OnHost) -> list[Environment]:
    """The environments whose nodes lie, or would, where `host` has them."""
    there = site.read_environments().environments.values()
    return [one for one in there if one.provider in providers() and on_host(one.provider) is host]


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
