"""Prometheus sees every service of the node, and tells who has the password, and Alertmanager.

Each test that stops something waits for its alert, by rules that fire at once, and starts it again.
"""

import json
import time
import urllib.parse

import pytest

ADDRESS = "10.90.0.11"
RULES = "/etc/prometheus/rules"
PASSWORD = "/etc/prometheus/prometheus-access/password"
JOBS = {"node": 9100, "mysqld": 9104, "rabbitmq": 15692, "memcached": 9150, "haproxy": 8405}
PATIENCE = 150  # seconds for two looks and an evaluation
pytestmark = pytest.mark.timeout(4 * PATIENCE)


def asked(host, path, port=9090):
    """What the API of Prometheus (or Alertmanager) answers, with the node's own password."""
    line = f'printf \'user = "region:%s"\' "$(cat {PASSWORD})"'
    line += f" | curl -sS -m 20 -K - https://{ADDRESS}:{port}{path}"
    return json.loads(host.check_output("bash -c %s", line))


def waited(look, wanted):
    """What `look` returns as soon as it is `wanted`, else what it returned at the end."""
    until = time.monotonic() + PATIENCE
    while True:
        answer = look()
        if wanted(answer) or time.monotonic() > until:
            return answer
        time.sleep(2)


def firing(host):
    alerts = asked(host, "/api/v1/alerts")["data"]["alerts"]
    return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}


@pytest.fixture
def hasty(host):
    """Rules that wait for nothing and figures of every 5 seconds, as long as the test goes on."""
    settings = "/etc/prometheus/prometheus.yml"
    host.check_output(f"cp -a {RULES} /run/rules && cp -a {settings} /run/settings")
    host.check_output(f"sed -i 's/^        for: .*/        for: 0s/' {RULES}/*.yml")
    quick = r"s/\(scrape_interval\|evaluation_interval\|scrape_timeout\): .*/\1: 5s/"
    host.check_output(f"sed -i '{quick}' {settings}")
    host.check_output("systemctl reload prometheus")
    yield
    host.check_output(f"cp -a /run/rules/. {RULES} && cp -a /run/settings {settings}")
    host.check_output("rm -r /run/rules /run/settings && systemctl reload prometheus")


@pytest.mark.parametrize("unit", ["prometheus", "prometheus-alertmanager", "openstack-exporter",
                                  "prometheus-mysqld-exporter", "memcached-exporter"])  # fmt: skip
def test_watcher_runs_and_comes_back_at_boot(host, unit):
    assert host.service(unit).is_running
    assert host.service(unit).is_enabled


@pytest.mark.parametrize("port", [9090, 9093, 9104, 9150, 9180, 15692, 8405])
def test_watcher_listens_on_the_management_address_only(host, port):
    listening = host.check_output(f"ss -Hltn sport = :{port}").splitlines()
    assert [line.split()[3] for line in listening] == [f"{ADDRESS}:{port}"]


@pytest.mark.parametrize("port", [9090, 9093])
def test_nobody_is_let_in_without_the_password_or_without_tls(host, port):
    line = "curl -s -m 20 -o /dev/null -w %{http_code}"
    assert host.run(f"{line} https://{ADDRESS}:{port}/api/v1/status").stdout == "401"
    wrong = f"{line} -u region:wrong https://{ADDRESS}:{port}/api/v1/status"
    assert host.run(wrong).stdout == "401"
    assert host.run(f"{line} http://{ADDRESS}:{port}/").stdout == "400"


def test_files_with_the_password_and_the_key_are_for_the_servers_alone(host):
    for component in ("prometheus", "alertmanager"):
        for name in ("web.yml", "region.key"):
            file = host.file(f"/etc/prometheus/{component}-access/{name}")
            assert (file.user, file.group, file.mode) == ("root", "prometheus", 0o640)
    assert host.file(PASSWORD).mode == 0o640
    web = host.file("/etc/prometheus/prometheus-access/web.yml").content_string
    assert host.file(PASSWORD).content_string not in web


def test_every_service_of_the_node_tells_its_figures(host):
    def look():
        targets = asked(host, "/api/v1/targets")["data"]["activeTargets"]
        return {target["labels"]["job"]: target["health"] for target in targets}

    wanted = {*JOBS, "openstack", "prometheus", "alertmanager"}
    health_of = waited(look, lambda health_of: set(health_of.values()) == {"up"})
    assert health_of == dict.fromkeys(wanted, "up")


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("mysql_up", "1"),
        ("memcached_up", "1"),
        ("memcached_limit_bytes", str(64 * 2**20)),
        ("rabbitmq_alarms_memory_used_watermark", "0"),
        ("rabbitmq_alarms_free_disk_space_watermark", "0"),
        ("sum(rabbitmq_queue_messages_ready)", "0"),
        ('haproxy_server_status{proxy="identity",server!~".+-unchecked",state="UP"}', "0"),
        ('haproxy_server_status{proxy="identity",server!~".+-unchecked",state="DOWN"}', "1"),
        ("mysql_global_status_wsrep_ready", "0"),
        ("openstack_login_up", "0"),
        ('count(count by (state) (node_systemd_unit_state))', "1"),
        ("prometheus_notifications_alertmanagers_discovered", "1"),
        ("prometheus_tsdb_retention_limit_bytes", str(4 * 2**30)),
    ],
)  # fmt: skip
def test_figure_that_a_rule_asks_for_is_there(host, query, value):
    path = f"/api/v1/query?query={urllib.parse.quote(query)}"

    def look():
        return [sample["value"][1] for sample in asked(host, path)["data"]["result"]]

    assert waited(look, lambda values: values == [value]) == [value]


def test_every_rule_can_be_evaluated(host):
    def look():
        groups = asked(host, "/api/v1/rules")["data"]["groups"]
        return {(rule["name"], rule["health"]) for group in groups for rule in group["rules"]}

    rules = waited(look, lambda rules: {health for _, health in rules} == {"ok"})
    assert {health for _, health in rules} == {"ok"}
    assert {"NodeDown", "DatabaseDown", "ServiceDown", "AlertsNotSent"} <= {n for n, _ in rules}


def test_account_in_the_database_may_look_and_do_nothing_else(host):
    look = "runuser -u prometheus -- mariadb -N -u prometheus -e %s"
    assert "wsrep_ready" in host.check_output(look, "SHOW GLOBAL STATUS")
    for forbidden in ("SELECT * FROM mysql.user", "CREATE DATABASE mine"):
        result = host.run(look, forbidden)
        assert result.rc != 0
        assert "denied" in result.stderr
    assert host.run("mariadb -u prometheus -e %s", "SELECT 1").rc != 0  # root is not prometheus


@pytest.mark.parametrize(
    ("unit", "alert"),
    [
        ("mariadb", "DatabaseDown"),
        ("rabbitmq-server", "BrokerDown"),
        ("memcached", "CacheDown"),
        ("haproxy", "BalancerDown"),
        ("prometheus-node-exporter", "NodeDown"),
        ("prometheus-mysqld-exporter", "FiguresMissing"),
        ("prometheus-alertmanager", "FiguresMissing"),
    ],
)
def test_what_is_stopped_is_told(host, hasty, unit, alert):
    assert alert not in waited(lambda: firing(host), lambda alerts: alert not in alerts)
    host.check_output(f"systemctl stop {unit}")
    try:
        assert alert in waited(lambda: firing(host), lambda alerts: alert in alerts)
    finally:
        host.check_output(f"systemctl start {unit}")
    assert alert not in waited(lambda: firing(host), lambda alerts: alert not in alerts)


def test_what_fires_is_told_to_alertmanager_with_its_page(host, hasty):
    # The identity node of this suite has no keystone, so that service and the login are down.
    def look():
        alerts = asked(host, "/api/v2/alerts", port=9093)
        return {
            alert["labels"]["alertname"]: alert["annotations"]["runbook_url"] for alert in alerts
        }

    pages = waited(
        look, lambda pages: {"ServiceDown", "ServiceNodeDown", "LoginFails"} <= set(pages)
    )
    assert pages["ServiceDown"] == "docs/alerts.md#servicedown"
    assert {"ServiceNodeDown", "LoginFails"} <= set(pages)


def test_unit_that_failed_is_told(host, hasty):
    host.run("systemd-run --unit monitoring-try /bin/false")
    try:
        assert "UnitFailed" in waited(lambda: firing(host), lambda alerts: "UnitFailed" in alerts)
    finally:
        host.check_output("systemctl reset-failed monitoring-try.service")


def test_watchers_take_the_memory_that_the_role_says(host):
    units = ("prometheus", "prometheus-alertmanager", "openstack-exporter")
    taken = 0
    for unit in units:
        pid = host.check_output("systemctl show -P MainPID %s", unit)
        status = host.file(f"/proc/{pid}/status").content_string
        taken += int(status.split("VmRSS:")[1].split()[0])
    assert taken / 1024 < 200, taken
