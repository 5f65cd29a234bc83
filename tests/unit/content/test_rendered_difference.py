"""What `make rendered` tells of two renderings: each difference once, under its component."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rendereddiff import OTHER, differences, digest, fitting, told
from topologies import Topology

COMPONENTS = ["nova", "nova_compute", "haproxy"]


def node(*states: dict[str, Any], files: dict[str, list[str]] | None = None) -> dict[str, Any]:
    return {"highstate": list(states), "sls": {}, "files": files or {}, "top": {"kit": []}}


def state(ident: str, **more: Any) -> dict[str, Any]:
    return {"__id__": ident, "name": ident, "state": "unit", "fun": "current", **more}


def found(before: Any, after: Any) -> list[tuple[str, str, list[str]]]:
    return [
        (piece.component, piece.name, places)
        for piece, _, _, places in differences(before, after, COMPONENTS)
    ]


def test_difference_on_several_nodes_is_told_once_with_all_of_them() -> None:
    before = {
        "dev": {"a": node(state("nova_api", timeout=1)), "b": node(state("nova_api", timeout=1))}
    }
    after = {
        "dev": {"a": node(state("nova_api", timeout=2)), "b": node(state("nova_api", timeout=2))}
    }
    assert found(before, after) == [("nova", "nova_api unit.current", ["dev/a", "dev/b"])]
    (one,) = differences(before, after, COMPONENTS)
    text = told(*one)
    assert text.startswith("nova: nova_api unit.current\n  on dev/a, dev/b\n")
    assert "\n  -timeout: 1\n  +timeout: 2" in text


def test_difference_belongs_to_the_component_with_the_longest_name() -> None:
    after = {"dev": {"a": node(state("nova_compute_agent"))}}
    assert found({}, after)[1][0] == "nova_compute"


def test_file_belongs_to_the_component_whose_state_writes_it() -> None:
    def side(line: str) -> Any:
        written = state("haproxy_config_file", state="file", fun="managed", name="/etc/h")
        return {"dev": {"a": node(written, files={"/etc/h": [line]})}}

    assert found(side("one"), side("two")) == [("haproxy", "/etc/h", ["dev/a"])]


def test_state_that_went_and_one_that_came_are_differences_and_equal_ones_are_none() -> None:
    before = {"dev": {"a": node(state("nova_api"), state("haproxy_old"))}}
    after = {"dev": {"a": node(state("nova_api"), state("haproxy_new"))}}
    assert [name for _, name, _ in found(before, after)] == [
        "haproxy_new unit.current",
        "haproxy_old unit.current",
    ]
    assert found(before, before) == []


def test_steps_of_a_deployment_belong_to_no_component() -> None:
    step = {"__id__": "control", "state": "salt", "fun": "state", "tgt": ["a"]}
    before, after = ({"dev": {"orchestration": [{**step, "tgt": tgt}]}} for tgt in (["a"], ["b"]))
    assert found(before, after) == [(OTHER, "step control", ["dev/orchestration"])]


def test_role_that_the_other_side_does_not_have_is_left_out() -> None:
    topology = fitting(Topology({"a": ["identity", "new"], "b": ["new"]}), {"identity"})
    assert topology.nodes == {"a": ["identity"]}


def test_rendering_kept_is_that_of_exactly_this_content(tmp_path: Path) -> None:
    file = tmp_path / "salt" / "states" / "nova" / "init.sls"
    file.parent.mkdir(parents=True)
    file.write_text("one")
    first = digest(tmp_path)
    file.write_text("two")
    second = digest(tmp_path)
    file.rename(file.with_name("config.sls"))
    assert len({first, second, digest(tmp_path)}) == 3
