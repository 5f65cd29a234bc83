"""A deployment that comes from a release without TLS between nodes: what is told to which steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

ORCHESTRATE = Path(__file__).resolve().parents[3] / "salt/orchestrate"
OLD, NEW = ["rabbitmq/init.sls"], ["rabbitmq/init.sls", "rabbitmq/files/accounts.py"]
ROLES: list[dict[str, Any]] = [
    {"name": "database", "components": ["mariadb"], "stage": "foundation"},
    {"name": "messaging", "components": ["rabbitmq"], "stage": "foundation"},
    {"name": "load-balancer", "components": ["haproxy"], "stage": "foundation"},
    {"name": "identity", "components": ["keystone"], "stage": "identity", "offers": {}},
    {
        "name": "compute-api",
        "components": ["nova"],
        "stage": "control",
        "databases": ["nova"],
        "messaging": "account",
        "offers": {},
    },
    {
        "name": "hypervisor",
        "components": ["nova_compute"],
        "stage": "agents",
        "messaging": "account",
    },
]
NODES = {
    "one": ["database", "messaging", "load-balancer", "compute-api"],
    "two": ["database", "messaging", "compute-api"],
    "who": ["identity"],
    "compute1": ["hypervisor"],
}


def steps(current: list[str]) -> dict[str, dict[str, Any]]:
    """The steps of a deployment over a release whose states are the files `current`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ORCHESTRATE), extensions=["jinja2.ext.do"], autoescape=False
    )
    environment.filters |= {
        "json": json.dumps,
        "load_json": json.loads,
        "difference": lambda one, other: [item for item in one if item not in other],
        "intersect": lambda one, other: [item for item in one if item in other],
        "regex_replace": lambda text, _, more: text + more,
    }
    environment.tests["match"] = lambda text, pattern: text.startswith(pattern)
    salt = {"cp.list_master": lambda _: current, "cp.list_master_dirs": lambda _: []}
    nodes = {name: {"roles": roles} for name, roles in NODES.items()}
    pillar = {"environment": {"name": "x", "nodes": nodes}, "role_map": {"roles": ROLES}}
    shown = environment.get_template("deploy.sls").render(pillar=pillar, saltenv="kit", salt=salt)
    return {
        name: {key: value for item in step["salt.state"] for key, value in item.items()}
        for name, step in yaml.safe_load(shown).items()
        if "salt.state" in step
    }


@pytest.mark.parametrize("current", [[], NEW])
def test_first_deployment_and_later_ones_have_no_step_for_what_was(current: list[str]) -> None:
    found = steps(current)
    assert not [name for name, step in found.items() if "from_plain" in step.get("pillar", {})]
    assert not {"service_ends", "moved", "foundation_closed"} & set(found)


def test_servers_take_plain_text_until_every_service_is_new() -> None:
    found = steps(OLD)
    names = list(found)
    first = names.index("moved_cells")
    told = [bool(found[name].get("pillar", {}).get("from_plain")) for name in names]
    assert told == [True] * first + [False] * (len(names) - first)
    assert names.index("hypervisor_canary") < first
    assert found["moved_cells"]["pillar"] == {"migrate": {"one": ["nova"]}}
    assert found["moved"]["tgt"] == ["one", "two", "compute1"]
    assert names[first + 1 :][:6] == [
        "moved",
        "database_closed_one",
        "database_closed_two",
        "messaging_closed_one",
        "messaging_closed_two",
        "foundation_closed",
    ]


def test_tls_of_services_is_there_before_a_load_balancer_asks_by_it() -> None:
    names = list(steps(OLD))
    assert steps(OLD)["service_ends"]["tgt"] == ["two", "who"]
    assert names.index("service_ends") < names.index("foundation")
