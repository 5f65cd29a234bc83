"""The API answers behind the load balancer, and the hypervisor is known to it."""

import pytest

ADDRESS = "10.90.0.11"


@pytest.mark.parametrize(
    "unit", ["nova-api", "nova-conductor", "nova-scheduler", "nova-compute", "nova-compute-peers"]
)
def test_service_runs_and_comes_back_at_boot(host, unit):
    assert host.service(unit).is_running
    assert host.service(unit).is_enabled


def test_load_balancer_leads_to_the_api(host):
    assert '"versions"' in host.check_output("curl -s -m 20 https://%s:8774/", ADDRESS)


def test_nobody_gets_in_without_a_token(host):
    status = host.check_output(
        "curl -s -m 20 -o /dev/null -w %s https://%s:8774/v2.1/servers", "%{http_code}", ADDRESS
    )
    assert status == "401"


def test_hypervisor_is_mapped_to_the_cell(host):
    asked = "SELECT host FROM host_mappings"
    assert host.check_output("mariadb -N nova_api -e %s", asked).split() == ["region"]


def test_settings_with_passwords_are_for_the_service_alone(host):
    settings = host.file("/etc/nova/nova.conf")
    assert (settings.user, settings.group, settings.mode) == ("root", "nova", 0o640)
