"""The API answers behind the load balancer, and every agent reports to it."""

import pytest

ADDRESS = "10.90.0.11"
AGENTS = ("linuxbridge", "dhcp", "l3", "metadata")


@pytest.mark.parametrize(
    "unit", ["neutron-api", "neutron-rpc-server", *(f"neutron-{agent}-agent" for agent in AGENTS)]
)
def test_service_runs_and_comes_back_at_boot(host, unit):
    assert host.service(unit).is_running
    assert host.service(unit).is_enabled


def test_load_balancer_leads_to_the_api(host):
    assert '"versions"' in host.check_output("curl -s -m 20 https://%s:9696/", ADDRESS)


def test_nobody_gets_in_without_a_token(host):
    status = host.check_output(
        "curl -s -m 20 -o /dev/null -w %s https://%s:9696/v2.0/networks", "%{http_code}", ADDRESS
    )
    assert status == "401"


def test_every_agent_is_in_the_database(host):
    asked = "SELECT COUNT(DISTINCT binary_name) FROM (SELECT `binary` AS binary_name FROM agents) a"
    assert host.check_output("mariadb -N neutron -e %s", asked) == str(len(AGENTS))


def test_settings_with_passwords_are_for_the_service_alone(host):
    settings = host.file("/etc/neutron/neutron.conf")
    assert (settings.user, settings.group, settings.mode) == ("root", "neutron", 0o640)
