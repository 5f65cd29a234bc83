"""The API answers behind the load balancer, and its scheduler is alive and asked."""

import json
from pathlib import Path

import pytest

ADDRESS = "10.90.0.11"
SCRIPT = (Path(__file__).parent / "ask_for_volume.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("unit", ["cinder-api", "cinder-scheduler"])
def test_service_runs_and_comes_back_at_boot(host, unit):
    assert host.service(unit).is_running
    assert host.service(unit).is_enabled


def test_service_listens_for_its_own_node_only(host):
    listening = host.check_output("ss -Hltn sport = :18776").splitlines()
    assert [line.split()[3] for line in listening] == ["127.0.0.1:18776"]


def test_load_balancer_leads_to_the_api(host):
    assert '"versions"' in host.check_output("curl -s -m 20 https://%s:8776/", ADDRESS)


def test_nobody_gets_in_without_a_token(host):
    status = host.check_output(
        "curl -s -m 20 -o /dev/null -w %s https://%s:8776/v3/volumes", "%{http_code}", ADDRESS
    )
    assert status == "401"


def test_schema_is_in_the_database(host):
    tables = host.check_output("mariadb -N -e %s", "SHOW TABLES FROM cinder").split()
    assert {"volumes", "snapshots", "services", "alembic_version"} <= set(tables)


def test_volume_that_no_node_can_keep_is_refused_by_the_scheduler_and_deleted(host):
    password = json.loads(host.check_output("cat /srv/kitchen/pillar/region.json"))["secrets"]
    result = host.run(
        "KEYSTONE_PASSWORD=%s python3 -c %s %s", password["keystone_admin"], SCRIPT, ADDRESS
    )
    assert result.rc == 0, result.stderr
    answer = json.loads(result.stdout)
    (why,) = answer.pop("why")
    assert "Could not find any available weighted backend" in why
    assert answer == {
        "services": ["cinder-scheduler"],
        "asked": 202,
        "became": "error",
        "left": False,
    }


def test_settings_with_passwords_are_for_the_service_alone(host):
    settings = host.file("/etc/cinder/cinder.conf")
    assert (settings.user, settings.group, settings.mode) == ("root", "cinder", 0o640)


def test_nothing_of_a_node_for_volumes_runs_here(host):
    for unit in ("cinder-volume", "tgt", "iscsid"):
        assert not host.service(unit).is_running, unit
