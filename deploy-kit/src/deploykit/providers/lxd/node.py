"""One node in LXD: made, started, and known by its host key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploykit.base.errors import DeployKitError, NodeUnreachable
from deploykit.base.waiting import wait_until
from deploykit.image.overlay import AUTHORIZED_KEYS, HOSTS, INTERFACES
from deploykit.nodes.inventory import Host
from deploykit.nodes.ssh import greeting
from deploykit.providers.lxd.api import Lxd, LxdError, patiently
from deploykit.providers.lxd.plan import (
    UPLINK_NAME,
    Names,
    own_nics,
    render_interfaces,
)
from deploykit.site.environment import Environment, Node

ANSWER_SECONDS = 60.0  # from start to SSH
MACHINE_ID = "/etc/machine-id"
ROOTS_KEYS = "/root/.ssh/authorized_keys"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"


def ensure_node(
    lxd: Lxd,
    names: Names,
    node: Node,
    request: Mapping[str, Any],
    container: Mapping[str, Any] | None,
    *,
    machine: str | None = None,
) -> None:
    """Make and start `node` as `request` says; `container` is what LXD has of it already, if any.

    One that was made for another SSH key gets this one through LXD. `machine` is the machine-id of
    a node that is copied from another one, None for a node that makes its own at its first start.
    Raises DeployKitError naming the node if LXD refuses.
    """
    try:
        if container is None:
            lxd.post("instances", request, names.project)
        else:
            _bring_up_to_date(lxd, names, node, request, container)
        if container is None or container["status"] != "Running":
            if machine is not None:
                lxd.write_file(node.name, MACHINE_ID, machine + "\n", project=names.project)
            lxd.start(node.name, names.project)
    except LxdError as error:
        raise DeployKitError(
            f"{names.instance}: node {node.name}: {error.message}", error.remedy
        ) from None


def _nics(devices: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[str, str]]:
    """Name and MAC of the interfaces that a node has of its own, by device."""
    return {
        device: (settings["name"], settings.get("hwaddr", ""))
        for device, settings in devices.items()
        if settings["type"] == "nic"
    }


def _bring_up_to_date(
    lxd: Lxd, names: Names, node: Node, request: Mapping[str, Any], container: Mapping[str, Any]
) -> None:
    keep = ("user.deploykit.base", "user.deploykit.created")
    changed = {
        key: value
        for key, value in request["config"].items()
        if key not in keep and container["config"].get(key) != value
    }
    if AUTHORIZED_KEYS in changed:  # before LXD is told that the node has it
        text = changed[AUTHORIZED_KEYS] + "\n"
        lxd.write_file(node.name, ROOTS_KEYS, text, mode="0600", project=names.project)
    if changed:
        # A call that was killed may have left LXD still making it.
        path = f"instances/{node.name}"
        patiently(lambda: lxd.patch(path, {"config": changed}, names.project))
    if HOSTS in changed:
        lxd.write_file(node.name, "/etc/hosts", changed[HOSTS] + "\n", project=names.project)


def demand_same(
    names: Names, environment: Environment, containers: Mapping[str, Mapping[str, Any]]
) -> None:
    """Raise DeployKitError if one of `containers` was made for other addresses or interfaces than
    the environment's file has now; before the profile that all share is changed."""
    for node in environment.nodes:
        there = containers.get(node.name)
        if there is None:
            continue
        addresses = there["config"].get(INTERFACES) == render_interfaces(environment, node)
        uplink = {UPLINK_NAME: (UPLINK_NAME, "")}
        if not addresses or _nics(there["devices"]) != uplink | _nics(
            own_nics(environment, node, names)
        ):
            raise DeployKitError(
                f"{names.instance}: node {node.name} was made with other addresses or interfaces",
                f"'deploy-kit env down {names.instance}', then up again, makes it anew",
            )


def wait_for_node(
    lxd: Lxd, names: Names, environment: Environment, node: Node, address: str
) -> Host:
    """Wait until the node greets over SSH, then read its host key through LXD.

    Raises NodeUnreachable, naming the node, after ANSWER_SECONDS.
    """
    if not wait_until(lambda: greeting(address, 1.0), ANSWER_SECONDS):
        raise NodeUnreachable(
            f"{names.instance}: node {node.name} ({address}) did not answer SSH within "
            f"{ANSWER_SECONDS:.0f} s",
            f"look at it: lxc --project {names.project} exec {node.name} -- "
            "systemctl status ssh networking\n'deploy-kit doctor' checks bridges and rules",
        )
    key = lxd.read_file(node.name, HOST_KEY, names.project)
    if not key:
        raise NodeUnreachable(
            f"{names.instance}: node {node.name} has no SSH host key",
            f"'deploy-kit env down {names.instance}', then up again",
        )
    return Host(
        name=node.name,
        roles=node.roles,
        ssh_address=address,
        ssh_user="root",
        addresses=environment.addresses(node),
        host_keys=(" ".join(key.split()[:2]),),
    )
