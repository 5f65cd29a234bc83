"""Placement answers on the management address, with its schema in the database."""

ADDRESS = "10.90.0.11"


def test_service_runs_and_comes_back_at_boot(host):
    service = host.service("placement-api")
    assert service.is_running
    assert service.is_enabled


def test_service_listens_for_its_own_node_only(host):
    listening = host.check_output("ss -Hltn sport = :18778").splitlines()
    assert [line.split()[3] for line in listening] == ["127.0.0.1:18778"]


def test_load_balancer_leads_to_it(host):
    document = host.check_output("curl -s -m 20 https://%s:8778/", ADDRESS)
    assert '"versions"' in document


def test_nobody_gets_in_without_a_token(host):
    status = host.check_output(
        "curl -s -m 20 -o /dev/null -w %s https://%s:8778/resource_providers",
        "%{http_code}",
        ADDRESS,
    )
    assert status == "401"


def test_schema_is_in_the_database(host):
    tables = host.check_output("mariadb -N -e %s", "SHOW TABLES FROM placement").split()
    assert {"resource_providers", "allocations", "alembic_version"} <= set(tables)
