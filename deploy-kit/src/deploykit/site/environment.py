"""Environments as data: the schema of `environments/NAME.yml`, parsed and checked once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.base.naming import parse_name
from deploykit.base.yamlfile import Value, load, nearest
from deploykit.site.clouds import Clouds, parse_clouds
from deploykit.site.deploying import AS_THE_CONTENT_SAYS, Batch, parse_deploy
from deploykit.site.endpoints import Endpoints, check_shared, parse_endpoints
from deploykit.site.instance import Instance
from deploykit.site.links import parse_links
from deploykit.site.machines import Machine, parse_machines
from deploykit.site.networks import Network, parse_networks
from deploykit.site.node import MASTER_ROLE as MASTER_ROLE
from deploykit.site.node import Node as Node
from deploykit.site.node import parse_nodes
from deploykit.site.operators import Operator, parse_operators
from deploykit.site.promotion import Promotion, parse_promotion
from deploykit.site.settings import Setting, parse_settings, together

KEYS = frozenset(
    {"name", "provider", "copies", "networks", "links", "nodes", "operators", "machines"}
    | {"promotion", "protected", "packages", "deploy", "settings", "maintenance", "endpoints"}
    | {"openstack"}
)
INSTALLED, DOWNLOADED = "installed", "downloaded"
DEFAULT_PROVIDER = "lxd"  # of an environment whose file names none

NOBODY: frozenset[str] = frozenset()
NO_CLOUDS = Clouds()


@dataclass(frozen=True, slots=True)
class Environment:
    """A named place with nodes, networks and a promotion policy.

    `instance` is its nodes: with a provider of its own if another than the file's makes them, so
    that the two never meet. `installed`: its nodes come with the content's packages installed,
    unconfigured; else those are downloaded at most. `operators` get accounts of their own on every
    node. `batch` is how many nodes a deployment changes at once.
    `settings` go over the values of whatever release is deployed there. `maintenance` are the nodes
    that deployments leave out, as far as policy lets them. `endpoints` is what outsiders use; None
    if they are given the same as the services. `machines` says how nodes are reached that are there
    already, by name. `copies` is the provider that makes throwaway copies of it. `clouds` is what
    its own file says of them; the site may say more.
    """

    name: str
    provider: str
    networks: tuple[Network, ...]
    nodes: tuple[Node, ...]
    promotion: Promotion
    protected: bool
    file: Path
    instance: Instance
    installed: bool = False
    operators: tuple[Operator, ...] = ()
    batch: Batch = AS_THE_CONTENT_SAYS
    settings: tuple[Setting, ...] = ()
    maintenance: frozenset[str] = NOBODY
    endpoints: Endpoints | None = None
    machines: tuple[tuple[str, Machine], ...] = ()
    copies: str = ""
    clouds: Clouds = NO_CLOUDS

    @property
    def master(self) -> Node:
        return next(node for node in self.nodes if MASTER_ROLE in node.roles)

    def addresses(self, node: Node) -> dict[str, str]:
        """The node's fixed address in each network, by network name."""
        return {net.name: str(node.address(net)) for net in self.networks}

    def addresses6(self, node: Node) -> dict[str, str]:
        """The node's fixed IPv6 address in each network that has one for it, by network name."""
        addresses = {net.name: node.address6(net) for net in self.networks}
        return {name: str(address) for name, address in addresses.items() if address is not None}

    def interfaces(self, node: Node) -> dict[str, str]:
        """The node's interface in each network, by network name."""
        return {net.name: node.interface(net) for net in self.networks}

    def attachments(self, node: Node) -> dict[str, dict[str, str | int]]:
        """By network: the node's `interface` there, its `mac` and `mtu` if they are said."""
        attachments: dict[str, dict[str, str | int]] = {}
        for net in self.networks:
            link = node.link(net)
            properties = {"mac": link.mac, "mtu": link.mtu} if link is not None else {}
            attachments[net.name] = {"interface": node.interface(net)}
            attachments[net.name] |= {key: value for key, value in properties.items() if value}
        return attachments

    def node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    @property
    def virtual(self) -> dict[str, str]:
        """The virtual address of each network that has one, by network name."""
        return {net.name: str(net.vip) for net in self.networks if net.vip is not None}

    def with_provider(self, provider: str) -> Environment:
        """The same environment with its nodes made by `provider`, as an instance of its own."""
        if provider == self.provider:
            return self
        instance = Instance(self.name, provider)
        return replace(self, provider=provider, copies=provider, instance=instance)

    def for_copies(self) -> Environment:
        """The same environment as throwaway copies of it are made: by `copies`. Its own nodes stay
        what they are; whoever makes a copy names the copy's instance."""
        return replace(self, provider=self.copies or self.provider)

    @property
    def roles(self) -> frozenset[str]:
        """The roles that some node has."""
        return frozenset(role for node in self.nodes for role in node.roles)

    def with_role(self, role: str) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if role in node.roles)


def is_minion(roles: Iterable[str]) -> bool:
    """Whether a node with `roles` is a Salt minion: a master that does nothing else is none."""
    return bool(set(roles) - {MASTER_ROLE})


def parse_environment(file: Path) -> Environment:
    """Read one environment file, and the files of settings in the folder beside it.

    Raises InputError naming file, line and key for anything that does not fit the schema.
    """
    root = load(file)
    keys = root.mapping(KEYS)
    for needed in ("name", "networks", "nodes"):
        if needed not in keys:
            raise root.error(f"the key '{needed}' is missing")
    name = parse_name(keys["name"])
    if name != file.stem:
        raise keys["name"].error(
            f"is '{name}' but the file is {file.name}", f"rename one: {name}.yml holds '{name}'"
        )
    networks = parse_networks(keys["networks"])
    links = parse_links(keys["links"]) if "links" in keys else {}
    nodes = parse_nodes(keys["nodes"], keys["networks"], networks, links)
    endpoints = parse_endpoints(keys["endpoints"], networks, nodes) if "endpoints" in keys else None
    check_shared(keys["networks"], nodes, networks, endpoints)
    promotion = parse_promotion(keys["promotion"]) if "promotion" in keys else Promotion()
    _check_missing(promotion, keys.get("promotion"), nodes)
    provider = parse_name(keys["provider"]) if "provider" in keys else DEFAULT_PROVIDER
    return Environment(
        name=name,
        provider=provider,
        copies=parse_name(keys["copies"]) if "copies" in keys else provider,
        networks=networks,
        nodes=nodes,
        promotion=promotion,
        protected=keys["protected"].flag() if "protected" in keys else False,
        file=file,
        instance=Instance(name),
        installed=_installed(keys["packages"]) if "packages" in keys else False,
        operators=parse_operators(keys["operators"]) if "operators" in keys else (),
        batch=parse_deploy(keys["deploy"]) if "deploy" in keys else AS_THE_CONTENT_SAYS,
        settings=_settings(keys.get("settings"), file.with_suffix("")),
        maintenance=_maintenance(keys["maintenance"], nodes) if "maintenance" in keys else NOBODY,
        endpoints=endpoints,
        machines=parse_machines(keys["machines"], nodes, networks) if "machines" in keys else (),
        clouds=_clouds(keys["openstack"], nodes) if "openstack" in keys else NO_CLOUDS,
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """What the files of a site's environments say: those that can be read, in the order of
    promotion, then of names; and the error of each other file, by the name of its environment."""

    environments: dict[str, Environment]
    broken: dict[str, InputError]


def read_environments(folder: Path) -> Reading:
    """Read every environment of a site, each for itself.

    Broken is a file that does not fit, or whose `promotion.from` names no environment or leads
    round in a circle. What editors and systems leave beside the files is none of them.
    """
    environments: dict[str, Environment] = {}
    broken: dict[str, InputError] = {}
    for file in environment_files(folder):
        try:
            environments[file.stem] = parse_environment(file)
        except InputError as error:
            broken[file.stem] = error
    for name, environment in list(environments.items()):
        try:
            _check_source(environment, environments, broken.keys() - environments.keys())
        except InputError as error:
            broken[name] = error
    ordered: dict[str, Environment] = {}

    def place(environment: Environment) -> None:
        source = environment.promotion.source
        if environment.name in broken or environment.name in ordered:
            return
        if source in environments:
            place(environments[source])
        ordered[environment.name] = environment

    for environment in environments.values():
        place(environment)
    return Reading(ordered, broken)


def load_environments(folder: Path) -> dict[str, Environment]:
    """As `read_environments`, but every file has to fit. Raises the InputError of the first that
    does not."""
    reading = read_environments(folder)
    for error in reading.broken.values():
        raise error
    return reading.environments


def environment_files(folder: Path) -> list[Path]:
    """The files in `folder` that are there for an environment each, sorted by name.

    Not those whose names begin with a dot or '#' (locks and copies of editors, resource files of
    macOS), and no folders.
    """
    return [
        file
        for file in sorted(folder.glob("*.yml"))
        if not file.name.startswith((".", "#")) and not file.is_dir()
    ]


def _check_source(
    environment: Environment, environments: Mapping[str, Environment], unread: Collection[str]
) -> None:
    """Raise InputError if `promotion.from` leads nowhere, or round in a circle."""
    passed = [environment.name]
    source = environment.promotion.source
    while source is not None and source not in unread:
        value = load(environment.file).mapping()["promotion"].mapping()["from"]
        if source not in environments:
            if len(passed) > 1:
                return  # that is the other one's fault
            there = ", ".join(sorted({*environments, *unread}))
            raise value.error(f"there is no environment '{source}'", f"there are: {there}")
        if source in passed:
            raise value.error("leads round in a circle", "an environment needs a first one")
        passed.append(source)
        source = environments[source].promotion.source


def chain(environments: dict[str, Environment], last: str | None = None) -> list[Environment]:
    """The environments a train passes, in order; up to and with `last` if it is given.

    A line is followed from an environment without `promotion.from`, which something is promoted
    from, to its end.
    """
    sources = {env.promotion.source for env in environments.values()}
    line = [env for env in environments.values() if env.promotion.source or env.name in sources]
    if last is None:
        return line
    wanted: list[Environment] = []
    name: str | None = last
    while name is not None:
        wanted.insert(0, environments[name])
        name = environments[name].promotion.source
    return wanted


def _settings(value: Value | None, folder: Path) -> tuple[Setting, ...]:
    """What `settings` and every file of `folder` set."""
    groups = [parse_settings(value)] if value is not None else []
    groups += [parse_settings(load(file)) for file in environment_files(folder)]
    return together(groups)


def _check_missing(promotion: Promotion, value: Value | None, nodes: Sequence[Node]) -> None:
    """Raise InputError if `allow_missing`, of the promotion at `value`, names no node's role."""
    known = frozenset(role for node in nodes for role in node.roles)
    for role in promotion.allow_missing:
        if role not in known and value is not None:
            at = value.mapping()["allow_missing"].mapping()[role]
            raise at.error(f"no node has the role '{role}'", nearest(role, known))


def _maintenance(value: Value, nodes: Sequence[Node]) -> frozenset[str]:
    """The nodes that `maintenance` names. Raises InputError with the nearest for another."""
    known = frozenset(node.name for node in nodes)
    named: set[str] = set()
    for item in value.items():
        name = item.text()
        if name not in known:
            raise item.error(f"there is no node '{name}'", nearest(name, known))
        if name in named:
            raise item.error(f"'{name}' stands there twice", "remove one of them")
        named.add(name)
    return frozenset(named)


def _clouds(value: Value, nodes: Sequence[Node]) -> Clouds:
    return parse_clouds(value, frozenset(node.name for node in nodes))


def _installed(value: Value) -> bool:
    text = value.text()
    if text not in (INSTALLED, DOWNLOADED):
        raise value.error(f"'{text}' is neither '{INSTALLED}' nor '{DOWNLOADED}'")
    return text == INSTALLED
