"""Making pods: copied from prepared nodes, side by side, and brought to a release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import Refused
from deploykit.base.parallel import in_parallel
from deploykit.nodes.inventory import Inventory
from deploykit.pods import Wanted, pod_instance, pod_tags
from deploykit.pods.prepared import copying_provider, prepare
from deploykit.providers import Copies, Snapshot
from deploykit.release import Release
from deploykit.release.packages import pinned_set
from deploykit.rollout import FIRST_MINIONS_TIMEOUT, await_minions, roll_out, take_over_day0
from deploykit.rollout.work import Work
from deploykit.site.environment import Environment

AT_ONCE = 6  # pods made side by side; each starts its nodes side by side too


@dataclass(frozen=True, slots=True)
class Order:
    """Which pods are wanted: named `names`, nodes like `environment`'s, at the release `base`.

    `over` is the release that is then brought over it, None for none. `signers` is the text of
    an allowed_signers file for the kits of both.
    """

    environment: Environment
    names: tuple[str, ...]
    base: Release
    wanted: Wanted
    signers: str
    over: Release | None = None


def create_pods(work: Work, order: Order) -> Sequence[Inventory]:
    """Make the pods of `order` and return their nodes, in order, when all their minions answer.

    A pod whose copy fails leaves nothing behind; one that a release does not fit stays, to be
    looked at. Raises Refused if the provider cannot copy nodes, RolloutFailed naming the pod,
    DeployKitError otherwise; every failure is told.
    """
    provider = copying_provider(work, order.environment)
    demand_new(provider, order)
    older = order.over is not None
    snapshot = prepare(work, order.environment, order.base, order.signers, older=older)
    ansible = order.base.unpacked(work.site) / "ansible"

    def create(name: str) -> Inventory:
        pod = _copy_pod(work, order, provider, snapshot, name=name, ansible=ansible)
        if order.over is not None:
            bring_over(work, order.over, pod, order.signers)
        return pod

    return in_parallel(order.names, create, AT_ONCE)


def bring_over(work: Work, release: Release, pod: Inventory, signers: str) -> None:
    """Deploy `release` over what the pod carries, and have its tags say so.

    `signers` is the text of an allowed_signers file. Raises what `roll_out` raises.
    """
    roll_out(work, release, pod, signers)
    provider = copying_provider(work, pod.environment)
    provider.tag(pod.instance, {"release": release.version})


def demand_new(provider: Copies, order: Order) -> None:
    """Raise Refused if a pod of `order` is there already, whoever made it."""
    there = set(provider.instances())
    names = [pod_instance(order.environment.name, name) for name in order.names]
    taken = ", ".join(str(name) for name in names if name in there)
    if taken:
        raise Refused(f"there is a pod {taken} already", f"'deploy-kit pod drop {taken}' ends it")


def _copy_pod(
    work: Work, order: Order, provider: Copies, snapshot: Snapshot, *, name: str, ansible: Path
) -> Inventory:
    """A pod whose minions answer, at the release that it begins at; nothing is left if it fails."""
    instance = pod_instance(order.environment.name, name)
    tags = pod_tags(order.wanted, order.environment.provider, order.base.version)
    try:
        pod = provider.copy(order.environment, instance, snapshot, tags, work.progress)
        take_over_day0(ansible, pod, pinned_set(order.base.manifest))
        with work.progress.step(f"{instance}: minions answer"):
            await_minions(work.master(pod), pod, FIRST_MINIONS_TIMEOUT)
    except BaseException:
        work.masters.close(instance)
        provider.down(instance, work.progress)
        raise
    return pod
