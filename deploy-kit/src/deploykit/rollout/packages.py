"""The vendor packages of a release brought to an environment's master, and told to day 0."""

from __future__ import annotations

import hashlib
from pathlib import Path

from deploykit.mirror.packageset import PackageSet
from deploykit.mirror.publishing import publish_set, site_signing_key
from deploykit.mirror.store import open_store
from deploykit.nodes.inventory import Inventory
from deploykit.release import Release
from deploykit.release.packages import pinned_packages
from deploykit.rollout.sending import send_set, server_of, set_url
from deploykit.rollout.work import Work


def send_packages(work: Work, release: Release, inventory: Inventory) -> dict[str, object]:
    """Have the master keep the set of packages that `release` pins.

    Returns the variables that the roles of day 0 know; none where it pins no set. What the master
    has is not sent again. Raises InputError where the set is not on this machine, NodeUnreachable,
    CommandFailed.
    """
    one = pinned_packages(release.manifest)
    if one is None:
        return {}
    with work.progress.step(f"{inventory.instance}: packages to the master") as step:
        published = publish_set(work.site, open_store(), one)
        wanted = digests_below(published, one)
        send_set(work, inventory, one.digest, published, wanted, step)
    mirror = {
        **server_of(inventory),
        "url": set_url(inventory, one.digest),
        "set": one.digest,
        "suites": list(one.pins),
        "key": site_signing_key(work.site).public,
    }
    return {"packages_mirror": mirror}


def digests_below(published: Path, one: PackageSet) -> dict[str, str]:
    """The SHA-256 of each file of a published set, by its path; packages are known by theirs."""
    known = {package.file: package.sha256 for package in one.packages.values()}
    found = {}
    for file in sorted(path for path in published.rglob("*") if path.is_file()):
        digest = known.get(file.name)
        if digest is None or file.suffix != ".deb":
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
        found[str(file.relative_to(published))] = digest
    return found
