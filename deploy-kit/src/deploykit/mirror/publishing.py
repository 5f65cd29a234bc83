"""A set laid out for apt: its suites with lists signed by the site's key, files linked from the
pool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploykit.mirror.aptly import COMPONENT, architecture_of_host
from deploykit.mirror.gnupg import SigningKey, signing_key
from deploykit.mirror.packageset import PackageSet
from deploykit.mirror.serving import serving
from deploykit.mirror.settings import mirror_settings
from deploykit.mirror.sources import Source
from deploykit.mirror.store import Store
from deploykit.mirror.updating import aptly_of
from deploykit.site import Site


def site_signing_key(site: Site) -> SigningKey:
    """The key that the site's packages are signed with; made at the first call."""
    return signing_key(site.keys / "mirror", site.name)


def publish_set(site: Site, store: Store, one: PackageSet) -> Path:
    """Lay the set out for apt, unless it is already; returns the folder with `dists` and `pool`.

    Raises CommandFailed where the set's snapshots are not in the store.
    """
    key = site_signing_key(site)
    with store.locked():
        return aptly_of(store, site).publish(one, site.id, key, architecture_of_host())


def newest_set(site: Site, store: Store) -> str | None:
    """The digest of the set that the site's last update brought; None without a mirror."""
    return store.holding(site).newest if mirror_settings(site) is not None else None


@contextmanager
def served_set(site: Site, store: Store, digest: str) -> Iterator[tuple[Source, ...]]:
    """A set as sources for what is made on this machine, until the block ends."""
    one = store.read_set(digest)
    lines = site_signing_key(site).public.splitlines()
    key = "".join(f"\n {line or '.'}" for line in lines)
    with serving(publish_set(site, store, one)) as url:
        yield tuple(Source(url, suite, (COMPONENT,), key) for suite in one.pins)
