"""The agent asks a Prometheus that runs: TLS by the region's authority, its password, rules."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]
from deploykit.master.remote import environment, kits, monitoring, secrets
from deploykit.master.remote.files import write_json
from deploykit.master.remote.protocol import AgentError

CHECKOUT = Path(__file__).resolve().parents[4]
PROMETHEUS = CHECKOUT / ".tools" / "prometheus" / "usr" / "bin" / "prometheus"
WEB_ACCESS = CHECKOUT / "salt" / "states" / "lib" / "files" / "web_access.py"
NODES = {"one": {"roles": ["master", "monitoring"], "addresses": {"management": "127.0.0.1"}}}
RULES = """
groups:
  - name: both
    rules:
      - alert: Always
        expr: vector(1)
        labels: {severity: critical, node: one}
        annotations: {summary: it is so, runbook_url: docs/alerts.md#always}
      - alert: Soon
        expr: vector(1)
        for: 1h
      - alert: Never
        expr: vector(1) > 2
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="module")
def password() -> str:
    return secrets.password()


@pytest.fixture
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str) -> Path:
    """A master's folder: an authority, a secret, one node, a release that says the port."""
    monkeypatch.setattr(secrets, "ROOT", tmp_path / "environment")
    monkeypatch.setattr(kits, "ROOT", tmp_path / "kits")
    pillar = kits.ROOT / ("a" * 64) / "salt" / "pillar"
    pillar.mkdir(parents=True)
    ports = {"endpoints": {"monitoring": {"port": 9}}}
    (pillar / "endpoints.sls").write_text(yaml.safe_dump(ports))
    monkeypatch.setattr(kits, "current", lambda: "a" * 64)
    (secrets.ROOT / "pillar").mkdir(parents=True)
    write_json(secrets.ROOT / secrets.STORE, {monitoring.SECRET: password})
    write_json(secrets.ROOT / "environment.json", {"name": "test", "nodes": NODES})
    return tmp_path


@pytest.fixture
def prometheus(master: Path, password: str) -> Iterator[int]:
    """The port of one with the node's own web settings, once it is ready to answer."""
    folder = master / "access"
    folder.mkdir()
    made = secrets.certificate(None, "monitoring_tls", ["one", "127.0.0.1"], "test")
    (folder / "region.certificate").write_text(made["certificate"])
    (folder / "region.key").write_text(made["key"])
    (folder / "web.yml").write_text(web_settings(folder, password))
    (master / "rules.yml").write_text(RULES)
    settings = {
        "global": {"evaluation_interval": "1s"},
        "rule_files": [str(master / "rules.yml")],
    }
    (master / "prometheus.yml").write_text(yaml.safe_dump(settings))
    port = free_port()
    own = {"settings": {"endpoints": {"monitoring": {"port": port}}}}
    write_json(secrets.ROOT / "pillar" / "one.json", own)
    child = subprocess.Popen(
        [
            PROMETHEUS,
            f"--config.file={master}/prometheus.yml",
            f"--storage.tsdb.path={master}/data",
            f"--web.config.file={folder}/web.yml",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        child.terminate()
        child.wait(timeout=30)


def web_settings(folder: Path, password: str) -> str:
    """What the node's tool writes, with the system's Python and its bcrypt."""
    code = f"import sys; sys.path.insert(0, {str(WEB_ACCESS.parent)!r}); import web_access as w;"
    code += " import bcrypt, pathlib; p = sys.argv[2];"
    code += " h = bcrypt.hashpw(p.encode(), bcrypt.gensalt(4)).decode();"
    code += " text = w.text(pathlib.Path(sys.argv[1]), h);"
    code += " assert w.fits(sys.argv[1], text, p) and not w.fits(sys.argv[1], text, p + 'x');"
    code += " assert not w.fits(sys.argv[1], text + 'more', p); print(text)"
    done = subprocess.run(
        ["/usr/bin/python3", "-B", "-c", code, folder, password],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout


def until_evaluated() -> dict[str, object]:
    until = time.monotonic() + 60
    while True:
        try:
            found = monitoring.alerts()
        except AgentError:
            found = {"unknown": ["all"]}
        if not found["unknown"]:
            return found
        assert time.monotonic() < until, found
        time.sleep(0.3)


@pytest.mark.timeout(150)
def test_alerts_of_a_prometheus_are_told_with_state_and_runbook(prometheus: int) -> None:
    found = until_evaluated()
    assert found["watching"] == ["one"]
    told = {one["name"]: one for one in found["alerts"]}  # type: ignore[attr-defined]
    assert {name: one["state"] for name, one in told.items()} == (
        {"Always": "firing", "Soon": "pending"}
    )
    always = told["Always"]
    assert (always["severity"], always["node"], always["summary"], always["runbook"]) == (
        ("critical", "one", "it is so", "docs/alerts.md#always")
    )
    assert always["since"][10] == "T" and always["since"].endswith("Z")
    write_json(secrets.ROOT / secrets.STORE, {monitoring.SECRET: "another"})
    with pytest.raises(AgentError, match=r"Prometheus on one does not answer: .*401"):
        monitoring.alerts()


def test_prometheus_that_is_down_is_an_error_that_names_its_node(master: Path) -> None:
    own = {"settings": {"endpoints": {"monitoring": {"port": free_port()}}}}
    write_json(secrets.ROOT / "pillar" / "one.json", own)
    secrets.authority("test")
    with pytest.raises(AgentError, match="Prometheus on one does not answer") as failed:
        monitoring.alerts()
    assert failed.value.remedy == "look at `systemctl status prometheus` on one"


def test_port_is_the_releases_where_the_environment_sets_none(master: Path) -> None:
    assert monitoring.port("one") == 9


def test_environment_without_monitoring_has_nobody_who_watches(master: Path) -> None:
    write_json(secrets.ROOT / "environment.json", {"name": "test", "nodes": {}})
    assert environment.describe()["nodes"] == {}
    assert monitoring.alerts() == {"watching": [], "unknown": [], "alerts": []}


def test_rule_that_cannot_be_evaluated_is_unknown() -> None:
    rule = {"name": "Broken", "health": "err", "alerts": []}
    assert monitoring.read_rules({"data": {"groups": [{"rules": [rule]}]}}) == (["Broken"], [])
