"""memcached answers on the management address only."""

ADDRESS = "10.90.0.11"


def test_cache_runs_and_comes_back_at_boot(host):
    cache = host.service("memcached")
    assert cache.is_running
    assert cache.is_enabled


def test_cache_listens_on_the_management_address_only(host):
    listening = host.check_output("ss -Hltnu sport = :11211").splitlines()
    assert [line.split()[4] for line in listening] == [f"{ADDRESS}:11211"]


def test_cache_keeps_what_it_is_given(host):
    asked = "set k 0 9 5\\r\\nvalue\\r\\nget k\\r\\nquit\\r\\n"
    line = f"exec 3<>/dev/tcp/{ADDRESS}/11211; printf '{asked}' >&3; cat <&3"
    assert host.check_output("timeout 5 bash -c %s", line).split() == (
        ["STORED", "VALUE", "k", "0", "5", "value", "END"]
    )
