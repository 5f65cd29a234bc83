"""Two renderings compared: what differs on whose roles, what is masked, what does not render."""

from __future__ import annotations

from typing import Any

from deploykit.preview.differences import compare, unrendered
from deploykit.release.states import LINES, StateChange

ROLES = {"one": ("compute-api", "cache"), "two": ("cache",)}
COMPONENTS = {"": ["base"], "compute-api": ["nova"], "cache": ["memcached"]}


def node(*states: dict[str, Any], **more: Any) -> dict[str, Any]:
    empty = {"sls": {}, "files": {}, "top": {}, "values": {}, "secrets": [], "copied": {}}
    return {**empty, "highstate": list(states), **more}


def state(ident: str, **more: Any) -> dict[str, Any]:
    return {"__id__": ident, "name": ident, "state": "service", "fun": "running", **more}


def compared(before: dict[str, Any], after: dict[str, Any]) -> tuple[StateChange, ...]:
    return compare(before, after, ROLES, COMPONENTS)


def test_state_is_told_with_the_roles_that_bring_its_component() -> None:
    before = {"one": node(state("nova_service"), state("base_service"))}
    after = {"one": node(state("nova_service", enable=True), state("base_service", enable=True))}
    base, nova = compared(before, after)
    assert (base.component, base.roles, nova.roles) == ("base", (), ("compute-api",))
    assert (nova.what, nova.kind) == ("nova_service service.running", "changed")
    assert nova.nodes == ("one",) and "+enable: true" in nova.lines


def test_difference_of_several_nodes_is_told_once() -> None:
    before = {name: node(state("memcached_service")) for name in ("one", "two")}
    after = {name: node(state("memcached_service", enable=True)) for name in ("one", "two")}
    (one,) = compared(before, after)
    assert (one.nodes, one.roles) == (("one", "two"), ("cache",))


def test_node_that_had_no_known_role_before_is_told_as_a_whole() -> None:
    (one,) = compared({}, {"two": node(state("memcached_service"), state("memcached_x"))})
    assert (one.component, one.what, one.kind) == ("two", "everything on it", "new")
    assert (one.roles, one.nodes) == (("cache",), ("two",))


def test_what_is_the_same_is_not_told() -> None:
    side = {"one": node(state("nova_service")), "orchestration": [{"__id__": "control"}]}
    assert compared(side, side) == ()


def test_pillar_file_copied_file_and_step_are_compared_too() -> None:
    def side(value: str) -> dict[str, Any]:
        written = state("nova_config_file", state="file", fun="managed", name="/etc/nova.conf")
        of_node = node(
            written,
            files={"/etc/nova.conf": [f"workers = {value}"]},
            values={"nova": {"workers": value}},
            secrets=[value],
            copied={"salt://nova/files/x": ("nova", f"{value}\n")},
        )
        return {"one": of_node, "orchestration": [{"__id__": "control", "batch": value}]}

    told = {(one.component, one.what): one for one in compared(side("1"), side("2"))}
    assert set(told) == {
        ("nova", "/etc/nova.conf"),
        ("nova", "pillar nova"),
        ("nova", "salt://nova/files/x"),
        ("deployment", "pillar secrets"),
        ("deployment", "step control"),
    }
    assert told["nova", "/etc/nova.conf"].lines == ("-workers = 1", "+workers = 2")
    assert told["deployment", "step control"].nodes == ("the master",)


def test_secret_in_a_state_is_masked_and_its_change_still_seen() -> None:
    before, after = (
        {"one": node(state("nova_x", password=word))} for word in ("hunter2", "tiger3")
    )
    (one,) = compared(before, after)
    assert one.lines == ("(only in what is masked)",)
    assert "hunter2" not in str(one) and "tiger3" not in str(one)


def test_long_difference_is_cut_and_its_digest_is_of_all_of_it() -> None:
    def side(last: int) -> dict[str, Any]:
        return {"one": node(state("nova_x", args=[*range(50), last]))}

    (one,) = compared({"one": node(state("nova_x", args=[]))}, side(1))
    (other,) = compared({"one": node(state("nova_x", args=[]))}, side(2))
    assert len(one.lines) == LINES and one.more == other.more > 30
    assert one.lines == other.lines and one.digest != other.digest


def test_node_that_does_not_render_is_told_and_not_compared() -> None:
    after = {"one": {"failed": "Traceback " + "x" * 300 + " no such\nvariable"}, "two": node()}
    assert compared({"one": node(state("nova_x")), "two": node()}, after) == ()
    (failed,) = unrendered("2026.47.1", after)
    assert (failed.version, failed.node) == ("2026.47.1", "one")
    assert failed.why.startswith("… x") and failed.why.endswith("x no such variable")
    (other,) = unrendered(
        "2026.47.1", {"one": {"failed": "no such variable; line 1\n" + "x" * 300}}
    )
    assert other.why.startswith("no such variable; line 1 x") and other.why.endswith("x…")
