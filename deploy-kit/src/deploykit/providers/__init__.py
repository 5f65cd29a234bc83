"""What makes nodes exist. A provider is a plugin: entry point group `deploykit.providers`."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from deploykit.base.errors import InputError
from deploykit.base.yamlfile import nearest
from deploykit.providers.contract import DONT_DELETE as DONT_DELETE
from deploykit.providers.contract import Copies as Copies
from deploykit.providers.contract import Examines as Examines
from deploykit.providers.contract import Images as Images
from deploykit.providers.contract import ImageStore as ImageStore
from deploykit.providers.contract import NodeState as NodeState
from deploykit.providers.contract import NodeStatus as NodeStatus
from deploykit.providers.contract import OnHost as OnHost
from deploykit.providers.contract import Orphans as Orphans
from deploykit.providers.contract import Protects as Protects
from deploykit.providers.contract import Provider as Provider
from deploykit.providers.contract import SingleNodes as SingleNodes
from deploykit.providers.contract import Snapshot as Snapshot
from deploykit.providers.contract import Snapshots as Snapshots
from deploykit.site import Site
from deploykit.site.environment import DEFAULT_PROVIDER, Environment
from deploykit.site.instance import Instance

GROUP = "deploykit.providers"


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
    return environment.for_copies() if asked.copy else environment, asked


def parse_instance(text: str) -> Instance:
    """The instance that `text` names, with the plugins that are installed as the providers."""
    return Instance.parse(text, providers())


def providers() -> dict[str, EntryPoint]:
    """The plugins that are installed, by name."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def provider_named(site: Site, name: str) -> Provider:
    """The provider `name`. Raises InputError if none has that name."""
    return _plugin(name)(site)  # type: ignore[call-arg]  # what a plugin is made of


def names_in_use(site: Site | None) -> list[str]:
    """The providers that a site's environments name, for their nodes or their copies, and that are
    installed, in the order of promotion; without a site, or of one without environments, the
    default one."""
    there = site.read_environments().environments.values() if site else ()
    named = [name for one in there for name in (one.provider, one.copies)]
    installed = providers()
    return [name for name in dict.fromkeys(named or [DEFAULT_PROVIDER]) if name in installed]


def names_with(capability: type) -> list[str]:
    """The providers that are installed and have `capability`, one of the contract's."""
    return [name for name in sorted(providers()) if issubclass(_plugin(name), capability)]


def on_host(name: str) -> OnHost | None:
    """What the provider `name` has on this machine; None if its nodes lie elsewhere."""
    found: OnHost | None = getattr(_plugin(name), "on_host", None)
    return found


def hosts_of(names: list[str]) -> list[OnHost]:
    """What the providers of `names` have on this machine, each once: several may share one."""
    found = [host for name in names if (host := on_host(name)) is not None]
    return list({id(host): host for host in found}.values())


def instances_up(site: Site) -> dict[Instance, Provider]:
    """Every instance that this site has brought up, copies included, with its provider."""
    instances: dict[Instance, Provider] = {}
    installed = providers()
    for name in dict.fromkeys([DEFAULT_PROVIDER, *names_in_use(site)]):
        if name in installed:
            provider = provider_named(site, name)
            instances.update(dict.fromkeys(provider.instances(), provider))
    return instances


def _plugin(name: str) -> type[Provider]:
    plugins = providers()
    if name not in plugins:
        raise InputError(f"there is no provider '{name}'", nearest(name, frozenset(plugins)))
    plugin: type[Provider] = plugins[name].load()
    return plugin
