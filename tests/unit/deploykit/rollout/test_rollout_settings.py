"""What counts on an environment's nodes, and where it comes from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from deploykit.base.errors import InputError
from deploykit.rollout.settings import Effective, Origin, differences, settings_for, values_of
from deploykit.site.environment import Environment, parse_environment
from deploykit.site.tunables import Tunables, read_tunables

ROLES = """\
common: [chrony]
roles:
  master: {components: []}
  identity:
    {components: [keystone], memory: 150M, stage: identity, account: keystone,
     databases: [keystone], passwords: [keystone_admin], offers: {identity: {public_port: 5000}}}
  cache: {components: [memcached], stage: foundation}
  image: {components: [glance], stage: control, passwords: [glance_key]}
"""
PILLAR = {
    "chrony": "chrony: {upstream: [pool]}\n",
    "keystone": "keystone: {processes: 2, hours: {token: 1.0}, disks: {}}\n",
    "memcached": "memcached: {memory: 64}\n",
    "glance": "glance: {workers: 1}\n",
    "endpoints": "region: RegionOne\n",
    "settings": "{{ pillar.settings | json }}\n",
}
FILE = """\
name: {name}
networks: {{lan: {{cidr: 10.9.0.0/24}}}}
nodes:
  salt: {{roles: [master], at: 10}}
  who: {{roles: [identity, cache], at: 11}}
settings:
  keystone: {settings}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return release(tmp_path / "release")


def release(folder: Path, **pillar: str) -> Path:
    """The content of a release in `folder`, with other files of its pillar."""
    (folder / "salt/pillar").mkdir(parents=True)
    (folder / "salt/roles.yml").write_text(ROLES)
    for name, text in {**PILLAR, **pillar}.items():
        (folder / "salt/pillar" / f"{name}.sls").write_text(text)
    defaults = folder / "ansible/roles/base/defaults"
    defaults.mkdir(parents=True)
    (defaults / "main.yml").write_text("base_unsafe_io: false\n")
    return folder


def environment(folder: Path, settings: str, name: str = "test") -> Environment:
    file = folder / f"{name}.yml"
    file.write_text(FILE.format(name=name, settings=settings))
    return parse_environment(file)


def by_key(values: tuple[Effective, ...]) -> dict[str, Effective]:
    return {one.key: one for one in values}


def test_each_value_says_where_it_comes_from(tmp_path: Path, root: Path) -> None:
    asked = environment(tmp_path, "{hours: {token: 2}, disks: {who: [a]}}")
    found = by_key(values_of(asked, root, "keystone"))
    place = f"{tmp_path / 'test.yml'}:7"
    assert found["keystone.processes"] == Effective(("keystone", "processes"), 2, Origin.RELEASE)
    token = found["keystone.hours.token"]
    assert (token.value, token.origin, token.place) == (2, Origin.ENVIRONMENT, place)
    assert found["keystone.disks.who"].value == ["a"]
    assert "keystone.disks" not in found
    port = found["roles.identity.offers.identity.public_port"]
    assert (port.value, port.origin) == (5000, Origin.ROLE)
    hidden = {key for key, one in found.items() if one.origin == Origin.SECRET}
    assert hidden == {"secrets.keystone_admin", "secrets.keystone_database"}
    assert all(found[key].value is None for key in hidden)
    assert not {"roles.identity.memory", "chrony.upstream", "memcached.memory"} & set(found)


def test_without_a_component_all_that_the_nodes_get_is_told(tmp_path: Path, root: Path) -> None:
    found = by_key(values_of(environment(tmp_path, "{processes: 4}"), root))
    assert {"chrony.upstream", "memcached.memory", "region", "day0.base_unsafe_io"} <= set(found)
    assert "glance.workers" not in found and "secrets.glance_key" not in found
    assert found["keystone.processes"].value == 4


@pytest.mark.parametrize("component", ["glance", "keystoned"])
def test_component_that_no_node_has_is_refused(tmp_path: Path, root: Path, component: str) -> None:
    with pytest.raises(InputError, match=f"no node of test has the component '{component}'"):
        values_of(environment(tmp_path, "{}"), root, component)


def test_what_the_release_does_not_know_is_refused(tmp_path: Path, root: Path) -> None:
    with pytest.raises(InputError, match=r"test\.yml:7: keystone\.proceses: unknown key"):
        values_of(environment(tmp_path, "{proceses: 4}"), root)


def test_differences_are_of_settings_and_of_releases(tmp_path: Path, root: Path) -> None:
    first = environment(tmp_path, "{processes: 4, hours: {token: 3}}", "staging")
    second = environment(tmp_path, "{hours: {token: 3.0}}", "production")
    newer = release(tmp_path / "newer", memcached="memcached: {memory: 65, threads: 2}\n")
    assert [
        (key, one and one.value, other and other.value)
        for key, one, other in differences((first, root), (second, newer))
    ] == [
        ("keystone.processes", 4, 2),
        ("memcached.memory", 64, 65),
        ("memcached.threads", None, 2),
    ]
    assert differences((first, root), (first, root)) == []


def test_role_map_that_is_none_is_told_without_a_traceback(tmp_path: Path, root: Path) -> None:
    (root / "salt/roles.yml").write_text("roles: {identity: {databases: [x]}}\n")
    with pytest.raises(InputError, match="is no role map"):
        values_of(environment(tmp_path, "{}"), root)


def test_deployment_reads_the_tunables_of_a_release_once(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks before anything is on record, and again when it begins."""
    roots: list[Path] = []

    def read(folder: Path) -> Tunables:
        roots.append(folder)
        return read_tunables(folder)

    monkeypatch.setattr("deploykit.rollout.settings.read_tunables", read)
    release: Any = SimpleNamespace(hex="a" * 64, version="1", unpacked=lambda site: root)
    newer: Any = SimpleNamespace(hex="b" * 64, version="2", unpacked=lambda site: root)
    work: Any = SimpleNamespace(site=None)
    asked = environment(tmp_path, "{processes: 3}")
    for one in (release, release, newer):
        settings_for(work, one, asked, older=False)
    assert roots == [root, root]
