"""Three database nodes are one: what one has all have, and any of them may go."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import testinfra

testinfra_hosts = ["ansible://one"]
ADDRESSES = {"one": "10.90.0.11", "two": "10.90.0.12", "three": "10.90.0.13"}
TOOL = "/usr/local/sbin/mariadb-cluster"
BACKUPS = "/usr/local/sbin/mariadb-backups"
MOST = 180  # seconds that a way back may take
ALL = tuple(ADDRESSES)


@pytest.fixture
def nodes(host):
    """The nodes by name, in one cluster; brought back to it afterwards whatever happened."""
    inventory = host.backend.ansible_inventory
    by_name = {
        name: testinfra.get_host(f"ansible://{name}", ansible_inventory=inventory) for name in ALL
    }
    whole(by_name)
    yield by_name
    for node in by_name.values():
        node.run("systemctl start mariadb-watch")
    for node in by_name.values():
        node.run("timeout 300 %s found; systemctl start mariadb", TOOL)
    whole(by_name)


def whole(nodes, seconds=120):
    for node in nodes.values():
        node.check_output("%s complete %s", TOOL, str(seconds))


def sql(node, statement):
    return node.check_output("mariadb -N -e %s", statement)


def state(host, name):
    """(HTTP status, what it says) of a node's watch."""
    result = host.run("curl -s -m 20 -w %s http://%s:9200/", "\n%{http_code}", ADDRESSES[name])
    body, _, status = result.stdout.rpartition("\n")
    return status, json.loads(body) if body else None


def remember(node, text):
    sql(node, "CREATE DATABASE IF NOT EXISTS kitchen")
    sql(node, "CREATE TABLE IF NOT EXISTS kitchen.said (text VARCHAR(99) PRIMARY KEY)")
    sql(node, f"INSERT INTO kitchen.said VALUES ('{text}')")


def remembers(node, text, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = node.run("mariadb -N -e %s", f"SELECT 1 FROM kitchen.said WHERE text = '{text}'")
        if result.stdout.strip() == "1":
            return True
        time.sleep(0.5)
    return False


def side_by_side(nodes, command, *words):
    with ThreadPoolExecutor(len(nodes)) as pool:
        return list(pool.map(lambda node: node.run(command, *words), nodes.values()))


def test_cluster_has_three_nodes_and_every_one_says_so(nodes, host):
    for name in ALL:
        status, document = state(host, name)
        assert (status, document["primary"], document["synced"], document["size"]) == (
            "200",
            True,
            True,
            3,
        )


def test_nodes_speak_tls_with_each_other(nodes):
    """What comes to the cluster's port is a TLS handshake, by a certificate of the region."""
    for node in nodes.values():
        options = sql(node, "SELECT @@wsrep_provider_options")
        assert "socket.ssl = YES" in options or "socket.ssl = true" in options
        for address in ADDRESSES.values():
            # Behind the handshake comes what Galera says first, which is no text.
            node.check_output(
                "openssl s_client -verify_return_error -CAfile /etc/mysql/region.authority"
                " -cert /etc/mysql/region.certificate -key /etc/mysql/region.key -connect %s:4567"
                " </dev/null 2>&1 | grep -ao 'Verification: OK'",
                address,
            )


def test_node_without_tls_joins_and_one_by_one_the_way_leads_to_tls_and_back(nodes):
    """As in a deployment that comes from a release without TLS, or goes back to one."""
    file = "/etc/mysql/mariadb.conf.d/90-region.cnf"
    plain = f"cp -a {file} /run/region.cnf && sed -i 's/;socket[.]ssl=YES[^\"]*//' {file}"
    try:
        for node in nodes.values():
            node.check_output(plain)
            node.check_output("%s restart", TOOL)
            options = sql(node, "SELECT @@wsrep_provider_options")
            assert "socket.checksum" in options and "socket.ssl" not in options
            whole(nodes)
    finally:
        for node in nodes.values():
            if node.file("/run/region.cnf").exists:
                node.check_output(f"mv /run/region.cnf {file}")
                node.check_output("%s restart", TOOL)
                whole(nodes)
    text = f"after the way back {time.time()}"
    remember(nodes["one"], text)
    assert remembers(nodes["three"], text)


def test_whole_copy_to_a_node_goes_by_tls(nodes):
    nodes["one"].check_output("systemctl stop mariadb")
    nodes["one"].check_output("find /var/lib/mysql -mindepth 1 -delete")
    nodes["one"].check_output("mariadb-install-db --user=mysql >/dev/null")
    since = nodes["one"].check_output("date +%s", "%s")
    nodes["one"].check_output("systemctl start mariadb")
    whole(nodes)
    logs = [node.check_output("journalctl -u mariadb --since @%s -o cat", since)
            for node in nodes.values()]  # fmt: skip
    assert "Using stunnel for SSL encryption" in logs[0]
    assert any("Using stunnel for SSL encryption" in log for log in logs[1:])


def test_all_of_it_comes_back_at_boot(nodes):
    for node in nodes.values():
        assert node.service("mariadb").is_enabled
        assert node.service("mariadb-watch").is_enabled
        assert node.service("mariadb-watch").is_running


def test_nothing_of_it_listens_beyond_the_management_address(nodes):
    for name, node in nodes.items():
        listening = {line.split()[3] for line in node.check_output("ss -Hltn").splitlines()}
        mine = {
            address
            for address in listening
            if address.rpartition(":")[2] in ("3306", "4567", "9200")
        }
        assert mine == {f"{ADDRESSES[name]}:{port}" for port in (3306, 4567, 9200)}


def test_what_is_written_on_one_is_read_on_another(nodes):
    text = f"written on one {time.time()}"
    remember(nodes["one"], text)
    assert remembers(nodes["two"], text) and remembers(nodes["three"], text)


def test_restarts_asked_for_at_once_come_one_after_the_other(nodes, host):
    """A changed configuration brought to all nodes side by side must not take the quorum."""
    before = {name: node.check_output("pidof mariadbd") for name, node in nodes.items()}
    sizes = set()
    with ThreadPoolExecutor(1) as pool:
        restarts = pool.submit(side_by_side, nodes, "%s restart", TOOL)
        while not restarts.done():
            watches = [state(host, name)[1] for name in ALL]
            sizes |= {watch["size"] for watch in watches if watch["unit"] == "active"}
            time.sleep(0.5)
    assert [result.rc for result in restarts.result()] == [0, 0, 0], [
        result.stderr for result in restarts.result()
    ]
    assert min(sizes - {0}) == 2  # 0: a server that has not joined yet
    for name, node in nodes.items():
        assert node.check_output("pidof mariadbd") != before[name]


def test_restart_is_refused_while_another_node_is_away(nodes):
    nodes["three"].check_output("systemctl stop mariadb")
    result = nodes["two"].run("timeout 8 %s restart", TOOL)
    assert result.rc == 124  # it waits
    assert nodes["two"].service("mariadb").is_running
    nodes["three"].check_output("systemctl start mariadb")


def test_node_that_is_killed_comes_back_with_what_it_missed(nodes, host):
    nodes["two"].check_output("systemctl kill --signal=KILL mariadb")
    text = f"while two was away {time.time()}"
    remember(nodes["one"], text)
    assert state(host, "two")[0] == "503"
    whole({"two": nodes["two"]})
    assert remembers(nodes["two"], text)


def test_node_that_lost_its_disk_gets_everything_and_begins_nothing(nodes):
    text = f"before the disk was lost {time.time()}"
    remember(nodes["two"], text)
    nodes["one"].check_output("systemctl stop mariadb")
    nodes["one"].check_output("find /var/lib/mysql -mindepth 1 -delete")
    nodes["one"].check_output("mariadb-install-db --user=mysql >/dev/null")
    nodes["one"].check_output("%s founded", TOOL)
    nodes["one"].check_output("systemctl start mariadb")
    whole(nodes)
    assert remembers(nodes["one"], text)


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_outage_of_all_nodes_ends_on_the_one_that_knows_most(nodes, how):
    text = f"all {how} {time.time()}"
    last = f"the last word, {how} {time.time()}"
    remember(nodes["two"], text)
    assert remembers(nodes["three"], text) and remembers(nodes["one"], text)
    nodes["one"].check_output("systemctl stop mariadb")
    remember(nodes["two"], last)
    assert remembers(nodes["three"], last)
    nodes["two"].check_output("systemctl stop mariadb")
    if how == "killed":
        nodes["three"].check_output("systemctl kill --signal=KILL mariadb")
    nodes["three"].check_output("systemctl stop mariadb")
    # As the orchestration does it: on all of them at once, then they join.
    results = side_by_side(nodes, "timeout 400 %s found", TOOL)
    assert [result.rc for result in results] == [0, 0, 0], [result.stderr for result in results]
    assert [result.stdout for result in results if result.stdout] != []
    assert nodes["three"].service("mariadb").is_running
    for node in nodes.values():
        node.check_output("systemctl start mariadb")
    whole(nodes)
    for node in nodes.values():
        assert remembers(node, text) and remembers(node, last)


def test_nothing_is_begun_while_a_node_is_silent(nodes):
    for node in nodes.values():
        node.check_output("systemctl stop mariadb")
    nodes["three"].check_output("systemctl stop mariadb-watch")
    result = nodes["one"].run("%s found", TOOL)
    assert result.rc == 1
    assert "nothing is begun: three: no answer" in result.stderr
    assert not nodes["one"].service("mariadb").is_running
    # Whoever knows that it is lost for good says so.
    for name in ("one", "two"):
        nodes[name].check_output("%s found --without three", TOOL)
    assert sum(nodes[name].service("mariadb").is_running for name in ("one", "two")) == 1


def test_one_node_of_the_cluster_takes_the_backup_of_the_timer(nodes):
    results = side_by_side(nodes, "%s make turn", BACKUPS)
    assert [result.rc for result in results] == [0, 0, 0], [result.stderr for result in results]
    taken = {
        name: "another node" not in result.stdout for name, result in zip(ALL, results, strict=True)
    }
    assert taken == {"one": False, "two": True, "three": False}  # the last by name


def test_cluster_comes_back_to_the_moment_between_two_writes(nodes, host, capsys):
    """As the master does it: onto one node, and the others take everything from it."""
    remember(nodes["one"], "before")
    nodes["two"].check_output("%s make %s", BACKUPS, "by the test")
    remember(nodes["three"], "between")
    assert remembers(nodes["two"], "between")
    time.sleep(1.1)
    moment = nodes["two"].check_output("date -u %s", "+%Y%m%dT%H%M%SZ")
    time.sleep(1.1)
    remember(nodes["one"], "after")
    sql(nodes["one"], "DELETE FROM kitchen.said WHERE text = 'before'")
    assert remembers(nodes["two"], "after")
    old = sql(nodes["two"], "SHOW STATUS LIKE 'wsrep_cluster_state_uuid'")

    others = {name: nodes[name] for name in ("one", "three")}
    began = time.monotonic()
    nodes["two"].check_output("%s prepare %s", BACKUPS, moment)
    results = side_by_side(others, "%s leave", BACKUPS)
    assert [result.rc for result in results] == [0, 0], [result.stderr for result in results]
    nodes["two"].check_output("%s switch", BACKUPS)
    served = time.monotonic() - began
    for node in others.values():
        node.check_output("systemctl start mariadb && %s synced 300", TOOL)
    whole(nodes)
    seconds = time.monotonic() - began
    with capsys.disabled():
        print(f"\nback at {moment} after {served:.1f} s, on all nodes after {seconds:.1f} s")
    assert seconds < MOST
    for node in nodes.values():
        assert remembers(node, "before") and remembers(node, "between")
        assert sql(node, "SELECT 1 FROM kitchen.said WHERE text = 'after'") == ""
    # A node that slept through it is of another cluster, and cannot join unawares.
    assert sql(nodes["two"], "SHOW STATUS LIKE 'wsrep_cluster_state_uuid'") != old
    text = f"afterwards {time.time()}"
    remember(nodes["one"], text)
    assert remembers(nodes["two"], text) and remembers(nodes["three"], text)
