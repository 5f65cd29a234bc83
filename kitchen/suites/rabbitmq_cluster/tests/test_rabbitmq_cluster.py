"""Three brokers are one: a queue that services call survives the loss of any of them."""

import time

import pytest
import testinfra

testinfra_hosts = ["ansible://one"]
ADDRESSES = {"one": "10.90.0.11", "two": "10.90.0.12", "three": "10.90.0.13"}
ALL = tuple(ADDRESSES)
SERVICES = ["cinder", "heat", "neutron", "nova"]
# Runs on a node: queue.py ADDRESS ACT NAME, as nova does.
CLIENT = """
import glob, json, sys, amqp
address, act, name = sys.argv[1:]
(own,) = glob.glob('/srv/kitchen/pillar/*.json')[:1]
password = json.load(open(own))['secrets']['nova_messaging']
tls = {'ca_certs': '/etc/rabbitmq/region.authority', 'server_hostname': address}
link = amqp.Connection(f'{address}:5671', userid='nova', password=password, virtual_host='nova',
                       ssl=tls, connect_timeout=10, read_timeout=20, write_timeout=20,
                       confirm_publish=True)
link.connect()
channel = link.channel()
if act == 'quorum':
    channel.queue_declare(name, durable=True, auto_delete=False,
                          arguments={'x-queue-type': 'quorum'})
elif act == 'transient':
    channel.queue_declare(name, auto_delete=False, arguments={'x-expires': 300000})
elif act == 'send':
    channel.basic_publish_confirm(amqp.Message('hello'), routing_key=name)
elif act == 'receive':
    message = channel.basic_get(name, no_ack=True)
    print(message.body if message else 'nothing')
link.close()
"""


@pytest.fixture
def nodes(host):
    """The nodes by name, in one cluster; brought back to it afterwards whatever happened."""
    inventory = host.backend.ansible_inventory
    by_name = {
        name: testinfra.get_host(f"ansible://{name}", ansible_inventory=inventory) for name in ALL
    }
    yield by_name
    for node in by_name.values():
        node.run("systemctl start --no-block rabbitmq-server")
    assert becomes(lambda: all(running(node) == set(ALL) for node in by_name.values()))


def becomes(so, seconds=120):
    """Whether `so()` is true within `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if so():
            return True
        time.sleep(1)
    return False


def running(node):
    """Names of the nodes that a broker sees running; none where it does not run itself."""
    result = node.run("rabbitmqctl -q eval %s", "rabbit_mnesia:cluster_nodes(running).")
    return {name for name in ALL if f"rabbit@{name}" in result.stdout} if result.rc == 0 else set()


def client(node, at, act, name):
    return node.run("python3 -c %s %s %s %s", CLIENT, ADDRESSES[at], act, name)


def output_of(node, at, act, name):
    result = client(node, at, act, name)
    assert result.rc == 0, result.stderr
    return result.stdout.strip()


def test_three_brokers_are_one_cluster(nodes):
    for node in nodes.values():
        assert running(node) == set(ALL)
        assert node.service("rabbitmq-server").is_enabled


def test_nothing_of_it_listens_beyond_the_management_address(nodes):
    for name, node in nodes.items():
        listening = {line.split()[3] for line in node.check_output("ss -Hltn").splitlines()}
        inner = {
            address
            for address in listening
            if address.rpartition(":")[2] in ("4369", "5671", "25672")
        }
        assert inner == {f"{ADDRESSES[name]}:{port}" for port in ("4369", "5671", "25672")} | {
            "127.0.0.1:4369"
        }


def test_queue_that_services_call_survives_the_loss_of_a_broker(nodes):
    name = f"calls-{time.time()}"
    output_of(nodes["one"], "one", "quorum", name)
    output_of(nodes["one"], "one", "send", name)
    nodes["one"].check_output("systemctl kill --signal=KILL rabbitmq-server")
    nodes["one"].check_output("systemctl stop rabbitmq-server")
    two = nodes["two"]
    assert becomes(lambda: client(two, "two", "receive", name).stdout.strip() == "hello", 60)
    output_of(nodes["two"], "two", "send", name)
    assert output_of(nodes["three"], "three", "receive", name) == "hello"


def test_queue_of_answers_is_declared_anew_where_its_reader_goes(nodes):
    """What oslo.messaging does with the queues of answers and broadcasts, which are not copied."""
    name = f"reply-{time.time()}"
    output_of(nodes["one"], "one", "transient", name)
    nodes["one"].check_output("systemctl stop rabbitmq-server")
    assert becomes(lambda: client(nodes["two"], "two", "transient", name).rc == 0, 30)
    output_of(nodes["two"], "two", "send", name)
    assert output_of(nodes["two"], "three", "receive", name) == "hello"


def test_broker_without_the_others_serves_nobody(nodes):
    for name in ("one", "two"):
        nodes[name].check_output("systemctl kill --signal=KILL rabbitmq-server")
        nodes[name].check_output("systemctl stop rabbitmq-server")
    assert becomes(lambda: client(nodes["three"], "three", "transient", "minority").rc != 0, 90)
    for name in ("one", "two"):
        nodes[name].check_output("systemctl start --no-block rabbitmq-server")
    assert becomes(lambda: running(nodes["three"]) == set(ALL))


def test_accounts_are_known_to_every_broker(nodes):
    for name, node in nodes.items():
        users = node.check_output("rabbitmqctl -q list_users --no-table-headers")
        assert sorted(line.split()[0] for line in users.splitlines()) == SERVICES, name
