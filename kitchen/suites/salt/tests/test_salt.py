"""A machine that had no Salt runs the locked one, with nothing that builds or fetches it."""


def test_link_leads_to_the_one_folder(host):
    (folder,) = host.check_output("ls -d /opt/salt-*").split()
    assert host.file("/opt/salt").linked_to == folder
    assert host.check_output("ls -A /opt").split() == ["salt", folder.removeprefix("/opt/")]


def test_programs_name_their_own_folder(host):
    folder = host.check_output("readlink -f /opt/salt")
    assert host.file("/opt/salt/bin/salt-call").content_string.startswith(f"#!{folder}/bin/")
    pid = host.check_output("systemctl show salt-master -P MainPID")
    assert host.check_output("tr '\\0' '\\n' </proc/%s/cmdline | head -n 1", pid).startswith(folder)


def test_salt_sees_debians_packages_and_answers(host):
    assert host.run("/opt/salt/bin/python3 -c 'import apt, salt'").rc == 0
    assert host.run("/opt/salt/bin/salt-call --local test.ping").rc == 0


def test_nothing_that_builds_came_with_it(host):
    for package in ("gcc", "python3-venv", "python3-pip", "python3-dev"):
        assert not host.package(package).is_installed
