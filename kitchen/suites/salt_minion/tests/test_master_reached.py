"""Who reaches the master's ports, and what its minion may ask for."""

import json

import testinfra

testinfra_hosts = ["ansible://salt"]
MASTER = "10.90.0.11"
PORTS = (4505, 4506)


def node(host):
    """The minion, reached as the master is."""
    return testinfra.get_host("ansible://node", ansible_inventory=host.backend.ansible_inventory)


def knock(host, address, port, source=None):
    code = (
        "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2,"
        " source_address=(sys.argv[3], 0) if sys.argv[3] else None)"
    )
    return host.run("python3 -c %s %s %s %s", code, address, str(port), source or "").rc == 0


def uplink(host):
    (interface,) = json.loads(host.check_output("ip -json -4 address show dev eth0"))
    return interface["addr_info"][0]["local"]


def test_minions_reach_the_master(host):
    assert all(knock(node(host), MASTER, port) for port in PORTS)


def test_strangers_on_the_management_network_do_not(host):
    stranger = "10.90.0.99"
    node(host).check_output("ip address add %s/24 dev eth1", stranger)
    try:
        assert not any(knock(node(host), MASTER, port, stranger) for port in PORTS)
    finally:
        node(host).check_output("ip address del %s/24 dev eth1", stranger)


def test_master_does_not_answer_by_its_uplink(host):
    # The kernel would: the address is its own, whichever interface is asked.
    node(host).check_output("ip route add %s/32 via %s dev eth0", MASTER, uplink(host))
    try:
        assert not any(knock(node(host), MASTER, port) for port in PORTS)
        assert knock(node(host), uplink(host), 22)
    finally:
        node(host).check_output("ip route del %s/32", MASTER)


def test_minion_gets_nothing_of_a_folder_that_is_no_release(host):
    evil = "/srv/kitchen-evil/salt"
    host.check_output("mkdir -p %s/states %s/pillar && echo hidden >%s/states/x.txt", *[evil] * 3)
    code = f"#!py\ndef run():\n    open('{evil}/rendered', 'w')\n    return {{}}\n"
    host.check_output("printf %s %s >%s/pillar/top.sls", "%s", code, evil)
    try:
        call = "timeout 120 /opt/salt/bin/salt-call --out=json "
        node(host).run(call + "pillar.items pillarenv=../kitchen-evil")
        answer = (
            node(host).run(call + "cp.get_file_str salt://x.txt saltenv=../kitchen-evil").stdout
        )
        assert "hidden" not in answer
        assert not host.file(f"{evil}/rendered").exists
        assert host.file("/var/log/salt/master").contains("names the environment")
    finally:
        host.check_output("rm -r /srv/kitchen-evil")
