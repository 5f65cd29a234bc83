"""A Salt master that listens on the management network and accepts nobody by itself."""

import pytest

ADDRESS = "10.90.0.11"


def test_master_runs_and_comes_back_at_boot(host):
    master = host.service("salt-master")
    assert master.is_running
    assert master.is_enabled


def test_master_listens_on_the_management_address_only(host):
    sockets = host.check_output("ss -Hltn").splitlines()
    ports = {line.split()[3] for line in sockets if line.split()[3].endswith((":4505", ":4506"))}
    assert ports == {f"{ADDRESS}:4505", f"{ADDRESS}:4506"}


def test_strangers_are_not_accepted(host):
    settings = host.file("/etc/salt/master")
    assert settings.contains("^auto_accept: False")
    assert settings.contains("^open_mode: False")
    assert settings.contains("^fileserver_followsymlinks: False")


def test_secrets_folder_is_for_root_alone(host):
    assert host.file("/srv/environment").mode == 0o700
    assert host.file("/srv/environment/pillar").mode == 0o700


def test_external_pillar_gives_nothing_to_names_that_are_none(host):
    (file,) = host.check_output("ls /etc/salt/extmods/pillar/*.py").split()
    code = (
        "import importlib.util as u, sys; s = u.spec_from_file_location('e', sys.argv[1]);"
        "m = u.module_from_spec(s); s.loader.exec_module(m);"
        "print(m.ext_pillar('../secrets', {}, '/srv/environment/pillar'))"
    )
    assert host.check_output("/opt/salt/bin/python3 -c %s %s", code, file) == "{}"


def test_master_does_not_run_without_its_packet_filter(host):
    needs = host.check_output("systemctl show -P Requires salt-master").split()
    assert "salt-master-filter.service" in needs
    assert host.service("salt-master-filter").is_enabled
    assert "policy drop" in host.check_output("nft list chain inet salt_master input")


def test_tables_of_others_survive_a_reload_of_the_filter(host):
    host.check_output("nft add table ip kitchen_neutron")
    try:
        host.check_output("systemctl reload salt-master-filter")
        tables = host.check_output("nft list tables").splitlines()
        assert {"table ip kitchen_neutron", "table inet salt_master"} <= set(tables)
    finally:
        host.check_output("nft delete table ip kitchen_neutron")


def in_its_place(host, line):
    """What a line of shell ends with where the master's service is: its mounts, its rights."""
    pid = host.check_output("systemctl show -P MainPID salt-master")
    return host.run("nsenter -t %s -m -- sh -c %s", pid, line).rc


@pytest.mark.parametrize("place", ["/tmp", "/var/tmp", "/dev/shm", "/home", "/root", "/run/lock"])
def test_master_sees_nothing_that_others_may_have_written(host, place):
    host.check_output("mkdir -p %s && touch %s/kitchen", place, place)
    try:
        assert in_its_place(host, f"test -e {place}/kitchen") != 0
    finally:
        host.check_output("rm %s/kitchen", place)


def test_master_writes_to_its_own_folders_only(host):
    for place in ("/etc", "/srv/kits", "/usr/local", "/var/lib", "/etc/salt/pki/minion"):
        host.check_output("mkdir -p %s", place)
        assert in_its_place(host, f"touch {place}/kitchen") != 0, place
    for place in ("/etc/salt/pki/master", "/var/cache/salt/master", "/run/salt/master"):
        assert in_its_place(host, f"touch {place}/kitchen && rm {place}/kitchen") == 0, place


def test_master_sees_the_pillar_of_minions_and_no_other_secret(host):
    host.check_output("mkdir -p /srv/environment/ca && touch /srv/environment/ca/kitchen")
    host.check_output("touch /srv/environment/pillar/kitchen /srv/environment/kitchen")
    try:
        assert in_its_place(host, "test -e /srv/environment/pillar/kitchen") == 0
        assert in_its_place(host, "test -e /srv/environment/ca") != 0
        assert in_its_place(host, "test -e /srv/environment/kitchen") != 0
    finally:
        host.check_output(
            "rm -r /srv/environment/ca /srv/environment/kitchen /srv/environment/pillar/kitchen"
        )


def test_master_can_do_no_more_than_it_needs(host):
    pid = host.check_output("systemctl show -P MainPID salt-master")
    status = host.file(f"/proc/{pid}/status").content_string
    assert "NoNewPrivs:\t1" in status
    bounding = int(status.split("CapBnd:\t")[1].split()[0], 16)
    assert not bounding & 1 << 21, "CAP_SYS_ADMIN"
