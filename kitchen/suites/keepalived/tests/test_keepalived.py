"""Three load balancers have one address: one holds it, and another one when that goes."""

import time

import pytest
import testinfra

testinfra_hosts = ["ansible://one"]
VIP = "10.90.0.5"
PUBLIC = "10.90.2.5"  # what outsiders use, on eth3
ALL = ("one", "two", "three")
URL = f"https://{VIP}:5000/v3"


@pytest.fixture
def nodes(host):
    """The nodes by name, all well; brought back afterwards whatever happened."""
    inventory = host.backend.ansible_inventory
    by_name = {
        name: testinfra.get_host(f"ansible://{name}", ansible_inventory=inventory) for name in ALL
    }
    assert settled(by_name)
    yield by_name
    for node in by_name.values():
        node.check_output("systemctl start haproxy keepalived")
    assert settled(by_name)


def holders(nodes, address=VIP):
    """The nodes that have it, on whichever interface."""
    return [name for name, node in nodes.items()
            if node.run("ip -4 -o address show to %s/32", address).stdout.strip()]  # fmt: skip


def settled(nodes, besides=None, seconds=20):
    """Whether exactly one node, and not `besides`, holds the address within `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        holding = holders(nodes)
        if len(holding) == 1 and holding != [besides]:
            return True
        time.sleep(0.5)
    return False


def answers(node):
    """What the load balancer says at the address: there is no backend."""
    result = node.run("curl -s -m 5 -o /dev/null -w %s %s", "%{http_code}", URL)
    return result.stdout == "503"


def test_one_holds_the_address_and_every_node_reaches_it_over_trusted_tls(nodes):
    assert len(holders(nodes)) == 1
    for name, node in nodes.items():
        assert answers(node), name


def test_all_run_and_come_back_at_boot(nodes):
    for node in nodes.values():
        assert node.service("keepalived").is_running
        assert node.service("keepalived").is_enabled


def test_every_balancer_listens_there_before_it_has_the_address(nodes):
    for node in nodes.values():
        listening = {line.split()[3] for line in node.check_output("ss -Hltn").splitlines()}
        assert f"{VIP}:5000" in listening


@pytest.mark.parametrize("what", ["haproxy", "keepalived"])
def test_address_moves_when_it_stops_on_the_holder_and_stays_there(nodes, what):
    (before,) = holders(nodes)
    nodes[before].check_output("systemctl stop %s", what)
    assert settled(nodes, besides=before)
    (now,) = holders(nodes)
    assert answers(nodes[before])
    nodes[before].check_output("systemctl start haproxy keepalived")
    time.sleep(8)
    assert holders(nodes) == [now]


def test_address_is_nobodys_twice_after_a_kill(nodes):
    (before,) = holders(nodes)
    nodes[before].check_output("systemctl kill --kill-who=all --signal=KILL keepalived")
    time.sleep(6)
    assert settled(nodes)
    assert all(answers(node) for node in nodes.values())
    assert nodes[before].service("keepalived").is_running


def test_balancer_that_hangs_is_no_holder(nodes):
    (before,) = holders(nodes)
    nodes[before].check_output("systemctl kill --kill-who=all --signal=STOP haproxy")
    try:
        assert settled(nodes, besides=before)
        assert answers(nodes[before])
    finally:
        nodes[before].check_output("systemctl kill --kill-who=all --signal=CONT haproxy")


def test_outsiders_address_is_where_that_of_services_is(nodes):
    (before,) = holders(nodes)
    assert holders(nodes, PUBLIC) == [before]
    nodes[before].check_output("systemctl stop haproxy")
    assert settled(nodes, besides=before)
    time.sleep(3)
    assert holders(nodes, PUBLIC) == holders(nodes)


@pytest.mark.parametrize(
    "ended", ["stop haproxy", "stop keepalived", "kill --signal=KILL keepalived"]
)
def test_outsiders_address_that_was_moved_to_a_bridge_is_left_by_who_loses_it(nodes, ended):
    (before,) = holders(nodes)
    # As neutron's agent does when it makes a bridge of the card.
    move = f"ip address del {PUBLIC}/32 dev eth3; ip address add {PUBLIC}/32 dev lo"
    nodes[before].check_output("sh -c %s", move)
    time.sleep(5)
    assert holders(nodes) == [before], "it gave up the address of services for that"
    nodes[before].check_output(f"systemctl {ended}")
    time.sleep(10)
    (now,) = holders(nodes)
    assert holders(nodes, PUBLIC) == [now]


def test_card_of_outsiders_that_is_down_costs_services_nothing(nodes):
    (before,) = holders(nodes)
    nodes[before].check_output("ip link set eth3 down")
    try:
        time.sleep(8)
        assert holders(nodes) == [before]
    finally:
        nodes[before].check_output("sh -c %s", "ip link set eth3 up; systemctl restart keepalived")
