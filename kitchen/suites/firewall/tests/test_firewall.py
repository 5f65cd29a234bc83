"""Nodes reach each other on the management network; from outside only what is offered."""

import json

import pytest
import testinfra

testinfra_hosts = ["ansible://region"]
MANAGEMENT, EXTERNAL, UPLINK = "10.90.0.11", "10.90.2.11", "eth0"


def other(host):
    return testinfra.get_host("ansible://node", ansible_inventory=host.backend.ansible_inventory)


@pytest.fixture
def listener(host):
    """Something on every address at a port, until the test is over."""
    started = []

    def listen(port):
        unit = f"kitchen-listener-{port}"
        host.check_output(
            "systemd-run -q --collect --unit %s python3 -m http.server %s", unit, str(port)
        )
        host.check_output(
            "timeout 10 sh -c %s", f"until ss -Hltn sport = :{port} | grep -q .; do sleep 0.1; done"
        )
        started.append(unit)

    yield listen
    for unit in started:
        host.check_output("systemctl stop %s", unit)


def knock(host, address, port):
    return host.run("timeout 2 bash -c %s", f"exec 3<>/dev/tcp/{address}/{port}").rc == 0


def test_firewall_comes_back_at_boot(host):
    assert host.service("region-firewall").is_enabled
    assert not host.service("nftables").is_enabled


def test_nodes_reach_each_other_on_the_management_network(host, listener):
    listener(7001)
    assert knock(other(host), MANAGEMENT, 7001)


def test_strangers_on_the_management_network_get_nothing(host, listener):
    listener(7002)
    stranger = "10.90.0.99"
    other(host).check_output("ip address add %s/24 dev eth1", stranger)
    code = (
        "import socket, sys; socket.create_connection((sys.argv[1], 7002), 2,"
        " source_address=(sys.argv[2], 0))"
    )
    try:
        assert other(host).run("python3 -c %s %s %s", code, MANAGEMENT, stranger).rc != 0
    finally:
        other(host).check_output("ip address del %s/24 dev eth1", stranger)


def test_outside_reaches_public_ports_of_the_load_balancer_only(host, listener):
    listener(5000)
    listener(7003)
    assert knock(other(host), EXTERNAL, 5000)
    assert not knock(other(host), EXTERNAL, 7003)


def test_bridge_of_neutron_opens_no_way_around(host, listener):
    listener(7004)
    host.check_output("ip link add brq-kitchen type bridge")
    try:
        host.check_output(
            "ip address flush dev eth3 && ip link set eth3 master brq-kitchen"
            f" && ip address add {EXTERNAL}/24 dev brq-kitchen && ip link set brq-kitchen up"
        )
        assert not knock(other(host), EXTERNAL, 7004)
    finally:
        host.check_output(f"ip link del brq-kitchen && ip address add {EXTERNAL}/24 dev eth3")


def test_ssh_comes_in_by_the_uplink_and_nothing_else(host, listener):
    listener(7005)
    (interface,) = json.loads(host.check_output("ip -json -4 address show dev %s", UPLINK))
    address = interface["addr_info"][0]["local"]
    assert knock(other(host), address, 22)
    assert not knock(other(host), address, 7005)


def test_interface_that_nobody_knows_is_closed(host, listener):
    """Whatever an interface is called: what no rule lets in stays out."""
    listener(7006)
    stranger = "198.51.100"
    host.check_output("ip address add %s.1/24 dev eth1", stranger)
    other(host).check_output("ip address add %s.2/24 dev eth1", stranger)
    try:
        assert not knock(other(host), f"{stranger}.1", 7006)
    finally:
        other(host).check_output("ip address del %s.2/24 dev eth1", stranger)
        host.check_output("ip address del %s.1/24 dev eth1", stranger)


def test_tables_of_others_survive_a_reload_and_a_restart(host):
    host.check_output("nft add table ip kitchen_neutron")
    try:
        host.check_output("systemctl reload region-firewall")
        host.check_output("systemctl restart region-firewall")
        assert "table ip kitchen_neutron" in host.check_output("nft list tables").splitlines()
    finally:
        host.check_output("nft delete table ip kitchen_neutron")


def test_flushed_table_comes_back_with_the_next_run(host):
    host.check_output("nft flush ruleset")
    call = "/opt/salt/bin/salt-call -c /srv/kitchen/etc --out=json state.apply firewall"
    changed = [
        state["__id__"]
        for state in json.loads(host.check_output(call))["local"].values()
        if state["changes"]
    ]
    assert changed == ["firewall_service_table"]
    host.check_output("nft list chain inet region input")
