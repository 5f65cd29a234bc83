"""A lookup only looks; what it found unbuilt is built by a call of its own."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

import pytest
from deploykit.base.errors import InputError
from deploykit.ledger import Ledger, Record
from deploykit.release import Release, Unbuilt, cutting, find_release, release_of, releases
from deploykit.release.cutting import Cut
from deploykit.site import Site
from ledgerbook import Named, Story, rule


def cut(site: Site, **more: Any) -> Cut:
    return cutting.cut(site, Ledger.open(site), **more)


def build_release(site: Site, found: Release | Unbuilt) -> Release:
    return cutting.build_release(site, Ledger.open(site), found)


@pytest.fixture
def release(checkout_with_site: Any) -> Release:
    """A release of which this machine has the pins alone: no kit, no cache, no key."""
    release = cut(checkout_with_site.site, commit=False).release
    shutil.rmtree(checkout_with_site.site.kits)
    shutil.rmtree(checkout_with_site.site.keys)
    return release


def ledger_with(release: Release, digest: str) -> Sequence[Record]:
    return Story.of(test=rule()).deployed("test", Named(digest, release.version)).records


def test_lookup_of_pins_makes_no_key_and_builds_nothing(
    checkout_with_site: Any, release: Release
) -> None:
    site = checkout_with_site.site
    records = ledger_with(release, release.digest)
    pins = Unbuilt(release.version, release.manifest)
    before = sorted(site.state.rglob("*"))
    assert find_release(site, release.version) == find_release(site, "latest") == pins
    assert release_of(site, records, release.digest) == Unbuilt(
        release.version, release.manifest, release.digest
    )
    assert sorted(site.state.rglob("*")) == before
    assert not site.kits.exists() and not site.keys.exists()


def test_pins_are_built_when_that_is_asked(checkout_with_site: Any, release: Release) -> None:
    site = checkout_with_site.site
    found = find_release(site, release.version)
    assert releases(site) == ()
    assert build_release(site, found) == release
    assert releases(site) == (release,)


def test_kit_that_is_there_is_not_built_again(checkout_with_site: Any) -> None:
    site = checkout_with_site.site
    release = cut(site, commit=False).release
    made = release.kit.stat()
    assert build_release(site, find_release(site, "latest")) == release
    assert build_release(site, Unbuilt(release.version, release.manifest)) == release
    assert release.kit.stat() == made


@pytest.mark.parametrize("built", [True, False])
def test_pins_that_give_another_kit_than_the_ledger_has_are_refused(
    checkout_with_site: Any, release: Release, built: bool
) -> None:
    site = checkout_with_site.site
    other = "sha256:" + "7" * 64
    if built:
        build_release(site, find_release(site, release.version))
    with pytest.raises(InputError, match="in the ledger"):
        build_release(site, release_of(site, ledger_with(release, other), other))
