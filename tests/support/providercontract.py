"""What the contract of providers says of nodes that are up: the same for every provider."""

from __future__ import annotations

import pytest
from deploykit.base.errors import Refused
from deploykit.base.progress import Silent
from deploykit.nodes.ssh import run_on
from deploykit.providers import NodeState, Provider
from deploykit.site.environment import Environment

TAGS = {"purpose": "contract", "release": "sha256:0"}


def check_up(provider: Provider, environment: Environment) -> None:
    """Bring the environment up, which is not, hold what must be true then, and take it down.

    Where the provider refuses to destroy, all of it must stand as before.
    """
    instance = environment.instance
    assert instance not in provider.instances()
    inventory = provider.up(environment, instance, TAGS, Silent())
    assert [(host.name, host.roles) for host in inventory.hosts] == [
        (node.name, node.roles) for node in environment.nodes
    ]
    for host in inventory.hosts:
        assert host.ssh_user == "root" and host.host_keys
        assert host.addresses == environment.addresses(environment.node(host.name))
        run_on(host, inventory, ["true"], timeout=60)
    assert (inventory.environment, inventory.instance) == (environment, instance)
    assert inventory.ssh_key.is_file() and inventory.ssh_config.is_file()
    assert {one.state for one in provider.status(environment, instance)} == {NodeState.RUNNING}
    assert instance in provider.instances()
    assert TAGS.items() <= provider.tags(instance).items()
    assert provider.inventory(environment, instance) == inventory
    provider.tag(instance, {"release": "sha256:1"})
    again = provider.up(environment, instance, {"purpose": "again"}, Silent())
    assert again == inventory
    assert {"purpose": "again", "release": "sha256:1"}.items() <= provider.tags(instance).items()
    try:
        provider.down(instance, Silent())
    except Refused:
        assert provider.inventory(environment, instance) == inventory
        return
    assert instance not in provider.instances()
    states = {one.state for one in provider.status(environment, instance)}
    assert states == {NodeState.MISSING}
    with pytest.raises(Exception, match=str(instance)):
        provider.inventory(environment, instance)
