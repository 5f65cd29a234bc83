"""Stacks are made and deleted behind the load balancer, with users of a domain of their own."""

import json
from pathlib import Path

import pytest

ADDRESS = "10.90.0.11"
HERE = Path(__file__).parent


@pytest.mark.parametrize("unit", ["heat-api", "heat-engine"])
def test_service_runs_and_comes_back_at_boot(host, unit):
    assert host.service(unit).is_running
    assert host.service(unit).is_enabled


def test_service_listens_for_its_own_node_only(host):
    listening = host.check_output("ss -Hltn sport = :18004").splitlines()
    assert [line.split()[3] for line in listening] == ["127.0.0.1:18004"]


def test_load_balancer_leads_to_the_api(host):
    assert '"versions"' in host.check_output("curl -s -m 20 https://%s:8004/", ADDRESS)


def test_nobody_gets_in_without_a_token(host):
    status = host.check_output(
        "curl -s -m 20 -o /dev/null -w %s https://%s:8004/v1/nobody/stacks", "%{http_code}", ADDRESS
    )
    assert status == "401"


def test_schema_is_in_the_database(host):
    tables = host.check_output("mariadb -N -e %s", "SHOW TABLES FROM heat").split()
    assert {"stack", "resource", "service", "migrate_version"} <= set(tables)


def answer_of(host, name):
    """What the script of that name says, run as the region's admin."""
    password = json.loads(host.check_output("cat /srv/kitchen/pillar/region.json"))["secrets"]
    script = (HERE / name).read_text(encoding="utf-8")
    result = host.run(
        "KEYSTONE_PASSWORD=%s python3 -c %s %s", password["keystone_admin"], script, ADDRESS
    )
    assert result.rc == 0, result.stderr
    return json.loads(result.stdout)


def test_stack_is_made_with_a_user_of_its_own_and_nothing_of_it_is_left(host):
    answer = answer_of(host, "make_a_stack.py")
    assert answer.pop("why") == "Stack CREATE completed successfully"
    assert answer == {
        "engines": 1,
        "became": "CREATE_COMPLETE",
        "secret": 24,
        "users": 1,
        "left": 0,
    }


def test_group_grows_by_a_trust_when_told_and_the_trust_goes_with_its_stack(host):
    assert answer_of(host, "grow_a_stack.py") == {
        "before": 1,
        "trusts": 1,
        "after": 2,
        "why": "CREATE_COMPLETE: Stack CREATE completed successfully",
        "left": 0,
    }


def test_domain_that_lost_its_admin_s_password_is_told_and_mended(host):
    line = "/usr/local/sbin/heat-domain %s /etc/heat/heat.conf"
    assert host.run(line, "check").rc == 0
    # As if the secret had been rotated: another word stands in the settings.
    altered = "sed 's/^stack_domain_admin_password = ./&x/' /etc/heat/heat.conf >/root/altered.conf"
    host.check_output(altered)
    result = host.run("/usr/local/sbin/heat-domain check /root/altered.conf")
    assert result.rc == 1
    assert "heat_domain_admin" in result.stderr
    host.check_output("/usr/local/sbin/heat-domain apply /root/altered.conf")
    assert host.run(line, "check").rc == 1
    host.check_output(line, "apply")
    assert host.run(line, "check").rc == 0
    host.check_output("rm /root/altered.conf")


def test_settings_with_passwords_are_for_the_service_alone(host):
    settings = host.file("/etc/heat/heat.conf")
    assert (settings.user, settings.group, settings.mode) == ("root", "heat", 0o640)
