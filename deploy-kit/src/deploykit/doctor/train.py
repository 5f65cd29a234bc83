"""Whether this machine has room for all environments that the train passes, side by side."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from deploykit.base.errors import DeployKitError
from deploykit.host.finding import Finding, ok, problem
from deploykit.host.fit import Machine, machine, memory_of_roles, needed_memory, obstacles
from deploykit.host.machine import GIB
from deploykit.image.layer import NEEDED_BYTES, image_key
from deploykit.providers import ImageStore, NodeState, hosts_of, provider_for
from deploykit.site import Site
from deploykit.site.environment import Environment, Node, chain

NAME = "train"
OWN_WORK = GIB  # bytes of memory that the train itself takes beside the nodes: Ansible, tests, git


def check_train(site: Site, carried: Collection[Environment], free: int, *, ready: bool) -> Finding:
    """A problem if what the train passes has no room here at once.

    `carried` are the environments whose nodes lie here, `free` the bytes of disk where they do;
    `ready` tells whether what has them answers now.
    """
    try:
        names = {environment.name for environment in carried}
        line = [one for one in chain(site.environments()) if one.name in names]
        roles = memory_of_roles(site)
        waiting = {one.name: _waiting(site, one) if ready else list(one.nodes) for one in line}
        builds = any(one.installed for one in line) and not (ready and _layer_there(site, line))
    except DeployKitError as error:
        return problem(NAME, error.message, error.remedy)
    return train_finding(waiting, roles, machine(free - NEEDED_BYTES * builds))


def train_finding(
    waiting: Mapping[str, Sequence[Node]], roles: Mapping[str, int], there: Machine
) -> Finding:
    """What to say of the nodes that do not run yet, by environment, on the machine `there`.

    `roles` is the memory that each role takes, in bytes.
    """
    nodes = [node for own in waiting.values() for node in own]
    names = ", ".join(name for name, own in waiting.items() if own)
    if not nodes:
        return ok(NAME, f"every node of {', '.join(waiting)} runs")
    lacking = obstacles(nodes, roles, replace(there, memory=there.memory - OWN_WORK))
    if lacking:
        return problem(
            NAME, f"no room for {names} side by side: {lacking[0]}", "\n".join(lacking[1:])
        )
    wanted = sum(needed_memory(node, roles) for node in nodes)
    return ok(
        NAME,
        f"{len(nodes)} nodes of {names} take {wanted / GIB:.1f} GiB of memory, "
        f"{there.memory / GIB:.1f} GiB are free, {there.disk / GIB:.0f} GiB of disk",
    )


def _layer_there(site: Site, line: Sequence[Environment]) -> bool:
    """Whether the image with the content's packages is there."""
    key = image_key(site, installed=True)
    stores = [one for one in hosts_of([e.provider for e in line]) if isinstance(one, ImageStore)]
    return any(image.key == key for store in stores for image in store.images())


def _waiting(site: Site, environment: Environment) -> list[Node]:
    """The nodes of an environment that do not run."""
    states = provider_for(site, environment).status(environment, environment.instance)
    running = {node.name for node in states if node.state == NodeState.RUNNING}
    return [node for node in environment.nodes if node.name not in running]
