"""Nodes of an environment with `packages: installed`: healthy, unconfigured, without secrets."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploykit.base.progress import Silent
from deploykit.nodes import ssh
from deploykit.nodes.inventory import Inventory
from deploykit.providers.lxd import LxdProvider
from deploykit.site.content import read_content

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))
from lxdsite import lxd_or_skip, scratch_site

pytestmark = [pytest.mark.nodes, pytest.mark.timeout(1800)]
ENVIRONMENT = """\
name: ready
packages: installed
networks: {management: {cidr: 10.78.0.0/24}}
nodes:
  salt: {roles: [master], at: 10}
  compute: {roles: [hypervisor], at: 31}
"""
SECRETS = (
    "/var/lib/rabbitmq/.erlang.cookie",
    "/etc/ssl/private/ssl-cert-snakeoil.key",
    "/etc/keystone/fernet-keys/0",
    "/etc/keystone/credential-keys/0",
    "/var/lib/openstack-dashboard/secret-key/.secret_key_store",
)


@pytest.fixture(scope="module")
def inventory(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inventory]:
    """Two nodes made of the layer of this checkout's content, one of them privileged."""
    lxd_or_skip()
    base = tmp_path_factory.mktemp("ready")
    (base / "salt").symlink_to(checkout / "salt")
    with scratch_site(base / "site", base / "state", {"ready": ENVIRONMENT}) as site:
        tags = {"purpose": "tests"}
        yield LxdProvider(site).up(site.environment("ready"), "ready", tags, Silent())


@pytest.fixture(params=["salt", "compute"])
def node(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def on(inventory: Inventory, node: str, line: str) -> str:
    found = ssh.run_on(inventory.host(node), inventory, line, timeout=90, check=False)
    return found.stdout.strip()


def test_node_starts_healthy_and_runs_nothing_that_is_not_configured(
    inventory: Inventory, node: str
) -> None:
    assert on(inventory, node, "systemctl is-system-running --wait") == "running"
    services = on(inventory, node, "systemctl list-units -t service --state=running --plain -q")
    running = {line.split()[0].removesuffix(".service") for line in services.splitlines()}
    usual = ("systemd-", "dbus", "ssh", "getty", "console-getty", "user@", "container-getty")
    assert {name for name in running if not name.startswith(usual)} == set()
    sockets = on(inventory, node, "ss -Hltn | awk '{print $4}' | grep -v ':22$'")
    assert sockets == ""


def test_every_package_of_the_content_is_installed(
    checkout: Path, inventory: Inventory, node: str
) -> None:
    packages = " ".join(read_content(checkout / "salt").packages())
    line = f"dpkg-query -W -f '${{db:Status-Abbrev}}\\n' {packages} | sort -u"
    assert on(inventory, node, line) == "ii"
    assert on(inventory, node, "dpkg --audit") == ""
    assert on(inventory, node, "dpkg-divert --list '*py3compile*'") == ""
    modules = "ls /usr/lib/python3/dist-packages/keystone/__pycache__ | grep -c cpython"
    assert int(on(inventory, node, modules)) > 0


def test_no_secret_and_no_identity_is_shared_by_the_nodes(inventory: Inventory) -> None:
    for path in SECRETS:
        assert on(inventory, "salt", f"ls {path} 2>/dev/null") == "", path
    for what in ("cat /etc/machine-id", "cat /etc/ssh/ssh_host_ed25519_key.pub", "hostname"):
        assert on(inventory, "salt", what) != on(inventory, "compute", what)
    # Accounts of the database as its package makes them: none has a password that works.
    look = (
        "mkdir /tmp/db && cp -a /var/lib/mysql/. /tmp/db && mariadbd --no-defaults"
        " --datadir=/tmp/db --user=mysql --skip-networking --socket=/tmp/db/s"
        " --pid-file=/tmp/db/p >/dev/null 2>&1 & "
        "for i in $(seq 60); do mariadb -S /tmp/db/s -e 'select 1' >/dev/null 2>&1 && break;"
        " sleep 1; done; mariadb -S /tmp/db/s -N -e 'select authentication_string from mysql.user';"
        " mariadb-admin -S /tmp/db/s shutdown; rm -rf /tmp/db"
    )
    assert set(on(inventory, "salt", look).split()) <= {"invalid"}


def test_hypervisor_has_its_tun_device(inventory: Inventory) -> None:
    assert on(inventory, "compute", "test -c /dev/net/tun && echo yes") == "yes"
