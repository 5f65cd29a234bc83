"""Every state for every role, rendered by Salt itself, is what the golden files say.

After a wanted change: `REGENERATE_GOLDEN=1 .venv/bin/pytest tests/content`,
then read the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from topologies import TOPOLOGIES

pytestmark = pytest.mark.timeout(600)  # the first one may have to build Salt
GOLDEN = Path(__file__).with_name("golden")
PARTS = (
    ("shipped", "controller"),
    ("shipped", "identity1"),
    ("shipped", "orchestration"),
    ("tiny", "region1"),
    ("tiny", "orchestration"),
    ("minimal", "controller"),
    ("minimal", "compute1"),
    ("minimal", "orchestration"),
    ("dev", "controller"),
    ("dev", "network"),
    ("dev", "orchestration"),
    ("ha", "controller1"),
    ("ha", "controller2"),
    ("ha", "compute1"),
    ("ha", "orchestration"),
)
EVERY = sorted(TOPOLOGIES)
SECRET_WORDS = ("secret-of-", "-key-zero", "-key-one", "PRIVATE KEY\n")


class Text(yaml.SafeDumper):
    """Several lines as a block, so that a golden file reads like what it describes."""


def block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Text.add_representer(str, block)


@pytest.mark.parametrize(("topology", "part"), PARTS)
def test_content_rendered_equals_its_golden_file(render: Any, topology: str, part: str) -> None:
    text = yaml.dump(render(topology)[part], Dumper=Text, width=100, sort_keys=False)
    file = GOLDEN / f"{topology}-{part}.yml"
    if os.environ.get("REGENERATE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


def owner(state: str, components: list[str]) -> str:
    """The component whose name the id of a state begins with."""
    mine = [component for component in components if state.startswith(f"{component}_")]
    return max(mine, key=len, default=state)


@pytest.mark.parametrize("topology", EVERY)
def test_highstate_of_a_minion_is_what_its_roles_ask_for(
    render: Any, role_map: Any, topology: str
) -> None:
    from_roles = {role: entry["components"] for role, entry in role_map["roles"].items()}
    for name, answer in render(topology).items():
        if name != "orchestration":
            components = answer["top"]["kit"]
            owners = {owner(state["__id__"], components) for state in answer["highstate"]}
            assert owners == set(components)
            known = {part for parts in from_roles.values() for part in parts}
            assert set(components) <= known | set(role_map["common"])
            assert set(answer["pillar"]) == {
                *components,
                *("components", "endpoints", "environment", "region", "secrets", "services"),
            }


@pytest.mark.parametrize("topology", EVERY)
def test_files_with_secrets_show_no_changes_and_are_not_for_everyone(
    render: Any, topology: str
) -> None:
    guarded = 0
    for answer in render(topology).values():
        if not isinstance(answer, dict):
            continue
        for state in answer["highstate"]:
            if state["state"] != "file" or state["fun"] != "managed":
                continue
            text = json.dumps([state, answer["files"].get(state["name"])])
            secret = any(json.dumps(word)[1:-1] in text for word in SECRET_WORDS)
            if secret or "contents_pillar" in state:
                guarded += 1
                assert state["show_changes"] is False, state["name"]
                assert state["mode"] in ("0400", "0600", "0640"), state["name"]
    assert guarded >= 4


@pytest.mark.parametrize("topology", EVERY)
def test_no_service_is_told_to_listen_everywhere(render: Any, topology: str) -> None:
    for name, answer in render(topology).items():
        if name != "orchestration":
            lines = [line for text in answer["files"].values() for line in text]
            listening = [line for line in lines if not line.startswith("ALLOWED_HOSTS")]
            assert "0.0.0.0" not in json.dumps(lines)
            assert "127.0.0.1" not in json.dumps(listening)


def test_every_step_of_an_orchestration_stops_it_and_expects_its_minions(render: Any) -> None:
    for step in render("shipped")["orchestration"]:
        assert step["failhard"] is True
        if step["fun"] == "state":
            assert step["expect_minions"] is True
            assert step["saltenv"] == step["pillarenv"] == "kit"


def test_identity_goes_canary_first_and_migrates_there_only(render: Any) -> None:
    steps = [step for step in render("shipped")["orchestration"] if step["fun"] == "state"]
    identity = [step for step in steps if step["__id__"].startswith("identity_")]
    assert [step["tgt"] for step in identity] == [["identity1"], ["identity2"], ["identity3"]]
    assert ["keystone.migrate" in step["sls"] for step in identity] == [True, False, False]
    assert all(step["sls"][-1] == "keystone.health" for step in identity)
    assert steps[-1]["sls"] == ["haproxy.health"]


def test_control_plane_comes_up_in_its_order(render: Any) -> None:
    steps = {step["__id__"]: step for step in render("dev")["orchestration"]}
    order = list(steps)
    wanted = ["packages", "foundation", "identity_canary", "catalogue", "migrations"]
    wanted += ["control_canary", "network_canary", "hypervisor_canary", "hypervisor_batch_1"]
    wanted += ["hypervisors_discovered", "load_balancer"]
    assert [name for name in order if name in wanted] == wanted
    everyone = ["controller", "network", "compute1", "compute2"]
    assert steps["packages"]["tgt"] == steps["foundation"]["tgt"] == everyone
    assert steps["catalogue"]["tgt"] == steps["migrations"]["tgt"] == ["controller"]
    assert steps["hypervisor_canary"]["tgt"] == ["compute1"]
    assert steps["hypervisors_discovered"]["sls"] == ["nova.discover"]


def test_environment_without_a_control_plane_has_no_step_of_it(render: Any) -> None:
    names = {step["__id__"] for step in render("shipped")["orchestration"]}
    assert not names & {"catalogue", "migrations", "control_canary", "network_canary"}


def test_each_database_is_migrated_once_on_the_first_node_of_its_role(render: Any) -> None:
    (step,) = [one for one in render("dev")["orchestration"] if one["__id__"] == "migrations"]
    databases = {"glance", "placement", "nova", "neutron"}
    assert {name: set(parts) for name, parts in step["pillar"]["migrate"].items()} == {
        "controller": databases
    }


def test_clients_reach_services_through_the_load_balancer_only(render: Any) -> None:
    answer = render("dev")
    front = "https://10.0.0.11:5000/v3"
    for node in ("controller", "network", "compute1"):
        text = json.dumps(answer[node]["files"])
        assert "http://" not in text, node
        assert node == "network" or front in text, node


def test_libraries_that_others_need_survive_the_clean_of_a_component(render: Any) -> None:
    """Purging python3-pymysql with keystone would take glance and nova along."""
    cleans = render("minimal")["controller"]["sls"]
    for sls, states in cleans.items():
        if sls.endswith(".clean"):
            purged = {name for one in states if one["state"] == "pkg" for name in one["pkgs"]}
            assert not [name for name in purged if name.startswith("python3-")], sls
