"""What is rendered of two releases, for whom, and what is said where it cannot; Salt is faked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from deploykit import preview
from deploykit.base.errors import DeployKitError
from deploykit.ledger import Ledger
from deploykit.preview.places import place_of, place_of_roles
from deploykit.preview.renderer import checked
from deploykit.preview.states import read_states
from deploykit.release import Release, cutting
from deploykit.release.states import fixed_states
from sitecheckout import Checkout

ROLES = (
    "roles:\n  master: {components: []}\n  cache: {components: [memcached], stage: foundation}\n"
)
TWO = "  identity: {components: [keystone], stage: identity, passwords: [admin_password]}\n"
NODES = """
name: staging
networks: {management: {cidr: 10.20.0.0/24}}
nodes:
  salt: {roles: [master], at: 10}
  cache: {roles: [cache], count: 2, at: 11}
  one: {roles: [identity], at: 21}
"""


class FakeSalt:
    """Answers what each node was told; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self.source = "salt://init.sls"  # of what says "two"

    def __call__(self, root: Path, told: Mapping[str, Any], machine: Mapping[str, Any]) -> Any:
        self.asked.append(told)
        text = (root / "salt" / "states" / "init.sls").read_text()
        if "broken" in text:
            raise DeployKitError("Salt is not on this machine", "build it")
        source = self.source if "two" in text else "salt://init.sls"
        answer: dict[str, Any] = {
            name: {
                "highstate": [
                    {"__id__": "memcached_x", "name": "x", "state": "file", "fun": "managed",
                     "source": source}
                ],
                "sls": {}, "files": {}, "top": {}, "values": {}, "secrets": [],
            }
            for name in told["whole"]["minions"]
        }  # fmt: skip
        if "failing" in text:
            answer = {name: {"failed": "no such variable"} for name in answer}
        return {**answer, "orchestration": []}


@pytest.fixture
def salt(monkeypatch: pytest.MonkeyPatch) -> FakeSalt:
    fake = FakeSalt()
    monkeypatch.setattr(preview, "ask_salt", fake)
    return fake


@pytest.fixture
def cut(checkout_with_site: Checkout) -> Any:
    checkout = checkout_with_site
    (checkout.site.folder / "environments" / "staging.yml").write_text(NODES)
    ledger = Ledger.open(checkout.site)

    def release(text: str, roles: str = ROLES + TWO) -> Release:
        if roles != (checkout.folder / "salt" / "roles.yml").read_text():
            checkout.change(roles, "salt/roles.yml")
        checkout.change(text)
        done = cutting.cut(checkout.site, ledger, commit=False, today=date(2026, 11, 21))
        return done.release

    return release


def test_each_kind_of_node_is_rendered_once_and_what_differs_is_told(
    checkout_with_site: Checkout, cut: Any, salt: FakeSalt
) -> None:
    site = checkout_with_site.site
    environment = site.environment("staging")
    one, two = cut("one\n"), cut("two\n")
    found = read_states(site, one, two, environment)
    assert found is not None
    assert found.nodes == (("cache1", ("cache",)), ("one", ("identity",)))
    (change,) = found.changes
    assert (change.what, change.roles) == ("salt://init.sls", ("cache",))
    assert change.lines == ("-one", "+two")
    assert salt.asked[0]["one"]["secrets"] == {"admin_password": "<admin_password>"}
    assert read_states(site, one, two, environment) == found
    assert len(salt.asked) == 2, "what was rendered is kept"


def test_role_that_is_new_is_left_out_of_the_older_release(
    checkout_with_site: Checkout, cut: Any, salt: FakeSalt
) -> None:
    site = checkout_with_site.site
    one, two = cut("one\n", ROLES), cut("one\n# two\n")
    environment = site.environment("staging")
    found = read_states(site, one, two, environment)
    assert found is not None and not found.failed
    back = read_states(site, two, one, environment)
    assert back is not None
    (failed,) = back.failed
    assert "one has the role 'identity', which" in failed.why
    assert fixed_states(back)["failed"] == [{"version": one.version, "node": ""}]


@pytest.mark.parametrize("source", ["salt://../../../secret", "salt:///{}"])
def test_file_outside_of_the_states_is_never_read(
    checkout_with_site: Checkout, cut: Any, salt: FakeSalt, source: str
) -> None:
    site = checkout_with_site.site
    one, two = cut("one\n"), cut("two\n")
    secret = one.unpacked(site).parent / "secret"
    secret.write_text("hunter2")
    salt.source = source.format(secret)
    found = read_states(site, one, two, site.environment("staging"))
    assert found is not None and found.missing == ""
    assert "hunter2" not in str(found)
    assert {one.kind for one in found.changes} == {"changed", "new", "gone"}, "its name is told"


@pytest.mark.parametrize(
    "said", [[], {}, {"one": [], "orchestration": 1}, {"one": {"highstate": []}}, "x"]
)
def test_answer_that_is_none_of_the_script_is_refused(said: Any) -> None:
    with pytest.raises(ValueError, match="not"):
        checked(said, ["one"])


def test_release_that_does_not_render_is_said_with_its_node(
    checkout_with_site: Checkout, cut: Any, salt: FakeSalt
) -> None:
    found = read_states(checkout_with_site.site, cut("one\n"), cut("failing\n"), None)
    assert found is not None and found.changes == ()
    assert {(one.node, one.why) for one in found.failed} == {
        ("foundation", "no such variable"),
        ("identity", "no such variable"),
    }


def test_machine_that_cannot_render_says_so_and_its_page_is_another(
    checkout_with_site: Checkout, cut: Any, salt: FakeSalt
) -> None:
    found = read_states(checkout_with_site.site, cut("one\n"), cut("broken\n"), None)
    assert found is not None
    assert found.missing == "Salt is not on this machine; build it"
    assert fixed_states(found) == {"rendered": False}


def test_nothing_is_rendered_where_there_is_nothing_to_compare(
    checkout_with_site: Checkout, cut: Any, salt: FakeSalt
) -> None:
    site, one = checkout_with_site.site, cut("one\n", "roles: {}\n")
    assert read_states(site, None, one, None) is None
    assert read_states(site, one, one, None) is None
    assert read_states(site, one, cut("two\n"), None) is None
    assert salt.asked == []


def test_place_without_an_environment_has_a_node_for_each_stage() -> None:
    place = place_of_roles({"master": "", "cache": "foundation", "database": "foundation"})
    assert place.kinds == {"foundation": ("cache", "database")}
    assert place.nodes["foundation"]["addresses"]["management"] == "10.0.0.12"


def test_place_of_an_environment_says_of_a_node_what_its_master_is_told(
    checkout_with_site: Checkout, cut: Any
) -> None:
    place = place_of(checkout_with_site.site.environment("staging"))
    assert place.nodes["cache2"] == {
        "roles": ["cache"],
        "addresses": {"management": "10.20.0.12"},
        "links": {"management": {"interface": "eth1"}},
    }
    assert place.machine["container"] == "lxc"
