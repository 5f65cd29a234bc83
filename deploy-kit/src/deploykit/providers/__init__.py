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
    """The contract of a provider. `instance` is an environment's name, or `NAME~COPY` for a copy.

    `up` makes what is missing and starts what is stopped, in parallel, and returns only when
    every node answers SSH with its known host key; `down` leaves nothing behind; both may be
    called again at any time. Raise DeployKitError with the node's name.
    """

    def up(
        self, environment: Environment, instance: str, tags: Mapping[str, str], progress: Progress
    ) -> Inventory: ...

    def down(self, instance: str, progress: Progress) -> None: ...

    def inventory(self, environment: Environment, instance: str) -> Inventory: ...

    def status(self, environment: Environment, instance: str) -> list[NodeStatus]: ...

    def tag(self, instance: str, tags: Mapping[str, str]) -> None: ...

    def tags(self, instance: str) -> dict[str, str]: ...

    def instances(self) -> list[str]: ...


@runtime_checkable
class Snapshots(Provider, Protocol):
    """What a provider has beside, whose nodes can be kept as they are and brought back to it.

    Both leave all nodes stopped; `up` starts them. Raise InputError for a name that was not kept.
    """

    def save(self, instance: str, name: str, progress: Progress) -> None: ...

    def bring_back(self, instance: str, name: str, progress: Progress) -> None: ...


def provider_for(site: Site, environment: Environment) -> Provider:
    """The provider an environment names. Raises InputError where none has that name."""
    return provider_named(site, environment.provider)


def located(site: Site, instance: str, provider: str | None = None) -> tuple[Environment, str]:
    """The environment and the whole name of an instance that a person names, by --provider or not.

    NAME is the instance of the file's own provider, NAME~PROVIDER (or NAME with `provider`) that
    of another, NAME~COPY a throwaway copy. Raises InputError where there is no such environment.
    """
    name, _, copy = instance.partition("~")
    environment = site.environment(name)
    if provider is not None and provider != copy:
        environment = environment.by(provider)
        return environment, instance if copy else environment.instance
    if copy in providers():
        environment = environment.by(copy)
        return environment, environment.instance
    return environment, instance


def providers() -> dict[str, EntryPoint]:
    """The plugins that are installed, by name."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def provider_named(site: Site, name: str) -> Provider:
    """The provider `name`. Raises InputError where none has that name."""
    found = providers()
    if name not in found:
        raise InputError(f"there is no provider '{name}'", nearest(name, frozenset(found)))
    provider: Provider = found[name].load()(site)
    return provider


def standing(site: Site) -> dict[str, Provider]:
    """Every instance that this site has brought up, copies included, with its provider."""
    kinds = dict.fromkeys(["lxd", *(one.provider for one in site.environments().values())])
    found: dict[str, Provider] = {}
    for kind in kinds:
        if kind in providers():
            provider = provider_named(site, kind)
            found.update(dict.fromkeys(provider.instances(), provider))
    return found
