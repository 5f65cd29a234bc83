"""What a release is made of: the SBOM of its kit, with the vendor packages that it pins."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from deploykit.image.inputs import PACKAGES
from deploykit.ledger import Ledger
from deploykit.mirror.needs import BARE
from deploykit.mirror.packageset import Package, PackageSet, Snapshot
from deploykit.mirror.store import open_store
from deploykit.release import Release
from deploykit.release.cutting import cut

DAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
MENDED = "1:2.1-8+deb12u1"
CHANGELOG = [[MENDED, ["CVE-2026-4321", "DSA-6001-1"]], ["1:2.1-8", ["CVE-2020-0001"]]]


def package(name: str, version: str, source: str = "") -> Package:
    file = f"{name}_{version}_amd64.deb"
    return Package(name, version, "amd64", "a" * 64, 7, file, source or name, version)


def hold(site: Any, version: str) -> PackageSet:
    """The site's newest set: the packages of every node, and what caches have."""
    common = tuple(package(name, "1.0") for name in sorted(PACKAGES))
    own = (package("libevent", version, "libevent-src"),)
    names = tuple(one.name for one in common)
    roles = {BARE: names, "cache": (*names, "libevent"), "master": names}
    one = PackageSet((Snapshot("bookworm", common), Snapshot("bookworm-security", own)), roles)
    store = open_store()
    store.write_set(one)
    store.hold(site, one.digest, NOON)
    return one


def cut_release(checkout: Any) -> Release:
    return cut(checkout.site, Ledger.open(checkout.site), commit=False, today=DAY).release


@pytest.fixture
def two(checkout_with_site: Any) -> tuple[Release, Release, PackageSet]:
    """Two releases, the second of which pins a mended package, and its set."""
    checkout = checkout_with_site
    site = (checkout.site.folder / "site.yml").read_text() + "mirror: {}\n"
    checkout.change(site, "deploy-kit/site.yml")
    vendor = "vendor: {suites: [bookworm, bookworm-security]}\n"
    checkout.change(vendor, "salt/pillar/vendor.sls")
    hold(checkout.site, "1:2.1-8")
    first = cut_release(checkout)
    one = hold(checkout.site, MENDED)
    changelog = open_store().folder / "changelogs" / f"libevent-src_{MENDED}.json"
    changelog.parent.mkdir()
    changelog.write_text(json.dumps(CHANGELOG))
    return first, cut_release(checkout), one


def document(said: str) -> dict[str, Any]:
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(said) is None
    return dict(json.loads(said))


def test_sbom_of_a_release_has_its_books_and_each_package_with_its_roles(
    two: tuple[Release, Release, PackageSet], call: Any
) -> None:
    _, release, held = two
    status, said, _ = call("release", "sbom", release.version)
    assert status == 0
    found = document(said)
    assert found["metadata"]["component"]["version"] == release.version
    assert found["metadata"]["component"]["hashes"][0]["content"] == release.hex
    components = {one["bom-ref"]: one for one in found["components"]}
    assert {"book:salt", "book:ansible"} <= components.keys()
    assert {f"deb:{name}" for name in held.packages} <= components.keys()
    mended = components["deb:libevent"]
    assert mended["purl"] == (
        "pkg:deb/debian/libevent@1%3A2.1-8+deb12u1?arch=amd64&distro=bookworm-security"
        "&upstream=libevent-src%401%3A2.1-8%2Bdeb12u1"
    )
    told = [(one["name"], one["value"]) for one in mended["properties"]]
    assert ("deploy-kit:role", "cache") in told and ("deploy-kit:role", "master") not in told
    assert ("deploy-kit:packages", held.digest) in told
    everywhere = components[f"deb:{PACKAGES[0]}"]["properties"]
    assert not [one for one in everywhere if one["name"] == "deploy-kit:role"]
    assert "vulnerabilities" not in found
    assert call("release", "sbom", release.version)[1] == said


def test_sbom_over_a_release_names_what_its_packages_close(
    two: tuple[Release, Release, PackageSet], call: Any
) -> None:
    first, release, _ = two
    status, said, _ = call("release", "sbom", release.version, "--over", first.version)
    assert status == 0
    closed = document(said)["vulnerabilities"]
    assert [one["id"] for one in closed] == ["CVE-2026-4321", "DSA-6001-1"]
    assert closed[0]["analysis"] == {"state": "resolved"}
    assert closed[0]["affects"] == [
        {"ref": "deb:libevent", "versions": [{"version": MENDED, "status": "unaffected"}]}
    ]
    assert "vulnerabilities" not in document(call("release", "sbom", first.version, "--over",
                                                  release.version)[1])  # fmt: skip


def test_sbom_of_a_release_without_packages_is_that_of_its_kit(
    checkout_with_site: Any, call: Any
) -> None:
    release = cut_release(checkout_with_site)
    found = document(call("release", "sbom", release.version)[1])
    assert [one["bom-ref"] for one in found["components"]] == ["book:ansible", "book:salt"]
    status, _, said = call("release", "sbom", "2020.1.1")
    assert status == 2 and "'2020.1.1' names no release" in said


def test_sbom_over_an_environment_is_over_what_that_runs(
    two: tuple[Release, Release, PackageSet], call: Any
) -> None:
    """Nothing runs there: what is new is not told apart."""
    _, release, _ = two
    call("policy", "apply", "--yes")
    status, said, _ = call("release", "sbom", release.version, "--over", "test")
    assert status == 0 and "vulnerabilities" not in document(said)
