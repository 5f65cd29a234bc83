"""What `make rendered` tells of two renderings: each difference once, under its component."""

from __future__ import annotations

from typing import Any

from deploykit.preview.pieces import OTHER
from rendereddiff import differences, told

COMPONENTS = ["nova", "nova_compute", "haproxy"]


def node(*states: dict[str, Any], files: dict[str, list[str]] | None = None) -> dict[str, Any]:
    return {
        "highstate": list(states),
        "sls": {},
        "files": files or {},
        "top": {"kit": []},
        "sources": {},
    }


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


def test_file_and_module_that_states_name_are_differences_of_each_that_names_them() -> None:
    def side(**digests: str) -> Any:
        names = {"salt://lib/x": "1", "salt://lib/template": "1", "_states/unit.py": "1", **digests}
        copied = state("haproxy_config", state="file", source="salt://lib/x")
        template = state("nova_config", state="file", name="/etc/n", source="salt://lib/template")
        one = node(copied, template, state("nova_api"), files={"/etc/n": ["line"]})
        return {"dev": {"a": one | {"sources": names}}}

    def changed(name: str) -> list[tuple[str, str]]:
        return [(who, what) for who, what, _ in found(side(), side(**{name: "2"}))]

    assert found(side(), side()) == []
    assert changed("salt://lib/x") == [("haproxy", "salt://lib/x")]
    assert changed("_states/unit.py") == [("nova", "_states/unit.py")]
    assert changed("salt://lib/template") == [], "what it makes is compared, not how"


def test_names_of_one_id_are_compared_each() -> None:
    def side(timeout: int) -> Any:
        names = [state("nova_api", name="one", timeout=timeout), state("nova_api", name="two")]
        return {"dev": {"a": node(*names)}}

    assert found(side(1), side(2)) == [("nova", "nova_api unit.current", ["dev/a"])]
