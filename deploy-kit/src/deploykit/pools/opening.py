"""A site's pools put together: what pools.yml says, the state, and the desk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deploykit.pools.config import FILE, Config, config_file, read_config
from deploykit.pools.desk import Desk
from deploykit.pools.nodes import Nodes
from deploykit.pools.store import Store, sqlite_url
from deploykit.site import Site


@dataclass(frozen=True, slots=True)
class Pools:
    """The pools of a site, open."""

    site: Site
    config: Config
    store: Store
    desk: Desk
    nodes: Nodes


def has_pools(site: Site) -> bool:
    """Whether the site has a pools.yml."""
    return (site.folder / FILE).is_file()


@contextmanager
def open_pools(site: Site) -> Iterator[Pools]:
    """The pools of `site`, until the block ends.

    Raises InputError if pools.yml is missing or does not fit, StateAway if the state is.
    """
    reading = site.read_environments()
    config = read_config(config_file(site.folder), {*reading.environments, *reading.broken})
    store = Store(config.database or sqlite_url(site.state / "pools" / "state.sqlite"))
    try:
        yield Pools(site, config, store, Desk(config, store, time.time), Nodes(site, config))
    finally:
        store.close()
