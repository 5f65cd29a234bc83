"""The release that a pod begins at."""

from __future__ import annotations

from collections.abc import Sequence

from deploykit.base.errors import InputError
from deploykit.ledger.records import Record
from deploykit.ledger.view import running
from deploykit.release import Release, Unbuilt, find_release, release_of
from deploykit.site import Site
from deploykit.site.environment import Environment, chain


def base_release(
    site: Site, records: Sequence[Record], environment: Environment, named: str = ""
) -> Release | Unbuilt:
    """The release `named`, else what the train's last environment runs, else what `environment`
    runs.

    Raises InputError if nothing runs anywhere, and as `find_release` and `release_of`.
    """
    if named:
        return find_release(site, named)
    train = [stop.name for stop in chain(site.environments())]
    for name in dict.fromkeys([*train[-1:], environment.name, *reversed(train)]):
        if running(records, name) is not None:
            return running_release(site, records, name)
    raise InputError(
        "no environment runs a release yet, so there is none for a pod to begin at",
        "deploy one first: deploy-kit train; or name one: deploy-kit pod create --base latest",
    )


def running_release(site: Site, records: Sequence[Record], environment: str) -> Release | Unbuilt:
    """The release that `environment` runs. Raises InputError if there is none, and as
    `release_of`."""
    runs = running(records, environment)
    if runs is None:
        raise InputError(
            f"{environment} runs no release yet", f"deploy-kit deploy latest {environment}"
        )
    return release_of(site, records, runs.digest)
