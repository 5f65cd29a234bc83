"""Setting the host up: idempotent, and quick if all is there."""

from __future__ import annotations

from deploykit.base.progress import Progress
from deploykit.doctor import demand, preflight
from deploykit.providers import hosts_of, names_in_use
from deploykit.site import Site


def set_up(progress: Progress, site: Site | None = None) -> None:
    """Make what the providers that the site's environments name need on this machine.

    Without `site` the default provider. Raises DeployKitError at once if the machine cannot do: no
    root, tools, disk or memory.
    """
    hosts = hosts_of(names_in_use(site))
    demand(preflight(hosts))
    for host in hosts:
        host.set_up(progress)
