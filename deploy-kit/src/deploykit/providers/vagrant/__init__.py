"""Nodes that Vagrant runs, from vagrant/Vagrantfile: the state of them is Vagrant's.

`vagrant up` in that folder and `deploy-kit env up` are the same thing: either way the Vagrantfile
calls `prepare` before nodes start, `converge` (deploykit.cli.vagrant) when all are up, and
`forget` when they are destroyed.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploykit.base.errors import DeployKitError, Refused
from deploykit.base.progress import Progress
from deploykit.host.fit import demand_fit
from deploykit.nodes.inventory import Inventory, write_ssh_files
from deploykit.nodes.ssh import close_all, run_on
from deploykit.providers import NodeState, NodeStatus
from deploykit.providers.common import (
    demand_deletable,
    known_hosts,
    marked,
    not_up,
    read_inventory,
    read_mark,
    with_own_key,
    write_mark,
)
from deploykit.providers.lxd.host import LXD_HOST
from deploykit.providers.lxd.plan import demand_names
from deploykit.providers.vagrant.box import ensure_box
from deploykit.providers.vagrant.bridge import ensure_bridges, remove_bridges
from deploykit.providers.vagrant.command import TimedVagrant
from deploykit.providers.vagrant.guest import learn_hosts, node_states
from deploykit.providers.vagrant.plan import LXC, PROVIDER, Names, demand_containers
from deploykit.site import Site
from deploykit.site.environment import Environment, Node
from deploykit.site.instance import Instance
from deploykit.site.provisioning import forget_key, key_in_force

CONTAINERS = Path("/var/lib/lxc")
PROGRAMS = {"lxc": "lxc-create", "virtualbox": "VBoxManage", "libvirt": "virsh"}
MARK = "vagrant.json"  # in the instance's folder: which of Vagrant's providers, and tags


class VagrantProvider:
    """The environments of one site that Vagrant runs. See Provider for the contract."""

    on_host = LXD_HOST  # the image of its box is built and kept there

    def __init__(self, site: Site) -> None:
        self._site = site

    def examine(self, environment: Environment) -> None:
        """See Examines."""
        demand_names(environment)

    def build_image(self, progress: Progress, *, installed: bool) -> str:
        """See Images."""
        return str(ensure_box(self._site, progress, installed).file)

    def up(
        self,
        environment: Environment,
        instance: Instance,
        tags: Mapping[str, str],
        progress: Progress,
    ) -> Inventory:
        """`vagrant up`, which also converges the region. Raises CommandFailed with its words."""
        names = Names(self._site.id, instance)
        self._write_mark(instance, None, tags)
        with progress.step(f"{instance}: vagrant up") as step:
            TimedVagrant(self._site, names.environment, self._log, step.note).up()
        return self.inventory(environment, instance)

    def down(self, instance: Instance, progress: Progress) -> None:
        """`vagrant destroy --force`, and what a killed one left."""
        demand_deletable(instance, self.tags(instance))
        environment = self._environment(Names(self._site.id, instance))
        with progress.step(f"{instance}: vagrant destroy") as step:
            TimedVagrant(self._site, environment.name, self._log, step.note).destroy()
            self.forget(environment)

    def inventory(self, environment: Environment, instance: Instance) -> Inventory:
        """The instance as it was learned last. Raises DeployKitError if it is not up."""
        Names(self._site.id, instance)
        return read_inventory(self._site, environment, instance, self.status)

    def status(self, environment: Environment, instance: Instance) -> list[NodeStatus]:
        names = Names(self._site.id, instance)
        vagrant = TimedVagrant(self._site, environment.name, self._log)
        states = node_states(vagrant, names, environment, self._vagrants_provider(instance))
        known = known_hosts(self._site.instance(instance))
        return [
            NodeStatus(node.name, node.roles, state, address, memory)
            for node in environment.nodes
            for state, memory in (states[node.name],)
            for address in (known[node.name].ssh_address if node.name in known else "",)
        ]

    def tag(self, instance: Instance, tags: Mapping[str, str]) -> None:
        if not read_mark(self._site, instance, MARK):
            raise not_up(instance)
        self._write_mark(instance, None, tags)

    def tags(self, instance: Instance) -> dict[str, str]:
        tags: dict[str, str] = read_mark(self._site, instance, MARK).get("tags", {})
        return tags

    def instances(self) -> list[Instance]:
        return marked(self._site, MARK)

    def prepare(self, environment: Environment, provider: str, progress: Progress) -> None:
        """What nodes need before they start: room, bridges, the box. May be called at any time.

        `provider` is Vagrant's. Raises DeployKitError before anything is changed if the host cannot
        carry the nodes.
        """
        self.examine(environment)
        if provider != LXC:
            demand_containers(environment)
        name = environment.instance
        states = {status.name: status.state for status in self.status(environment, name)}
        still = [node for node in environment.nodes if states[node.name] != NodeState.RUNNING]
        self._demand_room(environment, still, provider)
        self._write_mark(name, provider, {})
        if provider == LXC:
            if NodeState.MISSING in states.values():
                ensure_box(self._site, progress, environment.installed)
            ensure_bridges(Names(self._site.id, name), environment)

    def learn(self, environment: Environment, provider: str) -> Inventory:
        """The inventory of nodes that have just come up, over Vagrant's own channel.

        Raises NodeUnreachable for a node that does not answer SSH with its own host key.
        """
        name = environment.instance
        self._write_mark(name, provider, {})
        vagrant = TimedVagrant(self._site, environment.name, self._log)
        hosts = learn_hosts(vagrant, Names(self._site.id, name), environment, provider)
        key = key_in_force(self._site, name)
        inventory = Inventory(environment, name, hosts, key, self._site.instance(name))
        if write_ssh_files(inventory):
            close_all(inventory.folder)  # they may lead to nodes that are gone
        for host in hosts:
            run_on(host, inventory, ["true"], timeout=30)
        return with_own_key(self._site, inventory)

    def forget(self, environment: Environment) -> None:
        """Clear what was made for nodes that are gone; nothing if one is still there."""
        name = environment.instance
        if any(status.state != NodeState.MISSING for status in self.status(environment, name)):
            return
        left = remove_bridges(Names(self._site.id, name), environment)
        if left:
            raise DeployKitError(
                f"{name}: the nodes are gone, but something is still attached to {', '.join(left)}",
                "\n".join(f"ip link show master {bridge}" for bridge in left),
            )
        folder = self._site.instance(name)
        close_all(folder)
        shutil.rmtree(folder, ignore_errors=True)
        forget_key(self._site, name)

    def _demand_room(self, environment: Environment, nodes: Sequence[Node], provider: str) -> None:
        program = PROGRAMS.get(provider)
        if program is not None and shutil.which(program) is None:
            raise Refused(
                f"Vagrant's provider {provider} needs {program}, which is not installed",
                "deploy-kit/setup --vagrant installs what the provider lxc needs",
            )
        if nodes and provider == LXC:
            folder = next(path for path in (CONTAINERS, *CONTAINERS.parents) if path.exists())
            demand_fit(self._site, environment, nodes, shutil.disk_usage(folder).free)

    def _environment(self, names: Names) -> Environment:
        return self._site.environment(names.environment).with_provider(PROVIDER)

    @property
    def _log(self) -> Path:
        return self._site.logs / "vagrant.log"

    def _vagrants_provider(self, instance: Instance) -> str:
        return str(read_mark(self._site, instance, MARK).get("provider") or LXC)

    def _write_mark(
        self, instance: Instance, provider: str | None, tags: Mapping[str, str]
    ) -> None:
        mark = read_mark(self._site, instance, MARK)
        purpose = {"purpose": "dev", **mark.get("tags", {})}["purpose"]
        chosen = provider or mark.get("provider")
        write_mark(self._site, instance, MARK, {"purpose": purpose, **tags}, provider=chosen)
