"""libvirt answers on its sockets, to root and its group, and starts no guests by itself."""

import pytest


def test_daemon_answers(host):
    assert "Id" in host.check_output("timeout 20 virsh -c qemu:///system list")


@pytest.mark.parametrize("unit", ["libvirtd.socket", "virtlogd.socket", "virtlockd.socket"])
def test_sockets_come_back_at_boot(host, unit):
    assert host.service(unit).is_enabled


def test_guests_are_not_started_beside_nova(host):
    assert host.service("libvirt-guests").is_masked


def test_socket_is_for_root_and_its_group(host):
    socket = host.file("/run/libvirt/libvirt-sock")
    assert (socket.group, socket.mode) == ("libvirt", 0o660)


def test_nothing_listens_on_the_network(host):
    assert "virt" not in host.check_output("ss -Hltnp")
