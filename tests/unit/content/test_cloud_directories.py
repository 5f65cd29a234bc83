"""Domains whose people are in a directory, brought about by a cloud's tool in a small keystone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from smallkeystone import MARK, Thing, Tool, tool_of

DIRECTORY = {
    "url": "ldaps://directory.example.org",
    "starttls": True,
    "authority": "/etc/ssl/certs/ca-certificates.crt",
    "user": "cn=cloud,dc=example,dc=org",
    "people": {"tree": "ou=people,dc=example,dc=org", "filter": "", "class": "inetOrgPerson"},
    "groups": {"tree": "ou=groups,dc=example,dc=org", "member": "member"},
    "options": {},
    "access": {},
}
STAFF = {"research": {"group": "staff", "project": "research", "role": "member"}}


@pytest.fixture
def tool() -> Iterator[Tool]:
    with tool_of("directories") as found:
        yield found


def with_group(tool: Tool, **values: Any) -> Thing:
    """A directory that stands, with the group `staff` in it; its domain is there."""
    directory = {**DIRECTORY, **values}
    tool.bring(corporate={**directory, "access": {}})
    domain = tool.keystone.domain("corporate")["id"]
    tool.keystone.kept["groups"].append({"id": "g1", "name": "staff", "domain_id": domain})
    return directory


def test_domain_is_made_and_asks_the_directory(tool: Tool) -> None:
    tool.bring(corporate=DIRECTORY)
    domain = tool.keystone.domain("corporate")
    assert (domain["description"], domain["enabled"]) == (MARK, True)
    config = tool.keystone.configs[f"/domains/{domain['id']}/config"]
    assert config["identity"] == {"driver": "ldap"}
    assert config["ldap"] == {
        "url": DIRECTORY["url"],
        "user": DIRECTORY["user"],
        "password": "told",
        "use_tls": False,
        "tls_req_cert": "demand",
        "tls_cacertfile": DIRECTORY["authority"],
        "user_tree_dn": "ou=people,dc=example,dc=org",
        "user_objectclass": "inetOrgPerson",
        "group_tree_dn": "ou=groups,dc=example,dc=org",
        "group_member_attribute": "member",
    }


def test_second_time_changes_nothing(tool: Tool) -> None:
    directory = with_group(tool, access=STAFF)
    assert tool.bring(corporate=directory)
    assert tool.bring(corporate=directory) == []
    assert tool.bring(dry=True, corporate=directory) == []


def test_directory_without_ldaps_is_asked_by_starttls(tool: Tool) -> None:
    tool.bring(corporate={**DIRECTORY, "url": "ldap://directory.example.org"})
    (config,) = tool.keystone.configs.values()
    assert (config["ldap"]["use_tls"], config["ldap"]["tls_req_cert"]) == (True, "demand")


def test_other_password_and_other_options_are_seen(tool: Tool) -> None:
    tool.bring(corporate=DIRECTORY)
    with pytest.raises(tool.Different, match="corporate: password"):
        tool.bring(dry=True, password="another", corporate=DIRECTORY)
    tool.bring(password="another", corporate=DIRECTORY)
    (config,) = tool.keystone.configs.values()
    assert config["ldap"]["password"] == "another"
    more = {**DIRECTORY, "options": {"user_enabled_mask": 2}}
    with pytest.raises(tool.Different, match="corporate: user_enabled_mask"):
        tool.bring(dry=True, password="another", corporate=more)


def test_password_is_in_no_attribute_of_the_domain(tool: Tool) -> None:
    tool.bring(password="a-long-secret", corporate=DIRECTORY)
    assert "a-long-secret" not in repr(tool.keystone.kept)


def test_without_a_password_the_domain_is_there_and_asks_nobody(
    tool: Tool, capsys: pytest.CaptureFixture[str]
) -> None:
    tool.bring(password="", corporate={**DIRECTORY, "access": STAFF})
    assert tool.keystone.domain("corporate")["enabled"]
    assert tool.keystone.configs == {}
    assert "directory corporate: its password was not given here" in capsys.readouterr().out
    assert tool.bring(password="", dry=True, corporate=DIRECTORY) == []


def test_group_of_the_directory_has_its_role_and_the_project_is_made(tool: Tool) -> None:
    tool.bring(corporate=with_group(tool, access=STAFF))
    (project,) = tool.keystone.kept["projects"]
    assert (project["name"], project["description"]) == ("research", MARK)
    assert tool.keystone.grants == {f"/projects/{project['id']}/groups/g1/roles/r1"}


def test_role_that_is_no_longer_said_goes_and_one_that_an_admin_gave_stays(tool: Tool) -> None:
    directory = with_group(tool, access=STAFF)
    tool.bring(corporate=directory)
    (project,) = tool.keystone.kept["projects"]
    by_hand = f"/projects/{project['id']}/groups/g1/roles/r2"
    tool.keystone.grants.add(by_hand)
    tool.bring(corporate={**directory, "access": {}})
    assert tool.keystone.grants == {by_hand}
    assert tool.bring(corporate={**directory, "access": {}}) == []


def test_role_that_was_noted_and_not_given_yet_is_given(tool: Tool) -> None:
    """As where the tool was killed between the two."""
    directory = with_group(tool, access=STAFF)
    tool.bring(corporate=directory)
    given = set(tool.keystone.grants)
    tool.keystone.grants.clear()
    tool.bring(corporate=directory)
    assert tool.keystone.grants == given


def test_directory_that_is_no_longer_said_is_closed_and_opens_again(tool: Tool) -> None:
    directory = with_group(tool, access=STAFF)
    tool.bring(corporate=directory)
    tool.bring()
    assert not tool.keystone.domain("corporate")["enabled"]
    assert tool.keystone.grants == set()
    assert tool.bring() == []
    tool.bring(corporate=directory)
    assert tool.keystone.domain("corporate")["enabled"]
    assert len(tool.keystone.grants) == 1


def test_domain_of_somebody_else_is_left_alone(tool: Tool) -> None:
    other = {"id": "theirs", "name": "corporate", "enabled": True, "description": "ours"}
    tool.keystone.kept["domains"].append(other)
    with pytest.raises(tool.Foreign, match="domain corporate: somebody else's"):
        tool.bring(corporate=DIRECTORY)
    assert tool.bring() == []
    assert tool.keystone.said == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"url": "https://directory.example.org"}, "url is no URL of ldaps or ldap"),
        ({"people": {"tree": ""}}, "people.tree is empty"),
        ({"access": {"a": {"group": "staff", "project": "", "role": "x"}}}, "access.a names no"),
    ],
)
def test_directory_that_cannot_be_asked_is_told(tool: Tool, values: Thing, told: str) -> None:
    with pytest.raises(tool.Foreign, match=told):
        tool.bring(corporate={**DIRECTORY, **values})
    assert tool.keystone.said == []


def test_group_that_the_directory_does_not_have_is_told(tool: Tool) -> None:
    with pytest.raises(tool.Foreign, match="it has no group staff"):
        tool.bring(corporate={**DIRECTORY, "access": STAFF})
