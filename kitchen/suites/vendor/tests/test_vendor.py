"""The node takes its packages from the suites that the content names, and says which it lacks."""

SUITES = "/usr/local/sbin/vendor-suites"
HELD = "/etc/apt/preferences.d/vendor"


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
