"""Alert rules: what raises them, where they lead, and whether Prometheus takes them as rendered."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("rendered")]
CHECKOUT = Path(__file__).resolve().parents[2]
TOOLS = CHECKOUT / ".tools" / "prometheus" / "usr" / "bin"
FILES = {file.parts[-3]: file for file in CHECKOUT.glob("salt/states/*/files/alerts.yml")}
SITUATIONS = Path(__file__).with_name("alerts")
SEVERITIES = {"critical", "warning"}
WATCHED = ("minimal", "ha")  # topologies with monitoring


def rules(file: Path) -> list[dict[str, Any]]:
    groups = yaml.safe_load(file.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def run(*words: str | Path, cwd: Path = CHECKOUT) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=cwd, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def anchor(heading: str) -> str:
    """What a link to a Markdown heading of one word ends with."""
    return heading.strip().lower()


@pytest.mark.parametrize("component", sorted(FILES))
def test_alert_fires_where_it_should_and_is_quiet_where_it_should(component: str) -> None:
    run(TOOLS / "promtool", "test", "rules", SITUATIONS / f"{component}.yml")


@pytest.mark.parametrize("component", sorted(FILES))
def test_every_alert_has_a_situation_that_raises_it_and_one_that_does_not(component: str) -> None:
    situations = yaml.safe_load((SITUATIONS / f"{component}.yml").read_text())
    assert situations["rule_files"] == [f"../../../salt/states/{component}/files/alerts.yml"]
    asked = [
        (check["alertname"], bool(check.get("exp_alerts")))
        for test in situations["tests"]
        for check in test["alert_rule_test"]
    ]
    names = {rule["alert"] for rule in rules(FILES[component])}
    assert {name for name, fires in asked if fires} == names
    assert {name for name, fires in asked if not fires} == names


def test_every_alert_has_one_heading_of_the_operators_page_and_leads_there() -> None:
    page = (CHECKOUT / "docs" / "alerts.md").read_text()
    headings = re.findall(r"^## (.+)$", page, re.M)
    every = [rule for file in FILES.values() for rule in rules(file)]
    assert sorted(headings) == sorted(rule["alert"] for rule in every)
    for rule in every:
        link = f"docs/alerts.md#{anchor(rule['alert'])}"
        assert rule["annotations"]["runbook_url"] == link
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in SEVERITIES
        assert rule["for"]


def test_links_of_the_operators_page_lead_to_headings_that_are_there() -> None:
    folder = CHECKOUT / "docs"
    for file, name in re.findall(
        r"\]\(((?:\w+\.md)?)#([^)]+)\)", (folder / "alerts.md").read_text()
    ):
        text = (folder / (file or "alerts.md")).read_text()
        headings = re.findall(r"^#+ (.+)$", text, re.M)
        found = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
        assert name in found, (file, name)


def watching(render: Any, topology: str) -> dict[str, Any]:
    """The node with monitoring of a rendered topology."""
    found = [
        node
        for name, node in render(topology).items()
        if name != "orchestration" and "prometheus" in node["top"]["kit"]
    ]
    assert len(found) == 1
    return dict(found[0])


@pytest.mark.parametrize("topology", WATCHED)
def test_prometheus_takes_its_settings_with_all_rules_of_the_region(
    render: Any, topology: str, tmp_path: Path
) -> None:
    node = watching(render, topology)
    placed = {
        state["name"]: CHECKOUT / "salt/states" / state["source"].removeprefix("salt://")
        for state in node["highstate"]
        if state["name"].startswith("/etc/prometheus/rules/")
    }
    known = {name for name in FILES if f"/etc/prometheus/rules/{name}.yml" in placed}
    assert known == set(FILES)
    for place, source in placed.items():
        file = tmp_path / Path(place).name
        file.write_text(source.read_text())
    text = "\n".join(node["files"]["/etc/prometheus/prometheus.yml"])
    assert "/etc/prometheus/rules/*.yml" in text
    settings = tmp_path / "prometheus.yaml"
    settings.write_text(text.replace("/etc/prometheus/rules", str(tmp_path)))
    run(TOOLS / "promtool", "check", "config", "--syntax-only", settings)
    alerts = tmp_path / "alertmanager.yaml"
    alerts.write_text("\n".join(node["files"]["/etc/prometheus/alertmanager.yml"]) + "\n")
    run(TOOLS / "amtool", "check-config", alerts)


def test_every_node_is_looked_at_for_what_its_roles_have(render: Any) -> None:
    text = "\n".join(watching(render, "ha")["files"]["/etc/prometheus/prometheus.yml"])
    jobs = {
        job["job_name"]: {
            (one["targets"][0], one["labels"]["node"]) for one in job["static_configs"]
        }
        for job in yaml.safe_load(text)["scrape_configs"]
    }
    controllers = [(f"10.0.0.{place}", f"controller{place - 10}") for place in (11, 12, 13)]
    computes = [("10.0.0.14", "compute1"), ("10.0.0.15", "compute2")]
    everyone = [("10.0.0.10", "salt"), *controllers, *computes]
    on = {"mysqld": 9104, "rabbitmq": 15692, "memcached": 9150, "haproxy": 8405}
    for job, port in on.items():
        assert jobs[job] == {(f"{address}:{port}", name) for address, name in controllers}
    assert jobs["node"] == {(f"{address}:9100", name) for address, name in everyone}
    assert jobs["libvirt"] == {(f"{address}:9177", name) for address, name in computes}
    assert jobs["openstack"] == {("10.0.0.10:9180", "salt")}


def test_figures_are_told_to_the_nodes_that_watch_and_to_no_other(render: Any) -> None:
    lines = render("ha")["compute1"]["files"]["/etc/region-firewall.nft"]
    (drop,) = [place for place, line in enumerate(lines) if "9100" in line]
    accept = next(place for place, line in enumerate(lines) if "@management_nodes accept" in line)
    assert lines[drop].strip() == "tcp dport { 9100, 9177 } ip saddr != { 10.0.0.10 } drop"
    assert drop < accept
    unwatched = render("volumes")["compute1"]["files"]["/etc/region-firewall.nft"]
    assert "9100" not in "\n".join(unwatched)
