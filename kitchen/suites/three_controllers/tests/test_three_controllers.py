"""Identity on three controllers: a token at the virtual address, whichever of them loses what."""

import time

import pytest
import testinfra

testinfra_hosts = ["ansible://one"]
VIP = "10.90.0.5"
ADDRESSES = {"one": "10.90.0.11", "two": "10.90.0.12", "three": "10.90.0.13"}
ALL = tuple(ADDRESSES)
READ = "import json, sys; print(json.load(open(sys.argv[1]))['secrets']['keystone_admin'])"
TOKEN = (
    f'KEYSTONE_PASSWORD=$(python3 -c "{READ}" /srv/kitchen/pillar/%s.json)'
    f" /usr/local/sbin/keystone-authenticate https://{VIP}:5000/v3"
)


@pytest.fixture
def nodes(host):
    """The nodes by name, all well; brought back afterwards whatever happened."""
    inventory = host.backend.ansible_inventory
    by_name = {
        name: testinfra.get_host(f"ansible://{name}", ansible_inventory=inventory) for name in ALL
    }
    yield by_name
    for node in by_name.values():
        node.check_output("systemctl start mariadb haproxy keepalived keystone")
    for node in by_name.values():
        node.check_output("/usr/local/sbin/mariadb-cluster complete 120")
    assert all(becomes(lambda name=name: token(by_name, name)) for name in ALL)


def becomes(so, seconds=40):
    """Whether `so()` is true within `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if so():
            return True
        time.sleep(1)
    return False


def token(nodes, name):
    """Whether a node gets a token at the virtual address, over trusted TLS."""
    return nodes[name].run(TOKEN, name).rc == 0


def holder(nodes):
    (name,) = [controller for controller, node in nodes.items()
               if node.run("ip -4 address show dev eth1 to %s/32", VIP).stdout.strip()]  # fmt: skip
    return name


def clients(node):
    """Addresses from which the accounts of keystone are connected to a database node."""
    output = node.check_output(
        "mariadb -N -e %s",
        "SELECT HOST FROM information_schema.PROCESSLIST WHERE USER = 'keystone'",
    )
    return {line.partition(":")[0] for line in output.split()}


def test_every_node_gets_a_token_at_the_virtual_address(nodes):
    for name in ALL:
        assert becomes(lambda name=name: token(nodes, name)), nodes[name].run(TOKEN, name).stderr


def test_one_database_node_has_all_the_clients_and_knows_who_they_are(nodes):
    for _ in range(6):
        assert token(nodes, "one")
    assert clients(nodes["one"])
    assert clients(nodes["one"]) <= {VIP, *ADDRESSES.values()}
    assert clients(nodes["two"]) == clients(nodes["three"]) == set()


def test_loss_of_the_database_node_that_is_used_costs_seconds(nodes):
    first, second, third = sorted(ALL)  # the order in which a balancer takes them
    nodes[first].check_output("systemctl stop mariadb")
    assert becomes(lambda: token(nodes, second) and token(nodes, third))
    assert becomes(lambda: clients(nodes[second]) != set())
    assert clients(nodes[third]) == set()
    nodes[first].check_output("systemctl start mariadb")
    nodes[first].check_output("/usr/local/sbin/mariadb-cluster complete 120")
    # Back to the first one, and nobody stays behind.
    assert becomes(lambda: clients(nodes[second]) == set())
    assert becomes(lambda: token(nodes, second))


def test_loss_of_a_whole_controller_is_survived(nodes):
    """The holder of the address, with its database, balancer and identity."""
    lost = holder(nodes)
    left = [name for name in ALL if name != lost]
    nodes[lost].check_output(
        "systemctl kill --kill-who=all --signal=KILL keepalived haproxy keystone mariadb;"
        " systemctl stop keepalived haproxy keystone mariadb"
    )
    assert all(becomes(lambda name=name: token(nodes, name)) for name in left)
    assert holder({name: nodes[name] for name in left}) in left
