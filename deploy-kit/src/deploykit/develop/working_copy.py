"""The working copy's content on a development environment, without a release: edit, apply, look.

It goes to the master as one more environment of Salt's, `working`, in the layout that a kit
unpacks to. What is deployed there stays `current`; nothing goes on record.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import InputError, Refused
from deploykit.base.yamlfile import nearest
from deploykit.master.facade import DevelopedRun
from deploykit.nodes.inventory import Inventory
from deploykit.rollout import DAY0_MARK, MINIONS_TIMEOUT, Narrator, await_minions
from deploykit.rollout.work import Work
from deploykit.site import Site
from deploykit.site.content import read_content
from deploykit.site.environment import MASTER_ROLE, Environment, chain
from deploykit.site.settings import of_pillar
from deploykit.site.tunables import demand_known, pillar_settings, read_tunables

WORKING = "working"
LEFT_OUT = frozenset({"__pycache__", ".git"})


@dataclass(frozen=True, slots=True)
class Change:
    """One state that changed something on one minion: a file's difference, or Salt's words."""

    minion: str
    state: str
    told: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying did: changes and failures by minion, and how many states ran."""

    changes: tuple[Change, ...]
    failures: tuple[Change, ...]
    states: int


def development(site: Site) -> list[str]:
    """The environments that a working copy may be applied to: no train passes them."""
    known = site.environments()
    passed = {environment.name for environment in chain(known)}
    return [one.name for one in known.values() if one.name not in passed and not one.protected]


def demand_development(site: Site, environment: Environment) -> None:
    """Raise Refused where `environment` takes releases only."""
    names = development(site)
    if environment.name not in names:
        why = "is protected" if environment.protected else "takes releases, on evidence"
        raise Refused(
            f"{environment.name} {why}; a working copy is not applied to it",
            f"for development there are: {', '.join(names) or 'none'}",
        )


def apply(
    work: Work, inventory: Inventory, role: str | None = None, content: Path | None = None
) -> Applied:
    """Apply the working copy's states on the nodes with `role` (None: the whole on all minions).

    Raises InputError for a role that no node has, DeployKitError where the master or a minion
    does not answer.
    """
    folder = content or work.site.content
    states = states_of(folder, role)
    minions = minions_with(inventory, role)
    tunables = read_tunables(folder.parent)
    demand_known(of_pillar(inventory.environment.settings), tunables, "the working copy")
    settings = pillar_settings(inventory.environment.settings, tunables)
    if not (inventory.folder / DAY0_MARK).is_file():
        raise Refused(
            f"{inventory.instance}: its nodes are bare, day 0 was not done there",
            f"deploy-kit deploy latest {inventory.environment.name}, or vagrant up",
        )
    master = work.master(inventory)
    master.put_working_copy(packed(folder))
    master.write_environment(WORKING, inventory, settings)
    await_minions(master, inventory, MINIONS_TIMEOUT, minions)
    with work.progress.step(f"{inventory.instance}: {role or 'everything'} applied") as step:
        narrator = Narrator(work.log(f"{inventory.instance}-states"), step)
        answers = master.apply(WORKING, minions, states, narrator)
    return summary(answers)


def states_of(content: Path, role: str | None) -> tuple[str, ...]:
    """The components of `role`, as the content maps them; none for everything."""
    if role is None:
        return ()
    roles = read_content(content).roles
    if role not in roles:
        raise InputError(f"salt/roles.yml knows no role '{role}'", nearest(role, frozenset(roles)))
    if not roles[role]:
        raise InputError(f"the role '{role}' has no components: there is nothing to apply")
    return roles[role]


def minions_with(inventory: Inventory, role: str | None) -> list[str]:
    """The minions with `role` (None: all). Raises InputError where there is none."""
    found = [host.name for host in inventory.minions if role is None or role in host.roles]
    if not found:
        roles = {name for host in inventory.minions for name in host.roles} - {MASTER_ROLE}
        raise InputError(
            f"{inventory.instance} has no node with the role '{role}'",
            nearest(role or "", frozenset(roles)),
        )
    return found


def packed(folder: Path) -> bytes:
    """`folder` as a tar of its plain files under `salt/`, with their times."""
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder", "content lies beside the site")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for file in sorted(_files(folder)):
            tar.add(file, arcname=f"salt/{file.relative_to(folder)}", recursive=False)
    return buffer.getvalue()


def _files(folder: Path) -> Iterable[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        for name in names:
            file = Path(here, name)
            if file.is_file() and not file.is_symlink():
                yield file


def summary(answers: dict[str, DevelopedRun]) -> Applied:
    """What the minions' answers say, in the order of their names."""
    changes, failures, states = [], [], 0
    for name, answer in sorted(answers.items()):
        states += answer["total"]
        changes += [Change(name, entry["state"], entry["told"]) for entry in answer["changes"]]
        failures += [Change(name, one["state"], one["comment"]) for one in answer["failed"]]
    return Applied(tuple(changes), tuple(failures), states)
