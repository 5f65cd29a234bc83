"""Rotation on the master: new values, the old ones kept until a deployment went well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, MultiFernet
from deploykit.master.remote import environment, kits, rotation, secrets
from deploykit.master.remote.protocol import AgentError
from masterfolder import make_master

DIGEST = "b" * 64
NODES: dict[str, dict[str, Any]] = {
    "salt": {"roles": ["master"], "addresses": {"management": "10.9.0.10"}, "links": {}},
    "all": {
        "roles": ["identity", "load-balancer"],
        "addresses": {"management": "10.9.0.11"},
        "links": {},
    },
}
ROLES = """
roles:
  master: {components: []}
  identity: {components: [keystone]}
  load-balancer: {components: [haproxy]}
secrets:
  admin: {kind: password, roles: [identity]}
  tokens: {kind: fernet-keys, roles: [identity], keep: 3}
  credentials: {kind: fernet-keys, roles: [identity]}
  tls: {kind: certificate, roles: [load-balancer]}
"""


@pytest.fixture
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = make_master(tmp_path, monkeypatch, DIGEST, ROLES)
    (tmp_path / "kits" / "current").symlink_to(DIGEST)
    environment.apply(DIGEST, "test", NODES)
    return root


def values(master: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((master / "secrets.json").read_text())
    return found


def issued(master: Path) -> dict[str, Any]:
    environment.apply(DIGEST, "test", NODES)
    found: dict[str, Any] = json.loads((master / "pillar/all.json").read_text())["secrets"]
    return found


def test_named_secret_alone_gets_a_new_value_that_the_next_deployment_issues(master: Path) -> None:
    before = values(master)
    assert rotation.rotate(["admin"]) == {"rotated": ["admin"], "waiting": []}
    after = values(master)
    assert after["admin"] != before["admin"]
    assert {k: v for k, v in after.items() if k != "admin"} == {
        k: v for k, v in before.items() if k != "admin"
    }
    assert issued(master)["admin"] == after["admin"]


def test_all_rotates_every_kind(master: Path) -> None:
    before = values(master)
    assert rotation.rotate([])["rotated"] == ["admin", "credentials", "tls", "tokens"]
    after = values(master)
    assert [name for name in before if before[name] == after[name]] == []
    assert issued(master) == after, "the new certificate fits its nodes and is not made again"


def test_key_that_data_lies_encrypted_with_stays(master: Path) -> None:
    roles = ROLES.replace("[haproxy]}", "[haproxy], keys: [sealed]}")
    (kits.ROOT / DIGEST / "salt" / "roles.yml").write_text(roles)
    environment.apply(DIGEST, "test", NODES)
    before = values(master)["sealed"]
    with pytest.raises(AgentError, match="sealed: cannot be rotated"):
        rotation.rotate(["admin", "sealed"])
    assert "sealed" not in rotation.rotate([])["rotated"]
    assert values(master)["sealed"] == before


def test_rotated_certificate_speaks_for_the_virtual_address_too(master: Path) -> None:
    roles = ROLES.replace("roles: [load-balancer]}", "roles: [load-balancer], virtual: true}")
    (kits.ROOT / DIGEST / "salt" / "roles.yml").write_text(roles)
    virtual = {"management": "10.9.0.5"}
    environment.apply(DIGEST, "test", NODES, virtual)
    rotation.rotate(["tls"])
    after = values(master)["tls"]
    environment.apply(DIGEST, "test", NODES, virtual)
    assert values(master)["tls"] == after, "the new certificate fits and is not made again"


def test_staged_key_signs_next_and_tokens_of_before_stay_valid(master: Path) -> None:
    staged, primary = values(master)["tokens"]
    token = Fernet(primary.encode()).encrypt(b"held by somebody")
    rotation.rotate(["tokens"])
    keys = values(master)["tokens"]
    assert keys[1:] == [primary, staged], "keystone signs with the last"
    assert keys[0] not in (primary, staged)
    ring = MultiFernet([Fernet(key.encode()) for key in reversed(keys)])
    assert ring.decrypt(token) == b"held by somebody"


def test_of_more_keys_than_are_kept_the_oldest_goes() -> None:
    keys = rotation.next_keys(["s", "a", "b"], 3)
    assert keys[1:] == ["b", "s"]
    assert rotation.next_keys(["s", "a", "b"], None)[1:] == ["a", "b", "s"]


def test_token_keys_are_not_rotated_twice_before_every_node_has_the_staged_one(
    master: Path,
) -> None:
    rotation.rotate(["tokens"])
    keys = values(master)["tokens"]
    with pytest.raises(AgentError, match="tokens: rotated already"):
        rotation.rotate(["tokens"])
    assert rotation.rotate([])["waiting"] == ["tokens"]
    assert values(master)["tokens"] == keys
    rotation.settle()
    assert "tokens" in rotation.rotate([])["rotated"]


def test_undo_brings_back_what_the_services_work_with(master: Path) -> None:
    before = values(master)
    rotation.rotate([])
    rotation.rotate(["admin"])
    assert rotation.undo() == ["admin", "credentials", "tls", "tokens"]
    assert values(master) == before
    assert rotation.undo() == []


def test_nothing_is_left_to_undo_after_a_deployment(master: Path) -> None:
    rotation.rotate(["admin"])
    new = values(master)["admin"]
    rotation.settle()
    assert rotation.undo() == []
    assert values(master)["admin"] == new


def test_unknown_name_is_refused_and_changes_nothing(master: Path) -> None:
    before = values(master)
    with pytest.raises(AgentError, match="no such secret: admn") as refused:
        rotation.rotate(["admin", "admn"])
    assert "admin" in refused.value.remedy
    assert values(master) == before


def test_list_shows_kinds_roles_and_times_but_no_value(master: Path) -> None:
    rotation.rotate(["admin"])
    listed = rotation.listed()
    assert [(one["name"], one["kind"], one["waiting"]) for one in listed] == [
        ("admin", "password", True),
        ("credentials", "fernet-keys", False),
        ("tls", "certificate", False),
        ("tokens", "fernet-keys", False),
    ]
    assert all(one["made"] and one["roles"] for one in listed)
    text = json.dumps(listed)
    held = values(master)
    for value in (held["admin"], *held["tokens"], held["tls"]["key"]):
        assert value not in text


def test_rotation_where_nothing_is_deployed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "ROOT", tmp_path / "environment")
    monkeypatch.setattr(kits, "ROOT", tmp_path / "kits")
    with pytest.raises(AgentError, match="nothing is deployed"):
        rotation.rotate(["admin"])
    assert rotation.listed() == []
