"""The minion answers its master, and no other."""

import json

import testinfra

testinfra_hosts = ["ansible://salt"]


def node(host):
    """The minion, reached as the master is."""
    return testinfra.get_host("ansible://node", ansible_inventory=host.backend.ansible_inventory)


def test_minion_runs_and_comes_back_at_boot(host):
    minion = node(host).service("salt-minion")
    assert minion.is_running
    assert minion.is_enabled


def test_master_reaches_its_minion(host):
    answer = host.check_output("/opt/salt/bin/salt --out=json --static -t 30 node test.ping")
    assert json.loads(answer) == {"node": True}


def test_minion_knows_its_master_by_key_beforehand(host):
    known_key = node(host).file("/etc/salt/pki/minion/minion_master.pub").content_string.strip()
    assert known_key == host.file("/etc/salt/pki/master/master.pub").content_string.strip()


def test_only_the_invited_key_is_accepted(host):
    assert host.check_output("ls /etc/salt/pki/master/minions").split() == ["node"]
