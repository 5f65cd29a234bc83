"""What makes nodes exist. A provider is a plugin: entry point group `deploykit.providers`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, runtime_checkable

from deploykit.base.errors import InputError
from deploykit.base.progress import Progress
from deploykit.base.yamlfile import nearest
from deploykit.nodes.inventory import Inventory
from deploykit.site import Site
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance

GROUP = "deploykit.providers"


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
    """The contract of a provider.

    `up` makes what is missing and starts what is stopped, in parallel, and returns only when
    every node answers SSH with its known host key; `down` leaves nothing behind; both may be
    called again at any time. Raise DeployKitError with the node's name.
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


def provider_for(site: Site, environment: Environment) -> Provider:
    """The provider an environment names. Raises InputError if none has that name."""
    return provider_named(site, environment.provider)


def resolve_instance(
    site: Site, named: str, provider: str | None = None
) -> tuple[Environment, Instance]:
    """The environment and the instance that a person names, by --provider or not.

    NAME is the instance of the file's own provider, NAME~PROVIDER (or NAME with `provider`) that
    of another, NAME~COPY a throwaway copy. Raises InputError if there is no such environment.
    """
    asked = parse_instance(named)
    environment = site.environment(asked.environment)
    if provider is not None and provider != asked.suffix:
        environment = environment.with_provider(provider)
        return environment, asked if asked.suffix else environment.instance
    if asked.provider is not None:
        environment = environment.with_provider(asked.provider)
        return environment, environment.instance
    return environment, asked


def parse_instance(text: str) -> Instance:
    """The instance that `text` names, with the plugins that are installed as the providers."""
    return Instance.parse(text, providers())


def providers() -> dict[str, EntryPoint]:
    """The plugins that are installed, by name."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def provider_named(site: Site, name: str) -> Provider:
    """The provider `name`. Raises InputError if none has that name."""
    plugins = providers()
    if name not in plugins:
        raise InputError(f"there is no provider '{name}'", nearest(name, frozenset(plugins)))
    provider: Provider = plugins[name].load()(site)
    return provider


def instances_up(site: Site) -> dict[Instance, Provider]:
    """Every instance that this site has brought up, copies included, with its provider."""
    there = site.read_environments().environments
    kinds = dict.fromkeys(["lxd", *(environment.provider for environment in there.values())])
    instances: dict[Instance, Provider] = {}
    for kind in kinds:
        if kind in providers():
            provider = provider_named(site, kind)
            instances.update(dict.fromkeys(provider.instances(), provider))
    return instances
