"""Identity answers to its own node, where TLS leads; keys and settings are for it alone."""

import json
import time
from pathlib import Path

ADDRESS = "127.0.0.1"
SCRIPT = (Path(__file__).parent / "first_requests.py").read_text(encoding="utf-8")


def url(host):
    """Where the unit listens: the content's ports of the service and of its processes' state."""
    places = {
        line.split()[3] for line in host.check_output("ss -Hltnp").splitlines() if "uwsgi" in line
    }
    assert places == {f"{ADDRESS}:15000", f"{ADDRESS}:25000"}
    return f"http://{ADDRESS}:15000/v3"


def test_identity_runs_and_comes_back_at_boot(host):
    identity = host.service("keystone")
    assert identity.is_running
    assert identity.is_enabled


def test_identity_answers_to_its_own_node_only(host):
    document = json.loads(host.check_output("curl -s -m 20 %s", url(host)))
    assert document["version"]["id"].startswith("v3")


def test_wrong_password_is_refused(host):
    user = {"name": "admin", "domain": {"name": "Default"}, "password": "wrong"}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    status = host.check_output(
        "curl -s -m 20 -o /dev/null -w %s -H %s -d %s %s/auth/tokens",
        "%{http_code}",
        "Content-Type: application/json",
        json.dumps(body),
        url(host),
    )
    assert status == "401"


def test_keys_and_settings_are_for_identity_alone(host):
    keys = host.file("/etc/keystone/fernet-keys")
    assert (keys.user, keys.mode) == ("keystone", 0o700)
    settings = host.file("/etc/keystone/keystone.conf")
    assert (settings.user, settings.group, settings.mode) == ("root", "keystone", 0o640)
    assert settings.contains("^connection = mysql")


def test_schema_is_in_the_database(host):
    tables = host.check_output("mariadb -N -e %s", "SHOW TABLES FROM keystone").split()
    assert {"project", "user", "endpoint", "alembic_version"} <= set(tables)


def test_first_requests_that_come_at_once_are_all_answered(host):
    password = json.loads(host.check_output("cat /srv/kitchen/pillar/region.json"))["secrets"]
    result = host.run(
        "KEYSTONE_PASSWORD=%s python3 -c %s %s", password["keystone_admin"], SCRIPT, url(host)
    )
    assert (result.rc, result.stdout) == (0, ""), result.stderr


def test_restarts_of_identity_crash_nothing(host):
    """After the test before, which restarts it several times."""
    assert "Segmentation" not in host.check_output("journalctl -u keystone -o cat")


def test_what_identity_says_is_in_the_journal_and_in_the_region_s_log(host):
    """This node keeps the region's log; a sender's way there is the suite `logging`."""
    path = f"/v3/asked-at-{time.time()}"
    host.run("curl -s -m 20 %s", url(host).removesuffix("/v3") + path)
    for place in ("journalctl -u keystone -o cat", "cat /var/log/region/region.log"):
        wait = f"until {place} | grep -F {path}; do sleep 0.2; done"
        assert host.run("timeout 20 sh -c %s", wait).rc == 0, place
    assert host.check_output("find /var/log/keystone -type f -size +0") == ""
