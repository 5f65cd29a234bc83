"""Where packages come from: bookworm alone, then with security updates, over a real deployment."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))
from lxdsite import lxd_or_skip
from railway import Railway, build

pytestmark = [pytest.mark.nodes, pytest.mark.timeout(2700)]
ENVIRONMENT = """\
name: vendor
networks:
  management: {cidr: 10.79.0.0/24}
nodes:
  region: {roles: [master, database, cache, identity, load-balancer], at: 11}
"""
VENDOR = "salt/pillar/vendor.sls"
ALL, ALONE = "suites: [bookworm, bookworm-updates, bookworm-security]", "suites: [bookworm]"
# Unit by package, of those that the two have in different versions.
UNITS = {
    "memcached": "memcached",
    "haproxy": "haproxy",
    "keystone": "keystone",
    "mariadb-server": "mariadb",
}
LEVEL = "/var/lib/vendor/level"
PORT = 3199
CALL = "/opt/salt/bin/salt-call --log-level=quiet --out=json"


@pytest.fixture(scope="module")
def region(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Railway]:
    """A region on one node whose release takes its packages from bookworm alone."""
    lxd_or_skip()
    railway = build(
        checkout, tmp_path_factory.mktemp("vendor") / "checkout", {"vendor": ENVIRONMENT}
    )
    railway.change(VENDOR, ALL, ALONE)
    try:
        railway("env", "up", "vendor")
        railway("deploy", railway.cut(), "vendor", timeout=800)
        yield railway
    finally:
        railway("env", "down", "vendor", "--yes")


def on_node(region: Railway, line: str) -> str:
    return region.on_node("vendor", "region", line).strip()


def installed(region: Railway) -> dict[str, str]:
    lines = on_node(region, f"dpkg-query -W -f '${{Package}} ${{Version}}\\n' {' '.join(UNITS)}")
    return dict(line.split() for line in lines.splitlines())


def offered(region: Railway, package: str) -> dict[str, str]:
    """The newest version of a package in each suite that has it."""
    found: dict[str, str] = {}
    for line in on_node(region, f"apt-cache madison {package}").splitlines():
        _, version, source = (word.strip() for word in line.split("|"))
        found.setdefault(source.split()[1].split("/")[0], version)
    return found


def starts(region: Railway) -> dict[str, float]:
    """When each service was started or reloaded, in seconds since 1970."""
    line = 'for unit in %s; do date -d "$(systemctl show $unit -P StateChangeTimestamp)" +%%s; done'
    times = on_node(region, line % " ".join(UNITS.values())).split()
    return dict(zip(UNITS, map(float, times), strict=True))


def test_node_has_what_bookworm_alone_offers_and_nothing_newer(region: Railway) -> None:
    versions = installed(region)
    for package in UNITS:
        suites = offered(region, package)
        assert versions[package] == suites["bookworm"] != suites["bookworm-security"], package


def test_packages_of_an_image_that_is_newer_get_their_siblings(region: Railway) -> None:
    """Python of the image is from the security suite: its library, which uwsgi needs, as well."""
    line = "dpkg-query -W -f '${Version}\\n' libpython3.11 libpython3.11-stdlib | sort -u | wc -l"
    assert on_node(region, line) == "1"
    assert on_node(region, "apt-get -s check && dpkg --audit | wc -l").splitlines()[-1] == "0"


def unpacked(region: Railway) -> dict[str, float]:
    """When each package came, in seconds since 1970."""
    line = " ".join(f"/var/lib/dpkg/info/{package}.list" for package in UNITS)
    times = on_node(region, f"stat -c %Y {line}").split()
    return dict(zip(UNITS, map(float, times), strict=True))


def test_release_with_security_updates_upgrades_each_service_in_its_stage(region: Railway) -> None:
    before = starts(region)
    region.change(VENDOR, ALONE, ALL)
    region("deploy", region.cut(), "vendor", timeout=800)
    versions, came, after = installed(region), unpacked(region), starts(region)
    noted = float(on_node(region, f"stat -c %Y {LEVEL}"))
    for package in UNITS:
        assert versions[package] == offered(region, package)["bookworm-security"], package
        assert before[package] < came[package] <= after[package] <= noted, package
    # Of the foundation all runs, and is new, before identity's package comes.
    others = [package for package in UNITS if package != "keystone"]
    assert max(after[package] for package in others) <= came["keystone"]
    assert on_node(region, "ls /etc/apt/preferences.d") == ""
    assert on_node(region, "ls -A /var/lib/vendor") == "level\nnewest"
    newer = "apt-get -s --no-install-recommends --with-new-pkgs upgrade | grep -c ^Inst || true"
    assert on_node(region, newer) == "0"


def test_packages_that_came_with_others_are_still_theirs(region: Railway) -> None:
    """A library goes with the last that needs it; naming it to apt would keep it for good."""
    assert "libevent-2.1-7" in on_node(region, "apt-mark showauto").split()


def test_deployment_that_is_given_up_leaves_no_plan(region: Railway) -> None:
    """As if it had ended before any stage; the release that runs is deployed again."""
    words = "memcached=memcached -- chrony=chrony"
    on_node(region, f"/usr/local/sbin/vendor-plan make 'another level' {words}")
    assert on_node(region, "ls /var/lib/vendor/plan") == "chrony\nmemcached"
    region("deploy", region.running("vendor"), "vendor")
    assert on_node(region, "ls -A /var/lib/vendor") == "level\nnewest"


def test_release_without_updates_asks_no_mirror_and_restarts_nothing(region: Railway) -> None:
    before = starts(region)
    region.change("salt/pillar/haproxy.sls", "max_connections: 1000", "max_connections: 999")
    look = f"stat -c '%n %y' {LEVEL} /var/lib/apt/lists/partial /var/log/apt/history.log"
    stamps = on_node(region, look)
    region("deploy", region.cut(), "vendor")
    after = starts(region)
    assert on_node(region, look) == stamps
    assert {name for name in UNITS if after[name] != before[name]} <= {"haproxy"}


def test_stage_of_packages_that_was_run_changes_nothing(region: Railway) -> None:
    answer = json.loads(on_node(region, f"{CALL} state.apply stage.prepare"))
    states = answer["local"].values()
    assert not [one for one in states if one["changes"] or one["result"] is not True]


def test_library_that_was_upgraded_restarts_what_stands_on_it(region: Railway) -> None:
    """As an upgrade of libevent would: memcached's own package stays what it is."""
    before = starts(region)
    on_node(region, "touch /var/lib/dpkg/info/libevent-2.1-7:amd64.list")
    region.change(VENDOR, "updates: '", "updates: 'later ")
    region("deploy", region.cut(), "vendor")
    after = starts(region)
    assert after["memcached"] > before["memcached"]
    assert after["haproxy"] == before["haproxy"]


@pytest.fixture
def mirror(region: Railway) -> Iterator[Railway]:
    """apt on the node goes through a proxy that a test starts (`fault`)."""
    text = (Path(__file__).resolve().parents[1] / "support" / "faultymirror.py").read_bytes()
    on_node(region, f"echo {base64.b64encode(text).decode()} | base64 -d >/root/faultymirror")
    try:
        yield region
    finally:
        on_node(region, "systemctl stop faultymirror; rm -f /etc/apt/apt.conf.d/99fault; true")


def fault(region: Railway, times: int) -> None:
    """Packages fail `times` times from now on."""
    on_node(
        region,
        "via=$(apt-config dump --format '%v' Acquire::http::Proxy);"
        " systemd-run -q --unit faultymirror --collect -p StandardOutput=truncate:/root/asked"
        f" python3 /root/faultymirror {PORT} {times} $via;"
        f" echo 'Acquire::http::Proxy \"http://127.0.0.1:{PORT}\";' >/etc/apt/apt.conf.d/99fault",
    )


def test_package_that_no_mirror_gives_is_tried_again_and_named(mirror: Railway) -> None:
    fault(mirror, 1000)
    mirror.change("salt/pillar/memcached.sls", "[memcached]", "[memcached, hello]")
    done = mirror("deploy", mirror.cut(), "vendor", status=1, timeout=800)
    assert re.search(r"hello cannot be had or installed: 503", done.stdout + done.stderr)
    assert on_node(mirror, "grep -c /hello_ /root/asked") >= "3"


def test_mirror_that_fails_for_a_while_is_waited_for(mirror: Railway) -> None:
    fault(mirror, 2)
    mirror("deploy", "latest", "vendor", timeout=800)
    assert on_node(mirror, "dpkg-query -W -f '${db:Status-Abbrev}' hello") == "ii"
