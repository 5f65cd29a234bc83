"""Speculative releases: kits of states that may never be merged. Only pods ever carry one.

It is in no kit store, its version is one that no record of the ledger can hold, and it is signed by
a key that was made for it: an environment's master would refuse it, and so does policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploykit.base import files
from deploykit.base.errors import DeployKitError
from deploykit.ledger.schema import SPECULATIVE
from deploykit.release import KIT, Release, kit_digest
from deploykit.site import Site
from deploykit.site.keypair import make_key
from deploykit.site.keys import KIT_NAMESPACE, Signer, allowed_signers

SIGNER = "gate@speculative"


@dataclass(frozen=True, slots=True)
class Speculative(Release):
    """A release for pods; its files are unpacked beside its kit, and go with it."""

    def place(self, site: Site) -> Path:
        return self.folder.resolve().with_name("unpacked")

    @property
    def signers(self) -> str:
        """The allowed_signers text that its kit verifies against."""
        line = Path(f"{_key(self.folder.parent)}.pub").read_text(encoding="utf-8")
        public = " ".join(line.split()[:2])
        return allowed_signers([Signer(SIGNER, public, frozenset())], KIT_NAMESPACE)


def build_speculative(
    manifest: str, trees: str, folder: Path, tokens: Mapping[str, str] | None = None
) -> Speculative:
    """The kit of the text `manifest`, built and signed in `folder`, where nothing was before.

    `trees` is the digest of the state that it is of. Raises gitshelf's errors.
    """
    from gitshelf import build

    files.remove_tree(folder)
    folder.mkdir(parents=True, mode=0o700)
    version = f"{SPECULATIVE}{trees[:12]}"
    pins, kit = folder / f"{version}.yml", folder / "release"
    pins.write_text(manifest, encoding="utf-8")
    make_key(_key(folder), SIGNER)
    kit.mkdir()
    build(pins, kit / KIT, tokens=tokens, key=_key(folder))
    digest = kit_digest(kit)
    if not digest:
        raise DeployKitError(f"the kit of {version} was built but cannot be read back")
    return Speculative(version, digest, kit, pins)


def _key(folder: Path) -> Path:
    return folder / "key"
