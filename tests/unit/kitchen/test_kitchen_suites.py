"""Suites as data, and the nodes that they become."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from deploykit.base.errors import InputError
from deploykit.site.environment import parse_environment
from runner.nodes import instance, pack, render_environment
from runner.suites import KITCHEN, load, parse

FILE = Path("suite.yml")
MOLECULES = {"platforms", "scenario"}  # the keys of Molecule's own that suites have


def test_component_alone_says_what_is_applied_and_undone() -> None:
    suite = parse("mariadb", "platforms: [{name: a, components: [mariadb]}]", FILE)
    (platform,) = suite.platforms
    assert platform.apply == (("mariadb", "mariadb.health"),)
    assert platform.clean == (("mariadb.clean",),)
    assert platform.kind == "salt"
    assert suite.covers == {"salt/states/mariadb"}


def test_components_are_undone_from_the_last_to_the_first() -> None:
    suite = parse("two", "platforms: [{name: a, components: [mariadb, keystone]}]", FILE)
    assert suite.platforms[0].clean == (("keystone.clean",), ("mariadb.clean",))
    assert suite.covers == {"salt/states/mariadb", "salt/states/keystone"}


def test_runs_before_are_not_covered() -> None:
    text = (
        "platforms: [{name: a, components: [keystone], before: [[mariadb, mariadb.health], trust]}]"
    )
    suite = parse("keystone", text, FILE)
    assert suite.platforms[0].before == (("mariadb", "mariadb.health"), ("trust",))
    assert suite.covers == {"salt/states/keystone"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("platforms: [{name: a, rolse: [cache]}]", "unknown key 'rolse'"),
        ("platforms: [{roles: [cache]}]", "needs at least a 'name'"),
        ("platforms: []", "'platforms' with at least one node"),
        ("- 1", "'platforms' with at least one node"),
        ("platforms: [", "suite.yml"),
    ],
)
def test_wrong_suite_is_told_with_its_file(text: str, said: str) -> None:
    with pytest.raises(InputError, match=r"suite\.yml") as caught:
        parse("one", text, FILE)
    assert said in caught.value.message


def test_every_suite_becomes_an_environment_with_one_master(tmp_path: Path) -> None:
    for name, suite in load(KITCHEN).items():
        file = tmp_path / "kitchen.yml"
        file.write_text(render_environment(suite), encoding="utf-8")
        environment = parse_environment(file)
        assert [node.name for node in environment.nodes] == [p.name for p in suite.platforms]
        assert str(instance(name)) == f"kitchen~{name.replace('_', '-')}"


def test_suite_whose_nodes_share_addresses_has_one_for_services_and_one_for_outsiders(
    tmp_path: Path,
) -> None:
    text = "platforms: [{name: a, roles: [load-balancer, virtual-address]}]"
    file = tmp_path / "kitchen.yml"
    file.write_text(render_environment(parse("shared", text, FILE)), encoding="utf-8")
    environment = parse_environment(file)
    assert list(environment.virtual) == ["management", "external"]
    assert environment.endpoints is not None and environment.endpoints.network == "external"


def test_every_suite_has_tests() -> None:
    for name in load(KITCHEN):
        assert list((KITCHEN / "suites" / name / "tests").glob("test_*.py")), name


def test_content_is_packed_the_same_twice(tmp_path: Path) -> None:
    states = tmp_path / "salt" / "states"
    states.mkdir(parents=True)
    (states / "top.sls").write_text("{}")
    (states / "__pycache__").mkdir()
    (states / "__pycache__" / "x.pyc").write_text("")
    pack(tmp_path, tmp_path / "one.tar")
    (states / "top.sls").touch()
    pack(tmp_path, tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert b"pycache" not in (tmp_path / "one.tar").read_bytes()


def test_settings_beside_a_suite_are_its_nodes_and_suite_file_has_only_keys_of_molecule(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "suites" / "one"
    folder.mkdir(parents=True)
    (folder / "suite.yml").write_text("platforms: [{name: a, components: [mariadb]}]\n")
    assert load(tmp_path)["one"].settings == {}
    (folder / "settings.yml").write_text("mariadb: {port: 3307}\n")
    suite = load(tmp_path)["one"]
    assert json.loads(render_environment(suite))["settings"] == {"mariadb": {"port": 3307}}
    (folder / "settings.yml").write_text("[]\n")
    with pytest.raises(InputError, match=r"settings\.yml"):
        load(tmp_path)
    for file in KITCHEN.glob("suites/*/suite.yml"):
        assert set(yaml.safe_load(file.read_text())) <= MOLECULES, file
