"""Domains whose people a provider of logins vouches for, brought about in a small keystone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from smallkeystone import MARK, Thing, Tool, tool_of

ISSUER = "https://login.example.org/realms/partners"
PROVIDER = {
    "issuer": ISSUER,
    "client": "cloud",
    "audience": "",
    "scope": "openid",
    "person": "preferred_username",
    "groups": "groups",
    "access": {},
}
STAFF = {"research": {"group": "staff", "project": "research", "role": "member"}}
AT = "/OS-FEDERATION/identity_providers/partners"


@pytest.fixture
def tool() -> Iterator[Tool]:
    with tool_of("providers") as found:
        yield found


def test_provider_its_mapping_and_its_protocol_are_made_for_its_domain(tool: Tool) -> None:
    tool.bring(partners=PROVIDER)
    domain = tool.keystone.domain("partners")
    made = tool.keystone.federation
    assert (made[AT]["domain_id"], made[AT]["remote_ids"]) == (domain["id"], [ISSUER])
    assert made[AT]["description"] == domain["description"] == MARK
    assert made[f"{AT}/protocols/openid"]["remote_id_attribute"] == "OIDC-iss"
    (rule,) = made["/OS-FEDERATION/mappings/partners"]["rules"]
    assert [one["type"] for one in rule["remote"]] == ["OIDC-preferred_username", "OIDC-groups"]
    assert rule["local"][1] == {"groups": "{1}", "domain": {"name": "partners"}}


def test_second_time_changes_nothing(tool: Tool) -> None:
    wanted = {**PROVIDER, "access": STAFF}
    assert tool.bring(partners=wanted)
    assert tool.bring(partners=wanted) == []
    assert tool.bring(dry=True, partners=wanted) == []


def test_other_issuer_and_other_claims_are_changed_in_place(tool: Tool) -> None:
    tool.bring(partners=PROVIDER)
    said = tool.bring(
        partners={**PROVIDER, "issuer": "https://other.example.org", "groups": "roles"}
    )
    assert said == [
        f"PATCH {AT} remote_ids enabled",
        "PATCH /OS-FEDERATION/mappings/partners rules",
    ]


def test_group_that_a_claim_names_is_made_and_has_its_role(tool: Tool) -> None:
    tool.bring(partners={**PROVIDER, "access": STAFF})
    (group,), (project,) = tool.keystone.kept["groups"], tool.keystone.kept["projects"]
    domain = tool.keystone.domain("partners")["id"]
    assert (group["name"], group["domain_id"], group["description"]) == ("staff", domain, MARK)
    assert tool.keystone.grants == {f"/projects/{project['id']}/groups/{group['id']}/roles/r1"}


def test_provider_that_is_no_longer_said_is_closed_and_opens_again(tool: Tool) -> None:
    wanted = {**PROVIDER, "access": STAFF}
    tool.bring(partners=wanted)
    tool.bring()
    assert not tool.keystone.federation[AT]["enabled"]
    assert not tool.keystone.domain("partners")["enabled"]
    assert tool.keystone.grants == set()
    assert tool.bring() == []
    tool.bring(partners=wanted)
    assert tool.keystone.federation[AT]["enabled"]
    assert len(tool.keystone.grants) == 1


@pytest.mark.parametrize("place", [AT, "/OS-FEDERATION/mappings/partners"])
def test_provider_or_mapping_of_somebody_else_is_left_alone(tool: Tool, place: str) -> None:
    theirs: Thing = {"id": "partners", "description": "theirs", "remote_ids": [], "enabled": True}
    tool.keystone.federation[place] = theirs
    with pytest.raises(tool.Foreign, match="provider partners: somebody else's"):
        tool.bring(partners=PROVIDER)
    assert tool.keystone.federation == {place: theirs}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"issuer": "login.example.org"}, "issuer is no URL"),
        ({"client": ""}, "client is empty"),
        ({"access": {"a": {"group": "", "project": "x", "role": "x"}}}, "access.a names no"),
    ],
)
def test_provider_that_cannot_be_asked_is_told(tool: Tool, values: Thing, told: str) -> None:
    with pytest.raises(tool.Foreign, match=told):
        tool.bring(partners={**PROVIDER, **values})
    assert tool.keystone.said == []


def test_second_provider_is_refused(tool: Tool) -> None:
    with pytest.raises(tool.Foreign, match="others and partners: one, and no more"):
        tool.bring(partners=PROVIDER, others=PROVIDER)
