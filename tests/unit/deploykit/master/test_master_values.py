"""What others made and no certificate is: given to the master by name, never made there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deploykit.master.remote import environment, kits, rotation, secrets
from deploykit.master.remote.files import read_json
from deploykit.master.remote.protocol import AgentError
from masterfolder import make_master

DIGEST = "a" * 64
ROLES = """
roles:
  master: {components: []}
  identity: {components: [keystone], passwords: [keystone_admin]}
  cache: {components: [memcached]}
secrets:
  people: {kind: values, roles: [identity]}
"""
NODES = {
    name: {"roles": [role], "addresses": {"management": f"10.0.0.{number}"}, "links": {}}
    for number, (name, role) in enumerate(
        {"salt": "master", "one": "identity", "two": "cache"}.items(), start=1
    )
}


@pytest.fixture(autouse=True)
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_master(tmp_path, monkeypatch, DIGEST, ROLES)
    monkeypatch.setattr(kits, "current", lambda: DIGEST)


def applied(node: str) -> dict[str, Any]:
    """The secrets of a node."""
    environment.apply(DIGEST, "test", NODES)
    found: dict[str, Any] = read_json(secrets.ROOT / "pillar" / f"{node}.json", {})
    return dict(found["secrets"])


def test_nothing_is_made_of_what_others_make() -> None:
    assert applied("one")["people"] == {"given": True, "values": {}}
    assert "people" not in applied("two")


def test_values_that_were_given_come_with_the_next_deployment() -> None:
    applied("one")
    assert rotation.give_values("people", {"corporate": "first"}) == {"names": ["corporate"]}
    both = rotation.give_values("people", {"partners": "second"})
    assert both == {"names": ["corporate", "partners"]}
    there = applied("one")["people"]["values"]
    assert there == {"corporate": "first", "partners": "second"}
    (listed,) = [one for one in rotation.listed() if one["name"] == "people"]
    assert (listed["kind"], listed["given"], listed["waiting"]) == ("values", True, True)
    assert (listed["ends"], listed["roles"]) == (None, ["identity"])


def test_values_are_never_rotated() -> None:
    applied("one")
    assert rotation.rotate([]) == {"rotated": ["keystone_admin"], "waiting": []}
    with pytest.raises(AgentError, match="people: made by others"):
        rotation.rotate(["people"])


def test_giving_is_taken_back_as_a_rotation_is() -> None:
    applied("one")
    rotation.give_values("people", {"corporate": "first"})
    rotation.settle()
    rotation.give_values("people", {"corporate": "second"})
    assert rotation.undo() == ["people"]
    assert applied("one")["people"]["values"] == {"corporate": "first"}


def test_secret_that_is_made_here_is_refused() -> None:
    applied("one")
    with pytest.raises(AgentError, match="no secret of values that others made: keystone_admin"):
        rotation.give_values("keystone_admin", {"x": "y"})


@pytest.mark.parametrize("value", ["", "two\nlines", "a\ttab"])
def test_value_that_is_no_line_is_refused(value: str) -> None:
    applied("one")
    with pytest.raises(AgentError, match="the value of 'corporate' is empty, or no single line"):
        rotation.give_values("people", {"corporate": value})
    assert applied("one")["people"]["values"] == {}
