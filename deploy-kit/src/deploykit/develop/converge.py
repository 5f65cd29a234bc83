"""The working copy's content on nodes that Vagrant has brought up, and what to do then."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import DeployKitError
from deploykit.checks import PASSED
from deploykit.checks.smoke import smoke
from deploykit.develop.working_copy import WORKING
from deploykit.nodes.inventory import Inventory
from deploykit.release import Release
from deploykit.rollout import roll_out
from deploykit.rollout.work import Work
from deploykit.site import Site

DASHBOARD, IDENTITY = "dashboard", "identity"
DASHBOARD_PORT, LOCAL_PORT, IDENTITY_PORT = 443, 8443, 5000
# Only its place is named here; it stays on the master until a person asks.
SHOW_PASSWORD = "grep keystone_admin /srv/environment/secrets.json"  # noqa: S105


@dataclass(frozen=True, slots=True)
class WorkingCopy(Release):
    """The checkout in the place of a release: it is mounted where kits lie on the master."""

    def unpacked(self, site: Site) -> Path:
        return site.content.parent

    def readable(self, site: Site) -> tuple[Path, ...]:
        checkout = site.content.parent.resolve()
        return tuple(checkout / name for name in ("ansible", "salt"))


def converge(work: Work, inventory: Inventory) -> None:
    """Day 0, states and smoke test on nodes that Vagrant made. Raises as a deployment does.

    Nothing of it goes on record: what is developed is no release yet.
    """
    release = WorkingCopy(WORKING, WORKING, work.site.content, work.site.manifest)
    roll_out(work, release, inventory, signers="")
    with work.progress.step(f"{inventory.instance}: smoke test"):
        outcome = smoke(work, release, inventory)
    if outcome.result != PASSED:
        raise DeployKitError(
            f"{inventory.instance}: the smoke test fails: {outcome.summary}",
            f"the whole test: {work.log(f'{inventory.instance}-smoke')}\n"
            "vagrant provision, after mending it",
        )


def directions(inventory: Inventory) -> str:
    """What a person does with the region that has just come up."""
    name, environment, master = inventory.instance, inventory.environment, inventory.master.name
    rows = [("a shell on a node", f"vagrant ssh {master}")]
    forward = f"deploy-kit env forward {name} --port"
    if environment.with_role(DASHBOARD):
        rows.append(("the dashboard", f"https://127.0.0.1:{LOCAL_PORT}/ as admin, while this runs"))
        rows.append(("", f"{forward} {DASHBOARD_PORT} --local {LOCAL_PORT}"))
    elif environment.with_role(IDENTITY):
        page = f"https://127.0.0.1:{IDENTITY_PORT}/v3"
        rows.append(("keystone", f"{page} as admin, while this runs"))
        rows.append(("", f"{forward} {IDENTITY_PORT}"))
    if environment.with_role(IDENTITY):
        rows.append(("admin's password", f"deploy-kit env ssh {name} {master} {SHOW_PASSWORD}"))
    rows.append(("an edit applied", f"deploy-kit dev apply --environment {name}"))
    rows.append(("all of it again", "vagrant provision"))
    rows.append(("take it down", "vagrant destroy"))
    width = max(len(title) for title, _ in rows)
    told = "\n".join(f"  {title:<{width}}  {command}" for title, command in rows)
    return f"\n{name} is up and its smoke test passed.\n{told}"
