"""libvirt answers on its sockets, to root and its group, to other hypervisors by TLS; it starts no
guests by itself."""

import pytest


def test_daemon_answers(host):
    assert "Id" in host.check_output("timeout 20 virsh -c qemu:///system list")


@pytest.mark.parametrize(
    "unit", ["libvirtd.socket", "libvirtd-tls.socket", "virtlogd.socket", "virtlockd.socket"]
)
def test_sockets_come_back_at_boot(host, unit):
    assert host.service(unit).is_enabled


def test_guests_are_not_started_beside_nova(host):
    assert host.service("libvirt-guests").is_masked


def test_socket_is_for_root_and_its_group(host):
    socket = host.file("/run/libvirt/libvirt-sock")
    assert (socket.group, socket.mode) == ("libvirt", 0o660)


def test_only_hypervisors_and_who_tells_figures_are_listened_to_on_the_network(host):
    # The kernel keeps 15 letters of a name: prometheus-libv.
    sockets = host.check_output("ss -Hltnp").splitlines()
    listening = [line for line in sockets if "virt" in line or "libv" in line]
    assert sorted(line.split()[3] for line in listening) == ["10.90.0.11:16514", "10.90.0.11:9177"]


def test_other_hypervisors_are_known_by_their_certificate_alone(host):
    host.check_output("timeout 20 virsh -c qemu+tls://10.90.0.11/system list")
    stranger = "timeout 20 curl -sS --cacert /etc/pki/CA/cacert.pem https://10.90.0.11:16514/"
    assert host.run(stranger).rc != 0
    without = "timeout 20 virsh -c 'qemu+tls://10.90.0.11/system?pkipath=/nowhere' list"
    assert host.run(without).rc != 0


@pytest.mark.parametrize("part", ["server", "client"])
def test_key_of_the_certificate_is_for_qemu_and_root_alone(host, part):
    key = host.file(f"/etc/pki/qemu/{part}-key.pem")
    assert (key.user, key.group, key.mode) == ("root", "libvirt-qemu", 0o640)


def test_figures_are_told_by_somebody_who_may_only_look(host):
    assert "\nlibvirt_up 1" in host.check_output("curl -s -m 20 http://10.90.0.11:9177/metrics")
    pid = host.check_output("systemctl show -P MainPID prometheus-libvirt-exporter")
    groups = host.check_output("grep Groups: /proc/%s/status", pid).split()[1:]
    assert host.check_output("getent group libvirt").split(":")[2] not in groups
    assert "libvirt" not in host.check_output("id -nG prometheus").split()


def test_libvirt_that_is_down_is_told(host):
    units = "libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service"
    host.check_output(f"systemctl stop {units}")
    figures = host.check_output("curl -s -m 20 http://10.90.0.11:9177/metrics")
    host.check_output("systemctl start libvirtd-tls.socket libvirtd-ro.socket libvirtd.service")
    assert "\nlibvirt_up 0" in figures
