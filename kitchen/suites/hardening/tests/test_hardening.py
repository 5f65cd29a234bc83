"""What is hardened holds, and those who must come in still do."""

import json
import subprocess
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "line",
    [
        "permitrootlogin without-password",
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "x11forwarding no",
        "allowagentforwarding no",
        "allowtcpforwarding local",
        "maxsessions 50",  # the image's, which deploy-kit needs
    ],
)
def test_ssh_server_runs_with_it(host, line):
    assert line in host.check_output("/usr/sbin/sshd -T").splitlines()


def offered(host, *options):
    """How ssh ends, and what it says, when it may use nothing but `options`."""
    inventory = json.loads(Path(host.backend.ansible_inventory).read_text())
    words = inventory["all"]["vars"]["ansible_ssh_common_args"].split()
    words += ["-o", "ControlPath=none", "-o", "LogLevel=INFO"]
    words += [word for option in options for word in ("-o", option)]
    done = subprocess.run(
        ["ssh", *words, "node", "true"], capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["Ciphers=aes256-cbc"],
        ["Ciphers=aes256-ctr", "MACs=hmac-sha1"],  # other ciphers need no MAC
        ["KexAlgorithms=diffie-hellman-group14-sha1"],
    ],
)
def test_weak_algorithm_is_not_spoken(host, options):
    status, message = offered(host, *options)
    assert status != 0
    assert "Unable to negotiate" in message


def test_client_without_curves_still_comes_in(host):
    # As Vagrant's own client may be.
    assert offered(host, "KexAlgorithms=diffie-hellman-group-exchange-sha256")[0] == 0


def test_root_has_no_password(host):
    assert host.check_output("passwd -S root").split()[1] == "L"


def test_journal_is_kept_over_a_boot(host):
    assert host.file("/var/log/journal").is_directory
    assert "Storage=persistent" in host.check_output(
        "systemd-analyze cat-config systemd/journald.conf"
    )


def test_services_leave_no_core_dumps(host):
    limit = host.check_output("systemctl show --property DefaultLimitCORE --value")
    assert limit == "0"
    assert host.check_output("systemd-run --quiet --wait --pipe sh -c 'ulimit -c'") == "0"


def test_shells_of_people_keep_files_from_others(host):
    assert host.check_output("bash --login -c umask") == "0027"
    # What day 0 and Salt run is no login.
    assert host.check_output("sh -c umask") == "0022"


def test_new_accounts_have_a_home_of_their_own(host):
    host.check_output("useradd --create-home passing")
    try:
        assert host.file("/home/passing").mode == 0o700
    finally:
        host.check_output("userdel --remove passing 2>&1")


def test_settings_of_the_network_are_set_on_every_interface(host):
    for place in ("all", "default", "eth0", "eth1"):
        assert host.sysctl(f"net.ipv4.conf.{place}.rp_filter") == 2
        assert host.sysctl(f"net.ipv4.conf.{place}.accept_redirects") == 0
        assert host.sysctl(f"net.ipv6.conf.{place}.accept_redirects") == 0


def test_settings_of_the_host_are_left_out_with_the_reason(host):
    lines = host.file("/etc/sysctl.d/60-hardening.conf").content_string.splitlines()
    line = "# kernel.kptr_restrict = 2  # the host's: this is a container (lxc)"
    assert line in lines
    assert not [setting for setting in lines if setting.startswith(("kernel.", "fs.", "vm."))]


def test_settings_are_those_of_the_next_boot_too(host):
    host.check_output("sysctl -w net.ipv4.conf.eth1.rp_filter=1")
    host.check_output("systemctl restart systemd-sysctl")
    assert host.sysctl("net.ipv4.conf.eth1.rp_filter") == 2
