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
    ("dev", "network"),
    ("dev", "orchestration"),
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
            assert "0.0.0.0" not in json.dumps(answer["files"])
            assert "127.0.0.1" not in json.dumps(answer["files"])


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
