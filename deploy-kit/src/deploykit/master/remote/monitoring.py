"""What the environment's monitoring says: every alert, asked of its Prometheus over TLS."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.request
from typing import Any

from . import environment, kits, secrets
from .files import read_json
from .protocol import AgentError

ROLE = "monitoring"
ACCOUNT = "region"
SECRET = "monitoring_password"  # noqa: S105 - its name in the store
TIMEOUT = 20  # seconds for one Prometheus to answer


def alerts() -> dict[str, Any]:
    """The nodes that watch, the alerts that are not quiet, and the rules that are not known yet.

    {"watching": [NODE...], "unknown": [RULE...], "alerts": [{"name", "state" (pending or firing),
    "severity", "node", "since", "summary", "runbook"}...]}; of several nodes each watches all, so
    an alert that two tell stands there once. Raises AgentError if one of them does not answer.
    """
    watching = {
        name: entry["addresses"]["management"]
        for name, entry in environment.nodes_with(ROLE).items()
    }
    answers = [read_rules(ask(name, address)) for name, address in sorted(watching.items())]
    once = {json.dumps(alert, sort_keys=True): alert for _, active in answers for alert in active}
    return {
        "watching": sorted(watching),
        "unknown": sorted({rule for unknown, _ in answers for rule in unknown}),
        "alerts": [once[key] for key in sorted(once)],
    }


def ask(node: str, address: str) -> dict[str, Any]:
    """The rules of the Prometheus on `node` with their alerts, as its API tells them."""
    password = read_json(secrets.ROOT / secrets.STORE, {}).get(SECRET, "")
    entry = base64.b64encode(f"{ACCOUNT}:{password}".encode()).decode()
    request = urllib.request.Request(
        f"https://{address}:{port(node)}/api/v1/rules?type=alert",
        headers={"Authorization": f"Basic {entry}"},
    )
    context = ssl.create_default_context(cafile=str(secrets.ROOT / "ca" / "ca.crt"))
    try:
        with urllib.request.urlopen(  # noqa: S310 - https, as it is written above
            request, timeout=TIMEOUT, context=context
        ) as answer:
            document: dict[str, Any] = json.load(answer)
    except (OSError, ValueError) as error:
        raise AgentError(
            f"Prometheus on {node} does not answer: {error}",
            f"look at `systemctl status prometheus` on {node}",
        ) from None
    return document


def port(node: str) -> int:
    """Where Prometheus listens on `node`: as the environment sets it, else as the release says."""
    import yaml  # type: ignore[import-untyped,unused-ignore]

    digest = kits.current()
    if digest is None:
        raise AgentError("no release runs here", "deploy one first")
    file = kits.folder(digest) / "salt" / "pillar" / "endpoints.sls"
    endpoint = yaml.safe_load(file.read_text(encoding="utf-8"))["endpoints"].get(ROLE)
    if endpoint is None:
        raise AgentError("the release that runs knows no monitoring", "deploy one that does")
    record = read_json(secrets.ROOT / "pillar" / f"{node}.json", {})
    own = record.get("settings", {}).get("endpoints", {}).get(ROLE, {})
    return int({**endpoint, **own}["port"])


def read_rules(document: dict[str, Any]) -> tuple[list[str], list[dict[str, str]]]:
    """(names of rules that were not evaluated well, alerts) of an answer of /api/v1/rules."""
    unknown, alerts = [], []
    for rule in (rule for group in document["data"]["groups"] for rule in group["rules"]):
        if rule["health"] != "ok":
            unknown.append(rule["name"])
        for alert in rule["alerts"]:
            labels, notes = alert["labels"], alert["annotations"]
            alerts.append(
                {
                    "name": labels["alertname"],
                    "state": alert["state"],
                    "severity": labels.get("severity", ""),
                    "node": labels.get("node", ""),
                    "since": alert["activeAt"].partition(".")[0].rstrip("Z") + "Z",
                    "summary": notes.get("summary", ""),
                    "runbook": notes.get("runbook_url", ""),
                }
            )
    return unknown, alerts
