"""A host for instances in a privileged container: its own network is set, the kernel is not."""

import pytest

SETTINGS = "/etc/sysctl.d/70-hypervisor-host.conf"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("net.bridge.bridge-nf-call-iptables", 1),
        ("net.bridge.bridge-nf-call-ip6tables", 1),
        ("net.ipv4.conf.all.rp_filter", 2),
        ("net.ipv4.ip_forward", 1),
    ],
)
def test_what_networks_of_instances_need_is_set(host, name, value):
    assert host.sysctl(name) == value
    lines = host.file(SETTINGS).content_string.splitlines()
    assert f"{name.replace('.all.', '.*.')} = {value}" in lines


def test_tun_is_there_to_be_opened(host):
    host.check_output("exec 3<>/dev/net/tun")


def test_bridge_and_tunnel_can_be_made(host):
    host.check_output("ip link add brtest type bridge && ip link del brtest")
    host.check_output(
        "ip link add vxtest type vxlan id 7 dstport 4790 dev eth2 && ip link del vxtest"
    )


@pytest.mark.parametrize("name", ["fs.aio-max-nr", "kernel.pid_max", "kernel.kptr_restrict"])
def test_kernel_of_the_host_is_not_changed_by_a_node(host, name):
    files = host.check_output("cat %s /etc/sysctl.d/60-hardening.conf", SETTINGS)
    (line,) = [setting for setting in files.splitlines() if f"{name} =" in setting]
    assert line.startswith("#")
    assert "the host's: this is a container" in line


def test_setting_that_this_network_has_not_is_told(host):
    assert host.file(SETTINGS).contains("^# net.ipv4.neigh.default.gc_thresh3 .*not there")


def test_services_may_open_many_files(host):
    soft = "systemd-run --quiet --wait --pipe sh -c 'ulimit -Sn; ulimit -Hn'"
    now, most = host.check_output(soft).split()
    assert now == "16384"
    # As many as the container's own limit lets them have.
    assert 16384 <= int(most) <= 524288
