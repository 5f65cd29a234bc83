"""The key of an instance for its nodes: providers put it there, SSH and Ansible use it.

Each instance has one of its own, made with its nodes and gone with them, so that what works on one
(the tests of a release among it) has no way to another. Before there was one for the whole site,
`keys/provision`: instances that were made with it keep it until they have moved over.
"""

from __future__ import annotations

from pathlib import Path

from deploykit.site import Site
from deploykit.site.instance import Instance
from deploykit.site.keypair import make_key

SSH_CONFIG = "ssh_config"  # in the instance's folder: it names the key


def key_in_force(site: Site, instance: Instance) -> Path:
    """The private key that lets in to the nodes of `instance`, made if there are none yet.

    The instance's ssh_config says it: an own key that lies there already may not have reached every
    node, if whoever brought it was cut off.
    """
    if _has_the_sites(site, instance):
        return sites_key(site)
    return own_key(site, instance)


def own_key(site: Site, instance: Instance) -> Path:
    """The instance's own private key, made on first use (ed25519, mode 0600)."""
    key = own_key_file(site, instance)
    if not key.exists():
        make_key(key, key_comment(site, instance))
    return key


def key_comment(site: Site, instance: Instance) -> str:
    """The comment of the instance's own key, where a node lets it in."""
    return f"deploy-kit {site.name}-{site.id} {instance}"


def own_key_file(site: Site, instance: Instance) -> Path:
    """Where that key is, or would be."""
    return site.keys / "nodes" / str(instance)


def sites_key(site: Site) -> Path:
    """Where the one key of all nodes was."""
    return site.keys / "provision"


def forget_key(site: Site, instance: Instance) -> None:
    """Remove the instance's own key; its nodes are gone."""
    key = own_key_file(site, instance)
    for file in (key, Path(f"{key}.pub")):
        file.unlink(missing_ok=True)


def _has_the_sites(site: Site, instance: Instance) -> bool:
    """Whether its nodes were made with the one key of the site, and that is still here."""
    config = site.instance(instance) / SSH_CONFIG
    if not config.is_file() or not sites_key(site).is_file():
        return False
    return f'IdentityFile "{sites_key(site)}"' in config.read_text(encoding="utf-8")
