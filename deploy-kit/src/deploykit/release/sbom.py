"""What a release is made of: its kit's books and the packages that it pins, as CycloneDX 1.5.

Made of the kit's own SBOM and of the set, without times and random ids: on every machine the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from deploykit.mirror.difference import SourceChange
from deploykit.mirror.needs import BARE
from deploykit.mirror.packageset import PackageSet
from deploykit.release import Release
from deploykit.release.packages import pinned_packages

if TYPE_CHECKING:
    from deploykit.site import Site

KIT_SBOM = "KIT/sbom.cdx.json"
TRACKER = "https://security-tracker.debian.org/tracker/"


def read_sbom(site: Site, release: Release, closed: Iterable[SourceChange] = ()) -> dict[str, Any]:
    """The document of `release`; `closed` are the source packages that moved since another one,
    with the advisories that they close.

    Raises InputError where the set that it pins is not on this machine, GitshelfError where its kit
    is not what it says.
    """
    file = release.unpacked(site) / KIT_SBOM
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return release_sbom(document, release, pinned_packages(release.manifest), closed)


def release_sbom(
    kit: Mapping[str, Any],
    release: Release,
    packages: PackageSet | None,
    closed: Iterable[SourceChange] = (),
) -> dict[str, Any]:
    """The document `kit` (the SBOM of the kit) with the release and its packages. Pure."""
    document = {
        **kit,
        "metadata": {"component": _release_component(release)},
        "components": [*kit["components"], *_packages(packages)],
    }
    advisories = _advisories(packages, closed) if packages else []
    return {**document, "vulnerabilities": advisories} if advisories else document


def _release_component(release: Release) -> dict[str, Any]:
    return {
        "type": "application",
        "bom-ref": f"release:{release.version}",
        "name": "release",
        "version": release.version,
        "hashes": [{"alg": "SHA-256", "content": release.hex}],
    }


def _packages(packages: PackageSet | None) -> list[dict[str, Any]]:
    """A component for each package, with the roles that have it (none: every node)."""
    if packages is None:
        return []
    suites = {one.name: held.suite for held in packages.snapshots for one in held.packages}
    bare = frozenset(packages.roles.get(BARE, ()))
    roles: dict[str, list[str]] = {}
    for role, names in sorted(packages.roles.items()):
        for name in names if role != BARE else ():
            if name not in bare:
                roles.setdefault(name, []).append(role)
    found = []
    for name, one in sorted(packages.packages.items()):
        version, source = quote(one.version, safe="+~.-"), f"{one.source}@{one.source_version}"
        said = f"arch={one.architecture}&distro={quote(suites[name])}&upstream={quote(source)}"
        properties = [("deploy-kit:packages", packages.digest), ("deploy-kit:suite", suites[name])]
        properties += [("deploy-kit:role", role) for role in roles.get(name, ())]
        found.append(
            {
                "type": "library",
                "bom-ref": _ref(name),
                "name": name,
                "version": one.version,
                "purl": f"pkg:deb/debian/{quote(name)}@{version}?{said}",
                "hashes": [{"alg": "SHA-256", "content": one.sha256}],
                "properties": [{"name": key, "value": value} for key, value in properties],
            }
        )
    return found


def _advisories(packages: PackageSet, closed: Iterable[SourceChange]) -> list[dict[str, Any]]:
    """What the release closes: each DSA or CVE number with the packages that do so."""
    affected: dict[str, list[dict[str, Any]]] = {}
    for change in closed:
        mended = [packages.packages[name] for name in change.packages if name in packages.packages]
        for advisory in change.closes:
            affected.setdefault(advisory, []).extend(
                {
                    "ref": _ref(one.name),
                    "versions": [{"version": one.version, "status": "unaffected"}],
                }
                for one in mended
            )
    return [
        {
            "bom-ref": f"advisory:{advisory}",
            "id": advisory,
            "source": {"name": "Debian security tracker", "url": f"{TRACKER}{advisory}"},
            "analysis": {"state": "resolved"},
            "affects": affects,
        }
        for advisory, affects in sorted(affected.items())
    ]


def _ref(name: str) -> str:
    return f"deb:{quote(name)}"
