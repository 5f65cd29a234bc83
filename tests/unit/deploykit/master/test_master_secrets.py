"""Secrets of an environment: made once, kept, issued to those who need them."""

from __future__ import annotations

import ipaddress
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from deploykit.master.remote import environment
from deploykit.master.remote.protocol import AgentError
from masterfolder import make_master

DIGEST = "a" * 64
NODES: dict[str, dict[str, Any]] = {
    "salt": {"roles": ["master"], "addresses": {"management": "10.9.0.10"}, "links": {}},
    "front": {"roles": ["load-balancer"], "addresses": {"management": "10.9.0.11"}, "links": {}},
    "who": {"roles": ["identity"], "addresses": {"management": "10.9.0.12"}, "links": {}},
}
ROLES = """
common: [trust]
roles:
  master: {components: []}
  identity: {components: [keystone]}
  load-balancer: {components: [haproxy]}
secrets:
  admin: {kind: password, roles: [identity]}
  tokens: {kind: fernet-keys, roles: [identity]}
  tls: {kind: certificate, roles: [load-balancer]}
schemas: {keystone: zed}
"""


@pytest.fixture
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_master(tmp_path, monkeypatch, DIGEST, ROLES)
    return tmp_path


def pillar(master: Path, node: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((master / "environment/pillar" / f"{node}.json").read_text())
    return found


def test_node_gets_only_the_secrets_of_its_roles(master: Path) -> None:
    components = environment.apply(DIGEST, "test", NODES)
    assert components == {"master": [], "identity": ["keystone"], "load-balancer": ["haproxy"]}
    assert set(pillar(master, "who")["secrets"]) == {"admin", "tokens"}
    assert set(pillar(master, "front")["secrets"]) == {"tls"}
    assert pillar(master, "salt")["secrets"] == {}
    assert pillar(master, "front")["components"] == ["trust", "haproxy"]


def test_node_gets_the_settings_of_its_components_and_of_what_is_none(master: Path) -> None:
    settings = {"keystone": {"processes": 8}, "trust": {"a": 1}, "region": "Berlin"}
    environment.apply(DIGEST, "test", NODES, None, settings)
    assert pillar(master, "who")["settings"] == settings
    assert pillar(master, "front")["settings"] == {"trust": {"a": 1}, "region": "Berlin"}
    environment.apply(DIGEST, "test", NODES)
    assert pillar(master, "who")["settings"] == {}


def test_minion_is_told_the_role_map_without_any_secret(master: Path) -> None:
    environment.apply(DIGEST, "test", NODES)
    assert pillar(master, "front")["role_map"] == {
        "common": ["trust"],
        "roles": [
            {"name": "master", "components": [], "stage": ""},
            {"name": "identity", "components": ["keystone"], "stage": ""},
            {"name": "load-balancer", "components": ["haproxy"], "stage": ""},
        ],
    }


def test_node_knows_its_own_interfaces_and_of_others_their_addresses(master: Path) -> None:
    links = {"management": {"interface": "bond0.100"}, "tunnel": {"interface": "p1", "mtu": 9000}}
    own = {"links": links, "addresses6": {"management": "fd09::c"}}
    environment.apply(DIGEST, "test", {**NODES, "who": {**NODES["who"], **own}})
    told = pillar(master, "who")["environment"]
    assert told["interfaces"] == {"management": "bond0.100", "tunnel": "p1"}
    assert told["links"] == links
    others = pillar(master, "front")["environment"]["nodes"]["who"]
    assert others == {key: told[key] for key in ("roles", "addresses", "addresses6")}


def test_second_apply_keeps_every_secret(master: Path) -> None:
    environment.apply(DIGEST, "test", NODES)
    first = (master / "environment/secrets.json").read_bytes()
    environment.apply(DIGEST, "test", NODES)
    assert (master / "environment/secrets.json").read_bytes() == first


def test_secret_files_are_readable_by_root_alone(master: Path) -> None:
    environment.apply(DIGEST, "test", NODES)
    for name in ("secrets.json", "pillar/who.json", "ca/ca.key"):
        mode = stat.S_IMODE((master / "environment" / name).stat().st_mode)
        assert mode == 0o600, name
    assert stat.S_IMODE((master / "environment").stat().st_mode) == 0o700


def test_certificate_names_the_nodes_of_its_roles_and_no_others(master: Path) -> None:
    environment.apply(DIGEST, "test", NODES)
    pem = pillar(master, "front")["secrets"]["tls"]["certificate"].encode()
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["front"]
    assert names.value.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("10.9.0.11")]


def addresses_of(pem: str) -> list[str]:
    names = x509.load_pem_x509_certificate(pem.encode()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    return [str(address) for address in names.value.get_values_for_type(x509.IPAddress)]


def test_virtual_address_is_in_the_certificates_that_speak_for_it_and_in_every_pillar(
    master: Path,
) -> None:
    roles = ROLES.replace(
        "  tls: {kind: certificate, roles: [load-balancer]}",
        "  tls: {kind: certificate, roles: [load-balancer], virtual: true}\n"
        "  own: {kind: certificate, roles: [load-balancer]}",
    )
    (master / "kits" / DIGEST / "salt" / "roles.yml").write_text(roles)
    environment.apply(DIGEST, "test", NODES, {"management": "10.9.0.5"})
    found = pillar(master, "front")["secrets"]
    assert addresses_of(found["tls"]["certificate"]) == ["10.9.0.11", "10.9.0.5"]
    assert addresses_of(found["own"]["certificate"]) == ["10.9.0.11"]
    assert pillar(master, "who")["environment"]["virtual"] == {"management": "10.9.0.5"}
    environment.apply(DIGEST, "test", NODES, {"management": "10.9.0.5"})
    assert pillar(master, "front")["secrets"] == found, "it fits and is not made again"
    environment.apply(DIGEST, "test", NODES)
    assert addresses_of(pillar(master, "front")["secrets"]["tls"]["certificate"]) == ["10.9.0.11"]


def test_certificate_is_made_anew_when_an_address_changes(master: Path) -> None:
    environment.apply(DIGEST, "test", NODES)
    before = pillar(master, "front")["secrets"]["tls"]
    moved = {**NODES, "front": {**NODES["front"], "addresses": {"management": "10.9.0.99"}}}
    environment.apply(DIGEST, "test", moved)
    assert pillar(master, "front")["secrets"]["tls"] != before


def test_node_that_left_loses_its_pillar(master: Path) -> None:
    environment.apply(DIGEST, "test", NODES)
    environment.apply(DIGEST, "test", {k: v for k, v in NODES.items() if k != "who"})
    assert not (master / "environment/pillar/who.json").exists()


def test_role_that_the_release_does_not_know_is_refused_by_name(master: Path) -> None:
    nodes = {**NODES, "odd": {"roles": ["teapot"], "addresses": {}, "links": {}}}
    with pytest.raises(AgentError, match="odd has the role 'teapot'") as refused:
        environment.apply(DIGEST, "test", nodes)
    assert "identity" in refused.value.remedy


def test_unknown_kind_of_secret_is_refused(master: Path) -> None:
    file = master / "kits" / DIGEST / "salt/roles.yml"
    file.write_text(ROLES.replace("kind: password", "kind: pasword"))
    with pytest.raises(AgentError, match="unknown kind 'pasword'"):
        environment.apply(DIGEST, "test", NODES)


def test_certificate_of_what_is_reached_through_balancers_speaks_for_them_too(master: Path) -> None:
    """Their nodes do not get its key for that."""
    fronted = ROLES + "  database: {kind: certificate, roles: [identity], fronted: true}\n"
    roles = fronted.replace("schemas: {keystone: zed}\n", "")
    (master / "kits" / DIGEST / "salt" / "roles.yml").write_text(roles)
    environment.apply(DIGEST, "test", NODES)
    pem = pillar(master, "who")["secrets"]["database"]["certificate"]
    held = x509.load_pem_x509_certificate(pem.encode()).extensions
    names = held.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["front", "who"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("10.9.0.11"),
        ipaddress.ip_address("10.9.0.12"),
    ]
    assert "database" not in pillar(master, "front")["secrets"]


def test_certificate_is_a_clients_where_its_rule_says_so_and_made_anew_when_that_changes(
    master: Path,
) -> None:
    def uses() -> set[str]:
        pem = pillar(master, "front")["secrets"]["tls"]["certificate"]
        held = x509.load_pem_x509_certificate(pem.encode()).extensions
        return {use._name for use in held.get_extension_for_class(x509.ExtendedKeyUsage).value}

    environment.apply(DIGEST, "test", NODES)
    assert uses() == {"serverAuth"}
    both = ROLES.replace("roles: [load-balancer]}", "roles: [load-balancer], both_ways: true}")
    (master / "kits" / DIGEST / "salt" / "roles.yml").write_text(both)
    environment.apply(DIGEST, "test", NODES)
    assert uses() == {"serverAuth", "clientAuth"}
