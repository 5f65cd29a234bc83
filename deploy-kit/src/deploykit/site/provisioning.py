"""The site's key for its nodes: providers put it there, SSH and Ansible use it."""

from __future__ import annotations

from pathlib import Path

from deploykit.base.filelock import locked
from deploykit.base.process import run
from deploykit.site import Site

KEYGEN_TIMEOUT = 20.0  # seconds


def provision_key(site: Site) -> Path:
    """The site's private key for its nodes, made on first use (ed25519, mode 0600)."""
    key = site.keys / "provision"
    if key.exists():
        return key
    site.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(site.keys / ".provision.lock", KEYGEN_TIMEOUT):
        if not key.exists():
            aside = site.keys / "provision.new"
            for left in (aside, aside.with_suffix(".new.pub")):
                left.unlink(missing_ok=True)
            run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C",
                 f"deploy-kit {site.name}-{site.id}", "-f", aside],
                timeout=KEYGEN_TIMEOUT,
            )  # fmt: skip
            # The private key last: where it is, its public one is.
            Path(f"{aside}.pub").replace(f"{key}.pub")
            aside.replace(key)
    return key
