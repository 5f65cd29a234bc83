"""Which nodes a deployment leaves out: by name, within what policy and the release allow."""

from __future__ import annotations

import pytest
from deploykit.policy.attendance import Limits, Why, missing
from deploykit.site.promotion import Share

ROLES = {
    "salt": ["master"],
    "controller": ["network", "database"],
    "network": ["network"],
    **{f"compute{n}": ["hypervisor"] for n in range(1, 41)},
}
SPARE = {"hypervisor", "network"}


def asked(found: dict[Why, list[str]], **allowed: str) -> tuple[dict[str, str], tuple[str, ...]]:
    limits = Limits({role: Share.parse(text) for role, text in allowed.items()}, SPARE)
    answer = missing(ROLES, found, limits)
    return {name: str(why) for name, why in answer.nodes.items()}, answer.against


def test_nobody_missing_is_nothing_against() -> None:
    assert asked({}) == ({}, ())


def test_nodes_within_the_limit_are_left_out_by_name_each_with_the_first_reason() -> None:
    found = {Why.MAINTENANCE: ["compute17"], Why.SILENT: ["compute2", "compute17"]}
    nodes, against = asked(found, hypervisor="5%")
    assert nodes == {"compute2": "no answer", "compute17": "maintenance"}
    assert list(nodes) == ["compute2", "compute17"]  # in the order of the environment
    assert not against


@pytest.mark.parametrize(("share", "allowed"), [("5%", 2), ("2", 2), ("4%", 1), ("2%", 0)])
def test_one_more_than_the_limit_is_against_it(share: str, allowed: int) -> None:
    names = [f"compute{n}" for n in range(1, allowed + 2)]
    assert asked({Why.SILENT: names[:-1]}, hypervisor=share)[1] == ()
    (reason,) = asked({Why.SILENT: names}, hypervisor=share)[1]
    assert f"{allowed + 1} of 40 nodes with the role 'hypervisor' are missing" in reason
    assert f"policy allows {allowed or 'none'}" in reason
    assert all(f"{name}: no answer" in reason for name in names)


def test_maintenance_counts_against_the_limit_like_silence() -> None:
    found = {Why.MAINTENANCE: ["compute1"], Why.SILENT: ["compute2"]}
    assert asked(found, hypervisor="2")[1] == ()
    (reason,) = asked(found, hypervisor="1")[1]
    assert "compute1: maintenance, compute2: no answer" in reason


def test_without_a_limit_none_may_be_missing() -> None:
    (reason,) = asked({Why.MAINTENANCE: ["compute1"]})[1]
    assert "policy allows none" in reason


def test_role_that_the_release_needs_whole_is_never_missing_whatever_policy_says() -> None:
    (reason,) = asked({Why.SILENT: ["salt"]}, master="1")[1]
    assert reason == "the release needs every node with the role 'master' (salt: no answer)"


def test_node_is_missed_in_each_of_its_roles() -> None:
    reasons = asked({Why.SILENT: ["controller"]}, network="1", database="1")[1]
    assert reasons == ("the release needs every node with the role 'database' "
                       "(controller: no answer)",)  # fmt: skip


def test_last_node_of_a_role_is_never_missing() -> None:
    found = {Why.SILENT: [f"compute{n}" for n in range(1, 41)]}
    (reason,) = asked(found, hypervisor="100%")[1]
    assert reason.startswith("no node with the role 'hypervisor' is left")
