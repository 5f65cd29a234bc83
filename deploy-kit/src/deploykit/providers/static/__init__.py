"""Machines that are there: nobody makes or destroys them here, they are looked at and taken in.

`up` examines every one and refuses, by name, what is not as the environment's file says; then root
lets in the key of the instance, and that is all that is changed. Everything else goes through SSH,
as on any other provider's nodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deploykit.base.errors import InputError, Refused
from deploykit.base.filelock import locked
from deploykit.base.parallel import answers_of, in_parallel
from deploykit.base.progress import Progress
from deploykit.base.yamlfile import load
from deploykit.host.fit import memory_of_roles, needed_memory
from deploykit.nodes.inventory import Inventory, write_ssh_files
from deploykit.nodes.ssh import close_all, greeting, run_on
from deploykit.providers import Copies, NodeState, NodeStatus, names_with
from deploykit.providers.common import (
    known_hosts,
    marked,
    not_up,
    read_inventory,
    read_mark,
    write_mark,
)
from deploykit.providers.static.access import Door, Seen, host_of, let_key_in, look_at
from deploykit.providers.static.fitness import Wanted, obstacles
from deploykit.site import Site
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance
from deploykit.site.provisioning import key_comment, own_key

PROVIDER = "static"  # this provider's name in environment files
MARK = "static.json"  # in the instance's folder: its tags
LOCK_SECONDS = 300.0
AT_ONCE = 16
GREETING_SECONDS = 3.0


class StaticProvider:
    """The environments of one site that are made of machines that are there. See Provider."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def examine(self, environment: Environment) -> None:
        """See Examines: every node is a machine, and no other environment's."""
        machines = dict(environment.machines)
        for node in environment.nodes:
            if node.name not in machines:
                root = load(environment.file)
                at = root.mapping().get("machines", root.mapping()["nodes"])
                raise at.error(
                    f"the provider {environment.provider} is not told of a machine for {node.name}",
                    f"machines: {{{node.name}: {{address: ADDRESS, host_key: KEY}}}}",
                )
        ours = {machine.address: machine for machine in machines.values()}
        for other in self._site.read_environments().environments.values():
            if other.name == environment.name or other.provider != environment.provider:
                continue
            for name, machine in other.machines:
                if machine.address in ours:
                    raise InputError(
                        f"{ours[machine.address].place}: {machine.address} is {name} of "
                        f"{other.name} already ({machine.place})",
                        "a machine is a node of one environment",
                    )

    def up(
        self,
        environment: Environment,
        instance: Instance,
        tags: Mapping[str, str],
        progress: Progress,
    ) -> Inventory:
        """See Provider: the machines are looked at, and taken in if they are fit.

        Raises Refused with everything that is not as the file says, NodeUnreachable by place and
        node; neither has changed anything then.
        """
        _demand_machines(instance)
        self.examine(environment)
        title = f"{instance}: {len(environment.nodes)} machines looked at and taken in"
        with locked(self._lock(instance), LOCK_SECONDS), progress.step(title) as step:
            step.note("host keys")
            doors = self._doors(environment, instance)
            step.note("what they are")
            seen = answers_of(doors, lambda name: look_at(doors[name]), AT_ONCE)
            self._demand_fit(environment, instance, seen)
            step.note("SSH")
            in_parallel([doors[name] for name in doors if not seen[name].known], let_key_in)
            inventory = Inventory(
                environment,
                instance,
                tuple(door.host for door in doors.values()),
                own_key(self._site, instance),
                self._site.instance(instance),
            )
            if write_ssh_files(inventory):
                close_all(inventory.folder)  # they may lead to another machine
            in_parallel(
                inventory.hosts, lambda host: run_on(host, inventory, ["true"], timeout=30), AT_ONCE
            )
            write_mark(self._site, instance, MARK, tags)
        return inventory

    def down(self, instance: Instance, progress: Progress) -> None:
        """See Provider: machines that are there are not its own to destroy."""
        known = known_hosts(self._site.instance(instance))
        raise Refused(
            f"{instance}: the provider {PROVIDER} destroys nothing: {', '.join(known) or 'its'} "
            "machines stay as they are",
            "to part with them: take the environment's file away, the line of this environment's "
            f"key out of /root/.ssh/authorized_keys on each, and remove "
            f"{self._site.instance(instance)}",
        )

    def inventory(self, environment: Environment, instance: Instance) -> Inventory:
        """The instance as `up` left it. Raises DeployKitError if it was not taken in."""
        return read_inventory(self._site, environment, instance, self.status)

    def status(self, environment: Environment, instance: Instance) -> list[NodeStatus]:
        known = known_hosts(self._site.instance(instance))
        asked = {name: host.ssh_address for name, host in known.items()}
        answers = answers_of(asked, lambda name: greeting(asked[name], GREETING_SECONDS), AT_ONCE)

        def state(name: str) -> NodeState:
            if name not in known:
                return NodeState.MISSING
            return NodeState.RUNNING if answers[name] else NodeState.STOPPED

        return [
            NodeStatus(node.name, node.roles, state(node.name), asked.get(node.name, ""), 0)
            for node in environment.nodes
        ]

    def tag(self, instance: Instance, tags: Mapping[str, str]) -> None:
        if not read_mark(self._site, instance, MARK):
            raise not_up(instance)
        write_mark(self._site, instance, MARK, tags)

    def tags(self, instance: Instance) -> dict[str, str]:
        tags: dict[str, str] = read_mark(self._site, instance, MARK).get("tags", {})
        return tags

    def instances(self) -> list[Instance]:
        return marked(self._site, MARK)

    def _lock(self, instance: Instance) -> Path:
        return self._site.state / "locks" / str(instance)

    def _doors(self, environment: Environment, instance: Instance) -> dict[str, Door]:
        """Every machine with its host keys, by the name of its node."""
        key = own_key(self._site, instance)
        machines = dict(environment.machines)
        hosts = in_parallel(
            environment.nodes,
            lambda node: host_of(environment, node, machines[node.name]),
            AT_ONCE,
        )
        return {host.name: Door(host, machines[host.name], key) for host in hosts}

    def _demand_fit(
        self, environment: Environment, instance: Instance, seen: Mapping[str, Seen]
    ) -> None:
        """Raise Refused with all that keeps machines from being the environment's nodes."""
        roles = memory_of_roles(self._site)
        owner = key_comment(self._site, instance)
        places = {name: machine.place for name, machine in environment.machines}
        problems = [
            f"{places[node.name]}: {node.name}: {told}"
            for node in environment.nodes
            for told in obstacles(
                Wanted(environment, node, needed_memory(node, roles), owner),
                seen[node.name].look,
                seen[node.name].clock,
            )
        ]
        if problems:
            raise Refused(
                f"{instance}: its machines are not what the file says; nothing was changed",
                "\n".join(problems),
            )


def _demand_machines(instance: Instance) -> None:
    """Raise Refused for a copy: there is one of each machine."""
    if instance.suffix not in (None, PROVIDER):
        raise Refused(
            f"{instance}: machines that are there cannot be copied",
            f"in the file of {instance.environment} name who makes copies of it: "
            f"copies: {' or '.join(names_with(Copies))}",
        )
