"""What a release lets environments set: known keys, kinds of values, and the remedies."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.base.yamlfile import load
from deploykit.site.settings import Setting, parse_settings
from deploykit.site.tunables import (
    Tunables,
    day0_variables,
    demand_known,
    fitting,
    pillar_settings,
    read_tunables,
)

PILLAR = {
    "nova_compute": """\
nova_compute:
  packages: [nova-compute]
  virt_type: qemu
  confined: true
  reserved_memory: 4096
  overcommit: {memory: 1.0}
""",
    "cinder_volume": "cinder_volume: {disks: {}, file: {size: 20G}}\n",
    "endpoints": "endpoints: {cache: {port: 11211}}\nregion: RegionOne\n",
    "cloud": """\
cloud:
  flavors:
    '*': {memory: 512, extra: {}}
  networks:
    '*': {subnets: {'*': {cidr: ''}}, mtu: null}
""",
    "role_map": "services: {{ services | json }}\n",
    "settings": "{{ pillar.get('settings', {}) | json }}\n",
}
HARDENING = '---\nhardening_umask: "027"\nhardening_sshd: {}\nhardening_apt: {sync: true, n: 3}\n'


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The content of a release."""
    root = tmp_path / "release"
    (root / "salt/pillar").mkdir(parents=True)
    for name, text in PILLAR.items():
        (root / "salt/pillar" / f"{name}.sls").write_text(text)
    for role, text in {"hardening": HARDENING, "users": "users_accounts: []\n"}.items():
        (root / "ansible/roles" / role / "defaults").mkdir(parents=True)
        (root / "ansible/roles" / role / "defaults/main.yml").write_text(text)
    return root


@pytest.fixture
def tunables(release: Path) -> Tunables:
    return read_tunables(release)


def settings(folder: Path, text: str) -> tuple[Setting, ...]:
    file = folder / "settings.yml"
    file.write_text(text)
    return parse_settings(load(file))


def test_plain_files_of_the_pillar_and_defaults_of_roles_are_tunable(tunables: Tunables) -> None:
    assert list(tunables.pillar) == [
        "cinder_volume",
        "cloud",
        "endpoints",
        "region",
        "nova_compute",
    ]
    assert sorted(tunables.day0) == ["hardening_apt", "hardening_sshd", "hardening_umask"]
    assert tunables.pillar_settable


@pytest.mark.parametrize(
    "text",
    [
        "nova_compute: {virt_type: kvm, confined: false, reserved_memory: 512}",
        "nova_compute: {overcommit: {memory: 2}}",
        "nova_compute: {overcommit: {memory: 1.25}}",
        "nova_compute: {packages: [nova-compute, nova-compute-kvm]}",
        "cinder_volume: {disks: {storage1: [/dev/disk/by-id/a]}}",
        "endpoints: {cache: {port: 11212}}\nregion: Berlin",
        "day0: {hardening_sshd: {MaxSessions: 20}, hardening_umask: '022'}",
        "cloud: {flavors: {small: {memory: 1}, m1.tiny: {extra: {'a:b': '1'}}, bare: {}}}",
        "cloud: {networks: {out: {mtu: 9000, subnets: {one: {cidr: 10.0.0.0/8}}}}}",
    ],
)
def test_value_of_the_kind_that_the_release_has_is_taken(
    tmp_path: Path, tunables: Tunables, text: str
) -> None:
    demand_known(settings(tmp_path, text), tunables, "release 1")


@pytest.mark.parametrize(
    ("text", "line", "key", "said", "remedy"),
    [
        ("nova_comptue:\n  virt_type: kvm", 1, "nova_comptue", "unknown key", "nova_compute"),
        ("nova_compute:\n  virt_typ: kvm", 2, "nova_compute.virt_typ", "unknown key", "virt_type"),
        (
            "nova_compute:\n  overcommitt:\n    memory: 1.0",
            2,
            "nova_compute.overcommitt",
            "unknown key",
            "overcommit",
        ),
        ("endpoints: 3", 1, "endpoints", "a mapping", "cache"),
        ("region: {name: Berlin}", 1, "region.name", "'region' is text", "write region: VALUE"),
        ("nova_compute: {overcommit: 2}", 1, "nova_compute.overcommit", "a mapping", "memory"),
        (
            "nova_compute: {virt_type: {a: 1}}",
            1,
            "nova_compute.virt_type.a",
            "'nova_compute.virt_type' is text",
            "write nova_compute.virt_type: VALUE",
        ),
        ("nova_compute: {reserved_memory: 1.5}", 1, "reserved_memory", "a whole number", "4096"),
        ("nova_compute: {reserved_memory: true}", 1, "reserved_memory", "a whole number", "4096"),
        ("nova_compute: {overcommit: {memory: true}}", 1, "memory", "a number", "1.0"),
        ("nova_compute: {confined: 0}", 1, "confined", "true or false", "true"),
        ("nova_compute: {packages: nova-compute}", 1, "packages", "a list", "nova-compute"),
        ("day0: {hardening_unmask: '022'}", 1, "day0.hardening_unmask", "unknown", "umask"),
        ("day0: {users_accounts: []}", 1, "day0.users_accounts", "unknown key", ""),
        ("services: {identity: {}}", 1, "services", "unknown key", ""),
        ("cloud:\n  flavors:\n    x: {memry: 1}", 3, "cloud.flavors.x.memry", "unknown", "memory"),
        ("cloud: {flavors: {x: {memory: much}}}", 1, "x.memory", "a whole number", "512"),
        ("cloud: {flavors: {x: 512}}", 1, "cloud.flavors.x", "a mapping", "512"),
        (
            "cloud: {networks: {x: {subnets: {y: {cdir: a}}}}}",
            1,
            "networks.x.subnets.y.cdir",
            "unknown key",
            "cidr",
        ),
    ],
)
def test_what_the_release_does_not_know_is_refused_with_line_and_nearest_key(
    tmp_path: Path, tunables: Tunables, text: str, line: int, key: str, said: str, remedy: str
) -> None:
    with pytest.raises(InputError) as caught:
        demand_known(settings(tmp_path, text), tunables, "release 2026.48.1")
    message = caught.value.message
    assert message.startswith(f"{tmp_path / 'settings.yml'}:{line}: ")
    assert key in message and said in message and message.endswith("in release 2026.48.1")
    assert remedy in caught.value.remedy


def test_everything_wrong_is_told_at_once(tmp_path: Path, tunables: Tunables) -> None:
    text = "nova_compute: {virt_typ: kvm}\nday0: {hardening_x: 1}\n"
    with pytest.raises(InputError) as caught:
        demand_known(settings(tmp_path, text), tunables, "release 1")
    assert "virt_typ" in caught.value.message
    assert "settings.yml:2: day0.hardening_x" in caught.value.remedy


def test_release_from_before_settings_takes_those_of_day_0_alone(
    tmp_path: Path, release: Path
) -> None:
    (release / "salt/pillar/settings.sls").unlink()
    old = read_tunables(release)
    asked = settings(tmp_path, "nova_compute: {virt_type: kvm}\nday0: {hardening_umask: '022'}\n")
    with pytest.raises(InputError, match="before environments could set anything"):
        demand_known(asked, old, "release 1")
    assert [one.key for one in fitting(asked, old)] == ["day0.hardening_umask"]
    assert pillar_settings(asked, old) == {}


def test_older_release_gets_what_it_knows(tmp_path: Path, tunables: Tunables) -> None:
    asked = settings(tmp_path, "nova_compute: {virt_type: kvm, migration: tls}\n")
    assert pillar_settings(asked, tunables) == {"nova_compute": {"virt_type": "kvm"}}


def test_variable_of_day_0_comes_whole_as_ansible_takes_it_whole(
    tmp_path: Path, release: Path
) -> None:
    asked = settings(tmp_path, "day0: {hardening_apt: {sync: false}}\nnova_compute: {a: 1}\n")
    variables = day0_variables(asked, release / "ansible")
    assert variables == {"hardening_apt": {"sync": False, "n": 3}}
