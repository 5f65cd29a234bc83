"""The node takes its packages from the suites that the content names, and says which it lacks."""

import pytest

SUITES = "/usr/local/sbin/vendor-suites"
HELD = "/etc/apt/preferences.d/vendor"
PLAN = "/usr/local/sbin/vendor-plan"
STALE = "/usr/local/sbin/vendor-stale"
HOME = "/var/lib/vendor"


def candidate(host, package):
    lines = host.check_output("apt-cache policy %s", package).splitlines()
    return next(line.split()[1] for line in lines if "Candidate:" in line)


def test_every_suite_is_taken_from_as_shipped(host):
    assert not host.file(HELD).exists


def test_suite_that_is_held_back_offers_nothing(host):
    newest = candidate(host, "memcached")
    try:
        host.check_output("%s apply bookworm", SUITES)
        assert candidate(host, "memcached") != newest
        assert host.run("%s check bookworm", SUITES).rc == 0
        assert host.run("%s check bookworm bookworm-security", SUITES).rc == 1
    finally:
        host.check_output("%s apply bookworm bookworm-updates bookworm-security", SUITES)
    assert candidate(host, "memcached") == newest


def test_suite_without_a_source_is_refused_by_name(host):
    result = host.run("%s apply bookworm bookworm-backports", SUITES)
    assert result.rc == 1
    assert "no source of bookworm-backports" in result.stderr


def apt(host, words):
    host.check_output(f"DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends {words}")


@pytest.fixture(scope="module")
def newest(host):
    """memcached as bookworm alone has it; its version in all suites. Gone at the end."""
    found = candidate(host, "memcached")
    lines = host.check_output("apt-cache madison memcached").splitlines()
    (old,) = {line.split("|")[1].strip() for line in lines if " bookworm/" in line}
    assert old != found
    apt(host, f"--allow-downgrades install memcached={old}")
    yield found
    host.check_output("systemctl stop memcached")
    apt(host, "purge memcached")
    apt(host, "--purge autoremove")


def version(host, package):
    return host.check_output("dpkg-query -W -f '${Version}' %s", package)


def test_share_of_a_component_is_planned_brought_and_noted(host, newest):
    """What is newer stays away until it is asked for, and who asked for which stays as it was."""
    asked_for = host.check_output("apt-mark showmanual")
    host.check_output(f"{PLAN} make 'some level' memcached=memcached -- chrony=chrony")
    assert version(host, "memcached") != newest
    assert f"memcached={newest}" in host.file(f"{HOME}/plan/memcached").content_string.split()
    host.check_output(f"{PLAN} bring memcached=memcached")
    assert version(host, "memcached") == newest
    noted = host.file(f"{HOME}/newest/memcached").mtime
    assert noted >= host.file("/var/lib/dpkg/info/memcached.list").mtime
    assert not host.file(f"{HOME}/plan/memcached").exists
    host.check_output(f"{PLAN} rest memcached=memcached chrony=chrony")
    assert host.file(f"{HOME}/level").content_string == "some level\n"
    assert not host.file(f"{HOME}/plan").exists
    assert host.check_output("apt-mark showmanual") == asked_for


def test_older_version_comes_back_where_a_deployment_goes_back(host, newest):
    """Of memcached and what it stands on; other shares are dropped, and newer ones come again."""
    asked_for = host.check_output("apt-mark showmanual")
    host.check_output("%s apply bookworm", SUITES)
    try:
        host.check_output(f"{PLAN} back bookworm 'a level' memcached=memcached -- chrony=chrony")
        assert host.file(f"{HOME}/level").content_string == "going back\n"
        host.check_output(f"{PLAN} bring memcached=memcached")
        assert version(host, "memcached") != newest
        assert host.run("dpkg --audit").stdout == ""
    finally:
        host.check_output(f"{PLAN} drop memcached=memcached chrony=chrony")
        host.check_output("%s apply bookworm bookworm-updates bookworm-security", SUITES)
    assert not host.file(f"{HOME}/older").exists
    host.check_output(f"{PLAN} make 'some level' memcached=memcached -- chrony=chrony")
    host.check_output(f"{PLAN} rest memcached=memcached chrony=chrony")
    assert version(host, "memcached") == newest
    assert host.check_output("apt-mark showmanual") == asked_for


def test_service_on_a_library_that_was_replaced_is_told_until_it_restarts(host, newest):
    host.check_output("systemctl restart memcached")
    assert host.run(f"{STALE} memcached").rc == 0
    apt(host, "install --reinstall libevent-2.1-7")
    result = host.run(f"{STALE} memcached")
    assert result.rc == 1
    assert "memcached.service runs on what is gone: " in result.stderr
    assert "libevent" in result.stderr
    assert host.run(f"{STALE} openssh-server").rc == 0
    host.check_output("systemctl restart memcached")
    assert host.run(f"{STALE} memcached").rc == 0
