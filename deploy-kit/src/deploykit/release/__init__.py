"""Releases: kits with a version, cut from the site's manifest and kept in its kit store."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from deploykit.base.errors import InputError
from deploykit.base.files import remove_tree
from deploykit.ledger.records import Record
from deploykit.ledger.schema import VERSION
from deploykit.site import Site

if TYPE_CHECKING:
    from deploykit.site.going_back import Declared
    from gitshelf import Verified

DIGEST_PREFIX = re.compile(r"(?:sha256:)?([0-9a-f]{6,64})")
KIT = "kit.tar"
LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Release:
    """A kit in the store.

    `digest` is `sha256:` and the SHA-256 of the tar, as its SHA256SUMS says: `verify` proves it.
    `folder` holds the kit with its provenance, sums and signature; `manifest` has the pins.
    """

    version: str
    digest: str
    folder: Path
    manifest: Path

    @property
    def hex(self) -> str:
        """The digest without its prefix."""
        return self.digest.removeprefix("sha256:")

    @property
    def kit(self) -> Path:
        return self.folder / KIT

    def verify(self, signers: str) -> Verified:
        """Prove signature and content, by the allowed_signers text `signers`.

        Raises gitshelf's Refused where the kit is not what it says, or is signed by nobody known.
        """
        import gitshelf

        with tempfile.TemporaryDirectory(prefix="signers-") as folder:
            known = Path(folder) / "allowed_signers"
            known.write_text(signers, encoding="utf-8")
            return gitshelf.verify(self.kit, signers=known, digest=self.hex)

    def place(self, site: Site) -> Path:
        """Where `unpacked` has the kit's files."""
        return site.state.resolve() / "unpacked" / self.hex

    def unpacked(self, site: Site) -> Path:
        """The folder on this host that holds the kit's files, unpacked on first use.

        It is compared with the kit each time: what runs is what was proved.
        """
        import gitshelf

        target = self.place(site)
        try:
            gitshelf.verify_folder(target, digest=self.hex)
        except gitshelf.GitshelfError:
            remove_tree(target)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            gitshelf.extract(self.kit, target, digest=self.hex)
        return target

    def readable(self, site: Site) -> tuple[Path, ...]:
        """The folders of it that its own tests and playbook may read where they run."""
        return (self.place(site),)

    def declared(self, site: Site, packages_of: Iterable[str] = ()) -> Declared:
        """What its content says that going back depends on; packages also of the roles named.

        Raises InputError where its salt/roles.yml does not fit.
        """
        from deploykit.site.declarations import read_declared

        return read_declared(self.unpacked(site) / "salt", packages_of)

    def may_be_missing(self, site: Site) -> frozenset[str]:
        """The roles of which this release can do without some nodes, by its salt/roles.yml."""
        from deploykit.site.content import may_be_missing

        file = self.unpacked(site) / "salt" / "roles.yml"
        return may_be_missing(file) if file.is_file() else frozenset()


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """The pins of a release whose kit is not in the store; `cutting.build_release` builds it.

    `digest` is what its kit must have, None where nothing says so.
    """

    version: str
    manifest: Path
    digest: str | None = None


def version_key(version: str) -> tuple[int, ...]:
    """Versions in the order of their cutting: year, week, number; before them what is none."""
    match = VERSION.fullmatch(version)
    return tuple(int(part) for part in match.groups()) if match else ()


def manifests(site: Site) -> dict[str, Path]:
    """The pins of every release by version, oldest first: the repository's and the state's."""
    found: dict[str, Path] = {}
    for folder in (site.pins, site.folder / "releases"):
        for file in folder.glob("*.yml"):
            if VERSION.fullmatch(file.stem) and file.is_file():
                found[file.stem] = file
    return {version: found[version] for version in sorted(found, key=version_key)}


def releases(site: Site) -> tuple[Release, ...]:
    """The releases whose kits are in the store, oldest first."""
    known = ((version, stored(site, version, file)) for version, file in manifests(site).items())
    return tuple(release for _, release in known if release is not None)


def stored(site: Site, version: str, manifest: Path) -> Release | None:
    """The release of that version when its kit is in the store."""
    folder = site.kits / version
    digest = kit_digest(folder)
    return Release(version, digest, folder, manifest) if digest else None


def kit_digest(folder: Path) -> str:
    """The digest of the kit in `folder`, as its SHA256SUMS says; '' if it does not."""
    from gitshelf.base.errors import GitshelfError
    from gitshelf.kit.signatures import read_sums

    digest: str | None = None
    with contextlib.suppress(GitshelfError):
        digest = read_sums(folder).get(KIT)
    return f"sha256:{digest}" if digest and re.fullmatch(r"[0-9a-f]{64}", digest) else ""


def find_release(site: Site, text: str) -> Release | Unbuilt:
    """The release that `text` names: a version, the beginning of a digest, or `latest`.

    Only looks: one that was cut elsewhere is returned as its pins. Raises InputError if nothing or
    more than one fits.
    """
    pins = manifests(site)
    if text == LATEST and pins:
        text = next(reversed(pins))
    if text in pins:
        return stored(site, text, pins[text]) or Unbuilt(text, pins[text])
    known = releases(site)
    match = DIGEST_PREFIX.fullmatch(text)
    fits = [release for release in known if match and release.hex.startswith(match[1])]
    if len({release.digest for release in fits}) == 1:
        return fits[-1]
    raise unknown(text, {release.digest: release.version for release in fits or known}, bool(fits))


def release_of(site: Site, records: Sequence[Record], digest: str) -> Release | Unbuilt:
    """The release `digest`, from the store or as the pins of the version it has in the ledger.

    Those are what a machine has that shares the ledger but did not cut the release. Raises
    InputError if the pins are not here, or the kit that is here under that version is another.
    """
    for known in releases(site):
        if known.digest == digest:
            return known
    _, version = named_release(site, records, digest)
    found = find_release(site, version)
    if isinstance(found, Unbuilt):
        return replace(found, digest=digest)
    check_digest(found, digest)
    return found


def check_digest(release: Release, digest: str) -> None:
    """Raise InputError if the kit of `release` is not the one that the ledger has as `digest`."""
    if release.digest != digest:
        raise InputError(
            f"{release.version} is {release.digest} here, but {digest} in the ledger",
            "the pins of that version are others than those that were deployed",
        )


def named_release(site: Site, records: Sequence[Record], text: str) -> tuple[str, str]:
    """Digest and version of the release that `text` names, here or anywhere in the ledger.

    Raises InputError where nothing or more than one fits.
    """
    from deploykit.ledger.view import versions_of

    known = {release.digest: release.version for release in releases(site)}
    known.update(versions_of(records))  # what the ledger says counts more than a folder's name
    if text == LATEST and known:
        text = max(known.values(), key=version_key)
    match = DIGEST_PREFIX.fullmatch(text)
    fits = {
        digest: version
        for digest, version in known.items()
        if version == text or (match and digest.startswith(f"sha256:{match[1]}"))
    }
    if len(fits) == 1:
        return next(iter(fits.items()))
    raise unknown(text, fits or known, bool(fits))


def unknown(text: str, candidates: dict[str, str], ambiguous: bool) -> InputError:
    """The error for a name that fits no release, or several."""
    listed = ", ".join(
        f"{version} ({digest.removeprefix('sha256:')[:12]})"
        for digest, version in list(candidates.items())[-10:]
    )
    problem = "fits more than one release" if ambiguous else "names no release"
    if not candidates:
        return InputError(f"'{text}' {problem}: there is none yet", "deploy-kit release cut")
    return InputError(
        f"'{text}' {problem}", f"there are: {listed}\na new one: deploy-kit release cut"
    )
