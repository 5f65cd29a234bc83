"""The contract of a provider: what all of them must do, and the capabilities that some have beside.

A caller asks whether a provider has a capability (`isinstance`), never what it is called.
docs/providers.md is the page for whoever writes another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from deploykit.base.progress import Progress
from deploykit.host.finding import Finding
from deploykit.nodes.inventory import Inventory
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance

DONT_DELETE = "dont_delete"  # the tag of what may not go; its text says why, "" that it may


class NodeState(StrEnum):
    """Whether a node runs, is there and does not, or is not there."""

    RUNNING = "running"
    STOPPED = "stopped"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node as its provider sees it."""

    name: str
    roles: tuple[str, ...]
    state: NodeState
    address: str
    memory: int  # bytes resident


class Provider(Protocol):
    """What every provider does, for the environments of one site.

    `up` makes what is missing and starts what is stopped, in parallel, and returns only when
    every node answers SSH as root with its known host key; `down` leaves nothing behind, or raises
    Refused before anything was changed where the nodes are not its own to destroy, or the tag
    DONT_DELETE says why they stay (`common.demand_deletable`). Both may be
    called again at any time. `inventory` is the instance as `up` left it, and raises DeployKitError
    if it is not up; `status` asks how the nodes are now, and may be asked of what is not up. `tags`
    are kept with the nodes or in the site's state, {} if the instance is not up; `tag` adds to
    them. `instances` are those of this site that are up, partly up, or were left half-way; none
    where the provider was never installed. Errors are DeployKitErrors with the node's name.
    """

    def up(
        self,
        environment: Environment,
        instance: Instance,
        tags: Mapping[str, str],
        progress: Progress,
    ) -> Inventory: ...

    def down(self, instance: Instance, progress: Progress) -> None: ...

    def inventory(self, environment: Environment, instance: Instance) -> Inventory: ...

    def status(self, environment: Environment, instance: Instance) -> list[NodeStatus]: ...

    def tag(self, instance: Instance, tags: Mapping[str, str]) -> None: ...

    def tags(self, instance: Instance) -> dict[str, str]: ...

    def instances(self) -> list[Instance]: ...


@runtime_checkable
class Examines(Protocol):
    """What a provider has beside, that asks more of an environment's file than its schema does.

    `examine` raises InputError with file and line. It changes nothing and asks no other machine:
    `up` calls it first, and `doctor` for every environment.
    """

    def examine(self, environment: Environment) -> None: ...


@runtime_checkable
class Snapshots(Provider, Protocol):
    """What a provider has beside, whose nodes can be kept as they are and brought back to it.

    Both leave all nodes stopped; `up` starts them. Raise InputError for a name that was not kept.
    """

    def save(self, instance: Instance, name: str, progress: Progress) -> None: ...

    def bring_back(self, instance: Instance, name: str, progress: Progress) -> None: ...


@runtime_checkable
class SingleNodes(Provider, Protocol):
    """What a provider has beside, that can take one node of an instance down for good.

    `drop` leaves nothing of it, and may be repeated; `up` makes it anew if the environment's file
    still has it.
    """

    def drop(self, instance: Instance, node: str, progress: Progress) -> None: ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The snapshot `name` of the nodes of `instance`."""

    instance: Instance
    name: str


@runtime_checkable
class Copies(Snapshots, Protocol):
    """What a provider has beside, whose snapshots can become nodes of other instances.

    `copy` is `up` whose missing nodes come from `snapshot` instead of an image: same names and
    addresses on networks of their own, other machine ids and SSH host keys. The nodes of
    `snapshot` may neither run nor hold SSH host keys. Raises InputError if a node was not kept.
    """

    def copy(
        self,
        environment: Environment,
        instance: Instance,
        snapshot: Snapshot,
        tags: Mapping[str, str],
        progress: Progress,
    ) -> Inventory: ...


@runtime_checkable
class Protects(Provider, Protocol):
    """What a provider has beside, that can refuse by itself to take nodes away.

    After `protect` with True, whoever asks for the end of one of the instance's nodes is refused,
    by other programs too, until it is called with False. Raises DeployKitError if it is not up.
    """

    def protect(self, instance: Instance, on: bool) -> None: ...


@runtime_checkable
class Images(Protocol):
    """What a provider has beside, whose nodes are made of an image that is built beforehand.

    `build_image` makes it if it is missing, with the content's packages `installed` or not, and
    returns what nodes are made from, for people to read.
    """

    def build_image(self, progress: Progress, *, installed: bool) -> str: ...


class OnHost(Protocol):
    """What a provider has whose nodes lie on this machine: its class carries it as `on_host`.

    It is one for all sites of the machine. `folder` is where nodes lie, or will.
    """

    @property
    def folder(self) -> Path: ...

    def set_up(self, progress: Progress) -> None:
        """Make what nodes need here, if it is missing. Quick if all is there."""

    def needs(self) -> list[Finding]:
        """What must be right before it can be set up: programs, rights."""

    def findings(self) -> list[Finding]:
        """What is to be said of it as it stands, for `doctor`."""

    def is_ready(self) -> bool:
        """Whether it answers now."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """An instance whose site's folder is no longer there, or was moved; `name` is its own on this
    machine. `protected` if its environment said so when it was last brought up, or nothing is
    known of it."""

    name: str
    instance: Instance
    folder: Path
    protected: bool


@runtime_checkable
class Orphans(OnHost, Protocol):
    """What it has beside, where the nodes themselves tell whose they are.

    `remove_orphan` raises DeployKitError for what is none (any more).
    """

    def orphans(self) -> list[Orphan]: ...

    def remove_orphan(self, orphan: Orphan) -> None: ...


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image: its key, bytes, when it was made, what nodes are copied from, and who uses it."""

    key: str
    fingerprint: str
    size: int
    created: str
    bases: tuple[str, ...]
    used_by: tuple[str, ...]


@runtime_checkable
class ImageStore(OnHost, Protocol):
    """What it has beside, where images are kept: those of all sites, oldest first.

    Nodes that were made of an image stay when it is removed.
    """

    def images(self) -> Sequence[StoredImage]: ...

    def remove_image(self, image: StoredImage) -> None: ...
