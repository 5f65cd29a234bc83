"""A site's mirror brought up to what its sources have now: a new set, or the one it has."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.base.progress import Progress
from deploykit.mirror.apt import Apt
from deploykit.mirror.aptly import Aptly, architecture_of_host
from deploykit.mirror.changelogs import Changelogs
from deploykit.mirror.needs import sources_of_suites, wanted_packages
from deploykit.mirror.packageset import PackageSet
from deploykit.mirror.settings import MirrorSettings, mirror_settings
from deploykit.mirror.store import Store
from deploykit.site import Site
from deploykit.site.content import Content


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update brought: the set, and the one before it if there was another."""

    set: PackageSet
    before: PackageSet | None


def demand_mirror(site: Site) -> MirrorSettings:
    """What site.yml says of the mirror. Raises InputError where the site has none."""
    found = mirror_settings(site)
    if found is None:
        raise InputError(
            f"{site.folder / 'site.yml'}: the site has no mirror",
            "write 'mirror: {}' there: packages of this machine's sources, for what the content "
            "names",
        )
    return found


def aptly_of(store: Store, site: Site) -> Aptly:
    """aptly for the store, and its sites' folders of published sets."""
    published = {**store.published(), site.id: Path(store.holding(site).published)}
    return Aptly(store.folder / "aptly", published, site.logs / "mirror.log")


def update_mirror(
    site: Site,
    store: Store,
    content: Content,
    base: Iterable[str],
    *,
    now: datetime,
    progress: Progress,
) -> Updated:
    """Fetch what the content's roles need by now, `base` (every node's) among it, as one set.

    Raises InputError for sources or names that do not fit, DeployKitError where packages cannot be
    had together, CommandFailed where a source cannot be reached or is not signed as it must be.
    """
    settings = demand_mirror(site)
    if not content.suites:
        raise InputError(
            f"{content.folder}/pillar/vendor.sls names no suites",
            "as 'vendor: {suites: [bookworm]}'",
        )
    sources = sources_of_suites(settings.sources, content.suites)
    wanted = wanted_packages(content, (*base, *settings.also))
    architecture = architecture_of_host()
    site.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    store.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with store.locked():
        with tempfile.TemporaryDirectory(prefix="apt-", dir=store.folder) as folder:
            apt = Apt(Path(folder), sources, architecture, site.logs / "mirror.log")
            with progress.step("package lists"):
                apt.update()
            with progress.step(f"what {len(content.roles)} roles need"):
                found = apt.resolve(wanted)
        aptly = aptly_of(store, site)
        known = aptly.snapshots()
        for snapshot, source in zip(found.snapshots, sources, strict=True):
            if snapshot.name not in known:
                count = len(snapshot.packages)
                with progress.step(f"{snapshot.suite}: {count} packages"):
                    aptly.take(snapshot, source, architecture)
        newest = store.holding(site).newest
        known_sets = set(store.sets()) - {found.digest}
        before = store.read_set(newest) if newest in known_sets else None
        store.write_set(found)
        store.hold(site, found.digest, now)
    return Updated(found, before)


def changelogs_of(store: Store, site: Site) -> Changelogs:
    """The changelogs of the packages in the store."""
    return Changelogs(store.folder / "changelogs", aptly_of(store, site).pool_file)
