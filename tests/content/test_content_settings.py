"""What environments set over the content: known, rendered by Salt, and in the order that it has."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploykit.mirror.wheelstore import PYTHON
from deploykit.site.environment import Environment, parse_environment
from deploykit.site.settings import merged, of_pillar, tree
from deploykit.site.tunables import COMPUTED, day0_variables, demand_known, read_tunables
from rendering import salt_of_the_image
from topologies import LABORATORY

# The first one may have to build Salt. On one worker, while others do what needs no rendering.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("rendered")]
CHECKOUT = Path(__file__).parents[2]
SHIPPED = sorted((CHECKOUT / "deploy-kit" / "environments").glob("*.yml"))
COMPUTED_FILES = {"top", "components", "role_map", "settings"}


@pytest.fixture(params=SHIPPED, ids=lambda file: file.stem)
def shipped(request: pytest.FixtureRequest) -> Environment:
    return parse_environment(request.param)


def test_content_knows_what_shipped_environments_set(shipped: Environment) -> None:
    demand_known(shipped.settings, read_tunables(CHECKOUT), "the working copy")


def test_shipped_environments_set_what_the_tests_render(shipped: Environment) -> None:
    wanted = LABORATORY if shipped.with_role("hypervisor") else {}
    own = tree(of_pillar(shipped.settings))
    own.pop("cloud", None)  # flavors and networks are each environment's own
    assert own == wanted
    assert day0_variables(shipped.settings, CHECKOUT / "ansible") == {"base_unsafe_io": True}


def test_values_of_components_are_plain_data_below_their_names(role_map: dict[str, Any]) -> None:
    """Else nobody could set them: what Salt computes is read by nobody before."""
    components = {*role_map["common"]}
    components |= {part for entry in role_map["roles"].values() for part in entry["components"]}
    for file in sorted((CHECKOUT / "salt/pillar").glob("*.sls")):
        text = file.read_text(encoding="utf-8")
        if any(mark in text for mark in COMPUTED):
            assert file.stem in COMPUTED_FILES
        elif file.stem in components:
            assert list(yaml.safe_load(text)) == [file.stem]


def test_values_are_read_as_salt_reads_them() -> None:
    """Salt's YAML is older than the one that settings are checked by."""
    known = read_tunables(CHECKOUT).pillar
    for file in sorted((CHECKOUT / "salt/pillar").glob("*.sls")):
        if file.stem not in COMPUTED_FILES:
            for key, value in yaml.safe_load(file.read_text(encoding="utf-8")).items():
                assert known[key] == value, f"{file}: {key}"


@pytest.mark.parametrize(
    ("default", "own"),
    [
        ({"a": 1, "b": 2}, {"a": 3}),
        ({"a": {"b": 1, "c": {"d": 1}}}, {"a": {"c": {"d": 2}}}),
        ({"a": [1, 2, 3]}, {"a": [4]}),
        ({"a": {}}, {"a": {"node": ["disk"]}}),
        ({"a": {"b": 1}}, {"a": {}}),
        ({"a": True, "b": None}, {"a": False, "b": "text"}),
    ],
)
def test_order_of_values_is_that_of_salt(default: Any, own: Any) -> None:
    script = (
        "import json, sys; from salt.utils.dictupdate import merge; "
        "print(json.dumps(merge(*json.loads(sys.argv[1]), 'smart', 'jinja|yaml', False)))"
    )
    done = subprocess.run(
        [str(PYTHON), "-W", "ignore", "-c", script, json.dumps([default, own])],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(salt_of_the_image())},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert json.loads(done.stdout) == merged(default, own)


def test_what_an_environment_sets_is_rendered_and_else_what_is_fit_for_machines(
    render: Any,
) -> None:
    laboratory, machine = render("minimal")["compute1"], render("volumes")["compute1"]
    nova = "/etc/nova/nova.conf"
    for line in ("ram_allocation_ratio = {}", "disk_allocation_ratio = {}"):
        assert line.format("1.0") in machine["files"][nova]
    assert "ram_allocation_ratio = 4.0" in laboratory["files"][nova]
    assert "reserved_host_memory_mb = 256" in laboratory["files"][nova]
    assert "reserved_host_memory_mb = 2048" in machine["files"][nova]


def test_settings_go_to_nodes_with_the_component_only(render: Any) -> None:
    nodes = render("minimal")
    assert {"libvirt", "nova_compute"} <= set(nodes["compute1"]["pillar"])
    assert not {"libvirt", "nova_compute"} & set(nodes["controller"]["pillar"])
