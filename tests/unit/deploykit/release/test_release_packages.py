"""The packages that a release pins: by the newest set of the site's mirror, in its pins."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from deploykit.base.errors import InputError, Refused
from deploykit.image.inputs import PACKAGES, inputs_of
from deploykit.ledger import Ledger
from deploykit.mirror.needs import BARE
from deploykit.mirror.packageset import Package, PackageSet, Snapshot
from deploykit.mirror.store import open_store
from deploykit.release import Release, cutting
from deploykit.release.packages import needed_sets, pinned_packages, pinned_set, vendor_change

import gitshelf

DAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
SUITES = ("bookworm", "bookworm-security")


def package_set(version: str, *names: str) -> PackageSet:
    """A set with the packages of every node at one version."""
    packages = tuple(
        Package(name, version, "all", "a" * 64, 7, f"{name}_{version}_all.deb", name, version)
        for name in sorted({*PACKAGES, *names})
    )
    snapshots = (Snapshot(SUITES[0], packages), Snapshot(SUITES[1], ()))
    return PackageSet(snapshots, {BARE: tuple(package.name for package in packages)})


def hold(site: Any, one: PackageSet) -> PackageSet:
    store = open_store()
    store.write_set(one)
    store.hold(site, one.digest, NOON)
    return one


@pytest.fixture
def mirrored(checkout_with_site: Any) -> Any:
    """A clone whose site has a mirror, and content that says which suites it is of."""
    checkout = checkout_with_site
    site = (checkout.site.folder / "site.yml").read_text() + "mirror: {}\n"
    checkout.change(site, "deploy-kit/site.yml")
    checkout.change(f"vendor: {{suites: [{', '.join(SUITES)}]}}\n", "salt/pillar/vendor.sls")
    return checkout


def cut(checkout: Any) -> cutting.Cut:
    return cutting.cut(checkout.site, Ledger.open(checkout.site), commit=False, today=DAY)


def test_cut_pins_the_newest_set_in_the_kit_itself(mirrored: Any, tmp_path: Path) -> None:
    one = hold(mirrored.site, package_set("1.0"))
    release = cut(mirrored).release
    assert pinned_set(release.manifest) == one.digest
    assert pinned_packages(release.manifest) == one
    gitshelf.extract(release.kit, tmp_path / "kit", digest=release.hex)
    assert pinned_packages(tmp_path / "kit" / "KIT" / "manifest.yml") == one
    assert needed_sets(mirrored.site) == {one.digest}


def test_another_set_is_another_release_and_the_same_one_is_not(mirrored: Any) -> None:
    hold(mirrored.site, package_set("1.0"))
    first = cut(mirrored)
    assert not cut(mirrored).new
    hold(mirrored.site, package_set("1.1"))
    second = cut(mirrored)
    assert second.new and second.release.digest != first.release.digest


def test_site_without_a_mirror_pins_nothing(checkout_with_site: Any) -> None:
    hold(checkout_with_site.site, package_set("1.0"))
    release = cut(checkout_with_site).release
    assert "extra" not in release.manifest.read_text()
    assert pinned_set(release.manifest) is None and needed_sets(checkout_with_site.site) == set()


def test_cut_without_a_set_or_with_one_that_lacks_something_is_refused(mirrored: Any) -> None:
    with pytest.raises(Refused, match="no set of packages yet"):
        cut(mirrored)
    hold(mirrored.site, package_set("1.0"))
    roles = "roles: {cache: {components: [memcached], stage: foundation}}\n"
    mirrored.change(roles, "salt/roles.yml")
    mirrored.change("memcached: {packages: [memcached]}\n", "salt/pillar/memcached.sls")
    with pytest.raises(Refused, match="has no memcached, which the content names"):
        cut(mirrored)
    hold(mirrored.site, package_set("1.0", "memcached"))
    mirrored.change("vendor: {suites: [bookworm]}\n", "salt/pillar/vendor.sls")
    with pytest.raises(Refused, match="set is of bookworm, bookworm-security"):
        cut(mirrored)


def test_manifest_with_the_section_of_its_own_is_refused(mirrored: Any) -> None:
    hold(mirrored.site, package_set("1.0"))
    manifest = mirrored.site.manifest
    manifest.write_text(manifest.read_text() + "extra: {mine: 1}\n")
    with pytest.raises(
        InputError, match="'extra' is where the pins of a release have its packages"
    ):
        cut(mirrored)


def test_pins_that_somebody_changed_are_refused(mirrored: Any) -> None:
    one = hold(mirrored.site, package_set("1.0"))
    pins = cut(mirrored).release.manifest
    text = pins.read_text()
    pins.write_text(text.replace(one.snapshots[0].digest, "b" * 64))
    with pytest.raises(InputError, match="the snapshots are not those of the set"):
        pinned_packages(pins)
    pins.write_text(text.replace(one.digest, "b" * 64))
    with pytest.raises(InputError, match="bbbbbbbbbbbb is not on this machine"):
        pinned_packages(pins)
    pins.write_text(text.replace("    set:", "    sets:"))
    with pytest.raises(InputError, match="no set of packages as a cut writes it"):
        pinned_set(pins)


def test_packages_of_two_releases_are_compared_where_both_pin_some(mirrored: Any) -> None:
    old = hold(mirrored.site, package_set("1.0"))
    first = cut(mirrored).release
    new = hold(mirrored.site, package_set("1.0", "more"))
    second = cut(mirrored).release
    found = vendor_change(mirrored.site, first, second)
    assert found is not None and (found.over, found.set) == (old.digest, new.digest)
    assert [(one.source, one.old, one.new) for one in found.changes] == [("more", "", "1.0")]
    fresh = vendor_change(mirrored.site, None, second)
    assert fresh is not None and (fresh.over, fresh.changes) == (None, ())


def test_page_of_an_approval_has_the_packages(mirrored: Any, call: Any) -> None:
    hold(mirrored.site, package_set("1.0"))
    first: Release = cut(mirrored).release
    new = hold(mirrored.site, package_set("1.0", "more"))
    second = cut(mirrored).release
    for form, line in (("text", "  more (none) -> 1.0"), ("markdown", "| more |  | 1.0 |"),
                       ("html", "<td>more<td><td>1.0<td>every node")):  # fmt: skip
        status, said, _ = call("release", "diff", first.version, second.version, "--format", form)
        assert status == 0 and line in said and new.digest[:12] in said
        assert "nothing is downgraded" in said


def test_page_says_that_packages_come_back_where_the_newer_release_says_so(
    mirrored: Any, call: Any
) -> None:
    roles = "roles: {cache: {components: [memcached], stage: agents}}\nrollback: {packages: %s}\n"
    mirrored.change(roles % "forward-only", "salt/roles.yml")
    mirrored.change("memcached: {packages: [memcached]}\n", "salt/pillar/memcached.sls")
    hold(mirrored.site, package_set("1.0", "memcached"))
    first, said = cut(mirrored).release, {}
    hold(mirrored.site, package_set("1.1", "memcached"))
    for word in ("stay", "reversible"):
        mirrored.change(roles % word, "salt/roles.yml")
        newer = cut(mirrored).release.version
        said[word] = json.loads(call("release", "diff", first.version, newer, "--json")[1])
        text = call("release", "diff", first.version, newer)[1]
        assert ("the vendor packages of before come with it" in text) == (word == "reversible")
    assert "comes_back" not in said["stay"]["vendor"]
    assert said["reversible"]["vendor"]["comes_back"] is True


def test_image_is_of_the_newest_set_and_downloads_nothing_else(
    mirrored: Any,
) -> None:
    bare = inputs_of(mirrored.site)
    assert bare.mirror == "" and bare.week and "age" in bare.downloaded
    one = hold(mirrored.site, package_set("1.0", "memcached"))
    inputs = inputs_of(mirrored.site)
    assert (inputs.mirror, inputs.week, inputs.downloaded) == (one.digest, "", ("memcached",))
