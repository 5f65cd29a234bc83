"""Prepared nodes: an environment's at one release, stopped and kept, for pods to be copied from.

They are made once for each release, so that a pod costs a copy-on-write copy and a start instead of
a deployment. They are nobody's environment: their secrets are their own.
"""

from __future__ import annotations

import hashlib

from deploykit.base.errors import Refused
from deploykit.base.filelock import locked
from deploykit.base.parallel import in_parallel
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.ssh import run_on
from deploykit.pods import PREPARED
from deploykit.providers import Copies, Snapshot, names_with, provider_for
from deploykit.release import Release
from deploykit.rollout import roll_out
from deploykit.rollout.work import Work
from deploykit.site.description import environment_digest
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance

SNAPSHOT = "pod"
LOCK_SECONDS = 1800.0  # another call's preparation, images included
FORGET_SECONDS = 30.0
# A copy makes SSH host keys of its own at its first start, as any new node does.
FORGET = ["sh", "-c", "rm -f /etc/ssh/ssh_host_* && sync"]


def prepare(
    work: Work, environment: Environment, release: Release, signers: str, *, older: bool = False
) -> Snapshot:
    """The snapshot of nodes like `environment`'s that carry `release`, made if it is missing.

    `signers` is the text of an allowed_signers file for the kit. Those of other releases, or of
    other nodes or settings than the files have now, go: no pod needs them once it is copied.
    `older`: as `roll_out` has it. Raises Refused if the provider cannot copy nodes, and what
    `roll_out` raises.
    """
    provider = copying_provider(work, environment)
    key = prepared_key(environment, release)
    instance = Instance(environment.name, copy=f"{PREPARED}-{key[:8]}")
    lock = work.site.state / "locks" / f"{environment.name}-{PREPARED}"
    with locked(lock, timeout=LOCK_SECONDS):
        others = [other for other in provider.instances() if _is_prepared(other, environment)]
        if instance in others and provider.tags(instance).get(PREPARED) == key:
            return Snapshot(instance, SNAPSHOT)
        for other in others:
            provider.down(other, work.progress)
        tags = {"purpose": "pods are copied from it", "release": release.version}
        try:
            nodes = provider.up(environment, instance, tags, work.progress)
            roll_out(work, release, nodes, signers, older=older)
            forget_identity(nodes)
        finally:
            work.masters.close(instance)
        provider.save(instance, SNAPSHOT, work.progress)
        provider.tag(instance, {PREPARED: key})  # last: what lacks it was cut off
    return Snapshot(instance, SNAPSHOT)


def prepared_key(environment: Environment, release: Release) -> str:
    """What prepared nodes depend on: the release, and what the environment's files say of them."""
    parts = (release.hex, environment_digest(environment))
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def copying_provider(work: Work, environment: Environment) -> Copies:
    """The provider of `environment`. Raises Refused if it cannot copy nodes."""
    provider = provider_for(work.site, environment)
    if not isinstance(provider, Copies):
        raise Refused(
            f"the provider {environment.provider} of {environment.name} copies no nodes",
            "\n".join(
                f"'--provider {name}' makes the pod of the same file" for name in names_with(Copies)
            ),
        )
    return provider


def forget_identity(nodes: Inventory) -> None:
    """Take the SSH host keys away from `nodes`, which are about to stop."""
    in_parallel(nodes.hosts, lambda host: run_on(host, nodes, FORGET, timeout=FORGET_SECONDS))


def _is_prepared(instance: Instance, environment: Environment) -> bool:
    copy = instance.copy or ""
    return instance.environment == environment.name and copy.startswith(f"{PREPARED}-")
