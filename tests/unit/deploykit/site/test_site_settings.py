"""Settings of an environment: read with their places, refused where they are none, in one order."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.base.yamlfile import Plain, load
from deploykit.site.description import environment_digest
from deploykit.site.environment import Environment, load_environments, parse_environment
from deploykit.site.settings import merged, parse_settings, tree

FILE = """\
name: staging
networks:
  management: {cidr: 10.20.0.0/24}
nodes:
  salt: {roles: [master], at: 10}
  web: {roles: [load-balancer], at: 11}
settings:
  nova_compute:
    virt_type: kvm
    overcommit:
      memory: 1.5
  chrony: {upstream: [ntp1.example.org, ntp2.example.org]}
  day0: {hardening_umask: "022"}
"""


def environment(folder: Path, text: str = FILE, **beside: str) -> Environment:
    """The environment that `text` and the files `beside` it say."""
    (folder / "staging").mkdir(exist_ok=True)
    for name, said in beside.items():
        (folder / "staging" / f"{name}.yml").write_text(said)
    file = folder / "staging.yml"
    file.write_text(text)
    return parse_environment(file)


def test_settings_are_read_key_by_key_with_the_line_of_each(tmp_path: Path) -> None:
    settings = environment(tmp_path).settings
    assert [(one.key, one.value, one.lines[-1]) for one in settings] == [
        ("nova_compute.virt_type", "kvm", 9),
        ("nova_compute.overcommit.memory", 1.5, 11),
        ("chrony.upstream", ["ntp1.example.org", "ntp2.example.org"], 12),
        ("day0.hardening_umask", "022", 13),
    ]
    assert settings[1].lines == (8, 10, 11)
    assert settings[1].place == f"{tmp_path / 'staging.yml'}:11"
    assert tree(settings)["nova_compute"] == {"virt_type": "kvm", "overcommit": {"memory": 1.5}}


def test_files_of_the_folder_beside_say_more(tmp_path: Path) -> None:
    found = environment(tmp_path, compute="nova_compute: {reserved_memory: 8192}\n")
    assert tree(found.settings)["nova_compute"] == {
        "virt_type": "kvm",
        "overcommit": {"memory": 1.5},
        "reserved_memory": 8192,
    }
    assert list(load_environments(tmp_path)) == ["staging"]  # the folder is no environment


@pytest.mark.parametrize(
    "again", ["{virt_type: qemu}", "{overcommit: {memory: 1.0}}", "{overcommit: {}}"]
)
def test_value_that_two_files_set_is_refused_with_both_places(tmp_path: Path, again: str) -> None:
    with pytest.raises(InputError) as caught:
        environment(tmp_path, compute=f"nova_compute: {again}\n")
    assert caught.value.message.startswith(f"{tmp_path / 'staging/compute.yml'}:1: nova_compute.")
    assert f"{tmp_path / 'staging.yml'}:" in caught.value.message


@pytest.mark.parametrize("name", ["secrets", "environment", "components", "role_map"])
def test_what_the_pillar_has_from_elsewhere_is_refused_by_name(tmp_path: Path, name: str) -> None:
    text = FILE.replace("  nova_compute:\n", f"  {name}: {{keystone_admin: x}}\n  nova_compute:\n")
    with pytest.raises(InputError) as caught:
        environment(tmp_path, text)
    assert caught.value.message.startswith(f"{tmp_path / 'staging.yml'}:8: {name}: ")
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("memory: 1.5", "memory: .inf", 11, "expected a number"),
        ("memory: 1.5", "memory: &loop [*loop]", 11, "levels"),
        ("memory: 1.5", "memory: {a: &loop {b: *loop}}", 11, "levels"),
        ("    virt_type: kvm", "    virt_type: kvm\n    virt_type: qemu", 10, "stands twice"),
    ],
)
def test_what_is_no_data_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    assert old in FILE
    with pytest.raises(InputError) as caught:
        environment(tmp_path, FILE.replace(old, new))
    assert caught.value.message.startswith(f"{tmp_path / 'staging.yml'}:{line}: ")
    assert said in caught.value.message


def test_day_written_without_quotes_stays_what_it_looks_like(tmp_path: Path) -> None:
    file = tmp_path / "vendor.yml"
    file.write_text("vendor: {updates: 2026-11-25}\n")
    assert parse_settings(load(file))[0].value == "2026-11-25"


@pytest.mark.parametrize(
    ("default", "own", "counts"),
    [
        ({"a": 1, "b": 2}, {"a": 3}, {"a": 3, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": 1, "c": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {}}, {"a": {"node": ["disk"]}}, {"a": {"node": ["disk"]}}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": 1}}),
        ({"a": 1}, {}, {"a": 1}),
    ],
)
def test_environment_counts_over_the_release_key_by_key(
    default: Plain, own: Plain, counts: Plain
) -> None:
    assert merged(default, own) == counts


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("virt_type: kvm", "virt_type: kvm  # since May", True),
        ("nodes:", "promotion: {soak: 2h}\nprotected: true\nnodes:", True),
        ("virt_type: kvm", "virt_type: qemu", False),
        ("roles: [load-balancer]", "roles: [load-balancer, cache]", False),
        ("at: 11", "at: 12", False),
        ("at: 11", "at: 11, memory: 2G", False),
        ("10.20.0.0/24", "10.21.0.0/24", False),
        ("settings:", "provider: metal\nsettings:", False),
        ('"022"', '"027"', False),
    ],
)
def test_digest_changes_with_what_nodes_have_and_with_nothing_else(
    tmp_path: Path, old: str, new: str, same: bool
) -> None:
    assert old in FILE
    before = environment_digest(environment(tmp_path))
    after = environment_digest(environment(tmp_path, FILE.replace(old, new)))
    assert (before == after) is same
