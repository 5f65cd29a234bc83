"""One node tells the time to the others; in a container the clock itself is left alone."""

import testinfra

testinfra_hosts = ["ansible://node"]
SERVER = "10.90.0.11"


def other(host):
    return testinfra.get_host("ansible://region", ansible_inventory=host.backend.ansible_inventory)


def test_both_run_and_come_back_at_boot(host):
    for node in (host, other(host)):
        assert node.service("chrony").is_running
        assert node.service("chrony").is_enabled


def test_node_agrees_with_the_server(host):
    host.check_output("chronyc -n burst 2/4")  # it may have asked before the server was there
    host.check_output("chronyc -n waitsync 60 0 0 1")
    fields = host.check_output("chronyc -n -c sources").split(",")
    assert fields[:3] == ["^", "*", SERVER]


def test_server_listens_on_the_management_address_only_and_the_node_not_at_all(host):
    asked = "ss -Hlnu sport = :123"
    assert [line.split()[3] for line in other(host).check_output(asked).splitlines()] == (
        [f"{SERVER}:123"]
    )
    assert host.check_output(asked) == ""


def test_chronyd_watches_only_in_a_container(host):
    words = host.check_output("cat /proc/$(systemctl show -P MainPID chrony)/cmdline").split("\0")
    assert ("-x" in words) == (host.run("systemd-detect-virt --container").rc == 0)
