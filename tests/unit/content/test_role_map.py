"""The role map: what follows from a service's one entry, and what is told where it does not fit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploykit.base.errors import InputError
from deploykit.master.remote import rolemap
from deploykit.master.remote.protocol import AgentError
from deploykit.site.content import read_content
from deploykit.site.declarations import read_declared

ROLES = """\
roles:
  database: {components: [mariadb], stage: foundation}
  messaging: {components: [rabbitmq], stage: foundation}
  identity:
    {components: [keystone], stage: identity, account: keystone, databases: [keystone],
     offers: {identity: {public_port: 5000, backend_port: 15000, check: /v3}}}
  volume-api:
    {components: [cinder], stage: control, account: cinder, databases: [cinder], schema: zed,
     messaging: account, passwords: [shared], keys: [sealed],
     offers: {volumev3: {public_port: 8776, backend_port: 18776, check: /healthcheck}}}
  volume: {components: [cinder_volume], stage: agents, account: cinder, passwords: [shared]}
secrets:
  ring: {kind: fernet-keys, roles: [identity]}
"""


@pytest.fixture
def content() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(ROLES)
    return found


def test_secrets_of_a_service_follow_from_its_entry(content: dict[str, Any]) -> None:
    found = {name: rule["roles"] for name, rule in rolemap.secrets(content).items()}
    assert found == {
        "keystone_database": ["database", "identity"],
        "cinder_database": ["database", "volume-api"],
        "cinder_service": ["identity", "volume-api", "volume"],
        "cinder_messaging": ["messaging", "volume-api"],
        "shared": ["volume-api", "volume"],
        "sealed": ["volume-api"],
        "ring": ["identity"],
    }


def test_content_of_before_queues_knew_accounts_has_the_password_that_all_share(
    content: dict[str, Any],
) -> None:
    """A release that says so can be deployed, and rolled back to."""
    content["roles"]["volume-api"]["messaging"] = True
    found = rolemap.secrets(content)
    assert found["messaging_password"]["roles"] == ["messaging", "volume-api"]
    assert "cinder_messaging" not in found


def test_queue_of_nobody_is_told_by_the_master(content: dict[str, Any]) -> None:
    content["roles"]["volume"] = {"components": ["cinder_volume"], "messaging": "account"}
    with pytest.raises(AgentError, match=r"roles.volume: 'messaging' needs the key 'account'"):
        rolemap.completed(content)


def test_keys_alone_are_never_rotated(content: dict[str, Any]) -> None:
    fixed = [name for name, rule in rolemap.secrets(content).items() if rule.get("fixed")]
    assert fixed == ["sealed"]


def test_schemas_follow_from_roles_and_those_of_older_content_are_kept(
    content: dict[str, Any],
) -> None:
    content["schemas"] = {"keystone": "yoga"}
    assert rolemap.schemas(content) == {"cinder": "zed", "keystone": "yoga"}


def test_role_map_without_accounts_is_as_it_was(content: dict[str, Any]) -> None:
    """A release from before roles said these things can be rolled back to."""
    old = {"roles": {"database": {"components": ["mariadb"]}}, "secrets": content["secrets"]}
    assert rolemap.completed(old)["secrets"] == content["secrets"]
    assert rolemap.completed(old)["schemas"] == {}


def test_minions_are_told_roles_in_the_order_of_the_file(content: dict[str, Any]) -> None:
    roles = rolemap.told(content)["roles"]
    assert [role["name"] for role in roles] == list(content["roles"])
    assert roles[0] == {"name": "database", "components": ["mariadb"], "stage": "foundation"}


def test_database_of_nobody_is_told_by_the_master(content: dict[str, Any]) -> None:
    del content["roles"]["volume-api"]["account"]
    with pytest.raises(AgentError, match=r"roles.volume-api: 'databases' needs the key 'account'"):
        rolemap.completed(content)


def test_schemas_are_read_from_a_release_of_any_age(tmp_path: Path) -> None:
    (tmp_path / "roles.yml").write_text(ROLES + "schemas: {keystone: yoga}\nnewer: {}\n")
    parts = read_declared(tmp_path).parts
    assert {part.subject: part.value for part in parts.values()} == {
        "cinder": "zed",
        "keystone": "yoga",
    }


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("mariadb], stage:", "mariadb], stag:", r":2: .*unknown key 'stag'.*did you mean 'stage'"),
        ("stage: agents", "stage: agent", r":11: .*unknown word 'agent'.*did you mean 'agents'"),
        (", stage: agents", "", r":11: roles.volume: the key 'stage' is missing"),
        ("account: cinder, d", "d", r":8: roles.volume-api.databases: needs the key 'account'"),
        ("account: cinder", "account: Cinder", r"not a name of an account"),
        ("messaging: account", "messaging: acount", r":9: .*did you mean 'account'"),
        (
            "agents, account: cinder,",
            "agents, messaging: account,",
            r":11: roles.volume.messaging: needs the key 'account'",
        ),
        ("check: /healthcheck", "chek: /", r":10: .*unknown key 'chek'.*did you mean 'check'"),
        (", check: /healthcheck", "", r":10: .*volumev3: the key 'check' is missing"),
        ("check: /healthcheck", "check: health", r":10: .*a path begins with '/'"),
        ("public_port: 8776", "public_port: 5000", r":10: .*5000 is a port of 'identity', too"),
        ("check: /v3}", "state_port: 18776, check: /v3}", r"18776 is a port of 'identity', too"),
        ("public_port: 8776", "public_port: 80000", r":10: .*a port is at most 65535"),
        ("{volumev3:", "{identity:", r":10: .*line 6 offers 'identity', too"),
        ("kind: fernet-keys", "kind: fernet", r":13: .*did you mean 'fernet-keys'"),
        ("roles: [identity]", "roles: [identiy]", r":13: .*did you mean 'identity'"),
        ("stage: agents", "stage: agents, rollback: {shema: a}", r":11: .*unknown key 'shema'"),
        ("secrets:", "rollback: {packages: restor}\nsecrets:", r":12: .*did you mean 'restore'"),
        ("secrets:", "secret:", r":12: .*unknown key 'secret'.*did you mean 'secrets'"),
    ],
)
def test_role_map_that_does_not_fit_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert old in ROLES
    (tmp_path / "roles.yml").write_text(ROLES.replace(old, new))
    with pytest.raises(InputError) as error:
        read_content(tmp_path)
    said = f"{error.value} {error.value.remedy}"
    assert re.search(told, said), said


def test_role_map_that_fits_is_read(tmp_path: Path) -> None:
    (tmp_path / "roles.yml").write_text(ROLES)
    assert read_content(tmp_path).roles["volume"] == ("cinder_volume",)
