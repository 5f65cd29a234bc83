"""What a node says is kept on the receiver, over TLS, and late where the receiver was away."""

import time

import pytest
import testinfra

testinfra_hosts = ["ansible://node"]
RECEIVER = "10.90.0.11"
PORT = "6514"


def receiver(host):
    return testinfra.get_host("ansible://region", ansible_inventory=host.backend.ansible_inventory)


def arrives(host, text, seconds=20):
    """Whether `text` is in the receiver's log of the node within `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if receiver(host).run("grep -qF %s /var/log/region/node.log", text).rc == 0:
            return True
        time.sleep(0.5)
    return False


def test_both_run_and_come_back_at_boot(host):
    for node in (host, receiver(host)):
        assert node.service("rsyslog").is_running
        assert node.service("rsyslog").is_enabled


def test_message_of_a_node_is_kept_on_the_receiver(host):
    text = f"kitchen says {time.time()}"
    host.check_output("logger -t kitchen %s", text)
    assert arrives(host, text)


def test_what_a_service_prints_is_kept_on_the_receiver(host):
    """So do those of OpenStack, which print (lib/config.jinja, `printing`)."""
    text = f"kitchen prints {time.time()}"
    host.check_output("systemd-run -q --wait --collect --unit kitchen-prints echo %s", text)
    assert arrives(host, text)


def test_message_waits_on_disk_while_the_receiver_is_away(host):
    text = f"kitchen says meanwhile {time.time()}"
    receiver(host).check_output("systemctl stop rsyslog syslog.socket")
    try:
        for number in range(3):  # what is in flight when the receiver goes may be lost
            host.check_output("logger -t kitchen %s", f"before {number}")
            time.sleep(0.5)
        host.check_output("logger -t kitchen %s", text)
        time.sleep(1)
        host.check_output("systemctl restart rsyslog")
        assert host.check_output("ls /var/spool/rsyslog").startswith("region")
    finally:
        receiver(host).check_output("systemctl start rsyslog")
    assert arrives(host, text, 40)


def test_receiver_speaks_tls_on_the_management_address_only(host):
    listening = receiver(host).check_output("ss -Hltn sport = :%s", PORT).splitlines()
    assert [line.split()[3] for line in listening] == [f"{RECEIVER}:{PORT}"]
    result = host.run(
        "openssl s_client -connect %s:%s -CAfile /etc/rsyslog-region/authority.crt"
        " -verify_return_error -verify_hostname region </dev/null",
        RECEIVER,
        PORT,
    )
    assert result.rc == 0, result.stdout


@pytest.mark.parametrize("file", ["receiver.key", "receiver.crt"])
def test_key_is_for_root_alone_and_on_the_receiver_only(host, file):
    assert receiver(host).file(f"/etc/rsyslog-region/{file}").mode == 0o600
    assert not host.file(f"/etc/rsyslog-region/{file}").exists


def test_logs_are_rotated_on_every_node(host):
    for node in (host, receiver(host)):
        assert node.service("logrotate.timer").is_running
        assert node.service("logrotate.timer").is_enabled
    receiver(host).check_output("logrotate --debug /etc/logrotate.d/region")
