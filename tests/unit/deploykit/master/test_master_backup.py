"""Taking away what makes a master this environment's own, and bringing it back to another."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from deploykit.master.remote import backup, environment, kits, secrets
from deploykit.master.remote.protocol import AgentError

DIGEST = "c" * 64
NODES: dict[str, dict[str, Any]] = {
    "salt": {"roles": ["master"], "addresses": {"management": "10.9.0.10"}, "links": {}},
    "all": {"roles": ["identity"], "addresses": {"management": "10.9.0.11"}, "links": {}},
}
ROLES = """
roles:
  master: {components: []}
  identity: {components: [keystone]}
secrets:
  admin: {kind: password, roles: [identity]}
  tokens: {kind: fernet-keys, roles: [identity]}
  tls: {kind: certificate, roles: [identity]}
"""


class Machine:
    """The folders of one master, and which of several is the one that is looked at."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._patch = folder, monkeypatch
        kit = folder / "kits" / DIGEST / "salt"
        kit.mkdir(parents=True)
        (kit / "roles.yml").write_text(ROLES)

    def use(self) -> None:
        self._patch.setattr(secrets, "ROOT", self.folder / "environment")
        self._patch.setattr(kits, "ROOT", self.folder / "kits")
        self._patch.setattr(backup, "SALT", self.folder / "pki" / "master")

    def day0(self, key: str) -> None:
        pki = self.folder / "pki" / "master"
        (pki / "minions").mkdir(parents=True, exist_ok=True)
        (pki / "master.pem").write_text(f"private {key}")
        (pki / "master.pub").write_text(f"public {key}")
        (pki / "minions" / "all").write_text(f"minion of {key}")

    @property
    def values(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            (self.folder / "environment" / "secrets.json").read_text()
        )
        return found


@pytest.fixture
def lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A master with secrets."""
    machine = Machine(tmp_path / "lost", monkeypatch)
    machine.use()
    machine.day0("first")
    environment.apply(DIGEST, "test", NODES)
    return machine


@pytest.fixture
def rebuilt(lost: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Another, bare."""
    return Machine(tmp_path / "rebuilt", monkeypatch)


def test_bare_master_becomes_the_one_of_before(lost: Machine, rebuilt: Machine) -> None:
    saved = json.loads(json.dumps(backup.export()))
    rebuilt.use()
    assert backup.differing(saved) == []
    assert backup.restore(saved, "test", []) == {"restored": 3, "kept": []}
    environment.apply(DIGEST, "test", NODES)
    assert rebuilt.values == lost.values
    for file in ("environment/ca/ca.crt", "environment/ca/ca.key", "pki/master/master.pem",
                 "pki/master/master.pub", "pki/master/minions/all",
                 "environment/secrets-made.json", "environment/pillar/all.json"):  # fmt: skip
        assert (rebuilt.folder / file).read_bytes() == (lost.folder / file).read_bytes(), file
    modes = {
        file: stat.S_IMODE((rebuilt.folder / file).stat().st_mode)
        for file in ("environment", "environment/ca/ca.key", "pki/master/master.pem")
    }
    assert list(modes.values()) == [0o700, 0o600, 0o400]


def test_other_values_are_replaced_only_where_they_are_named(
    lost: Machine, rebuilt: Machine
) -> None:
    saved = backup.export()
    rebuilt.use()
    rebuilt.day0("second")
    environment.apply(DIGEST, "test", NODES)
    own = rebuilt.values
    differing = ["Salt master key", "admin", "certificate authority", "tls", "tokens"]
    assert backup.differing(saved) == differing
    with pytest.raises(AgentError, match="certificate authority"):
        backup.restore(saved, "test", ["admin", "tls", "tokens", "Salt master key"])
    assert rebuilt.values == own
    backup.restore(saved, "test", differing)
    assert rebuilt.values == lost.values
    assert (rebuilt.folder / "pki/master/minions/all").read_text() == "minion of second"


@pytest.mark.parametrize("linked", [True, False])
def test_salt_finds_the_restored_key_and_no_other(
    lost: Machine, rebuilt: Machine, linked: bool
) -> None:
    """Salt 3008 takes ID.pem, and makes master.pem a link to it; a restore of before that was known
    left another master.pem beside it."""
    saved = backup.export()
    rebuilt.use()
    rebuilt.day0("second")
    pki = rebuilt.folder / "pki" / "master"
    for kind in ("pem", "pub"):
        (pki / f"master.{kind}").rename(pki / f"salt.{kind}")
        if linked:
            (pki / f"master.{kind}").symlink_to(pki / f"salt.{kind}")
        else:
            (pki / f"master.{kind}").write_text("of before")
    backup.restore(saved, "test", backup.differing(saved))
    keys = {file.name for file in pki.iterdir() if file.is_file()}
    assert keys == {"master.pem", "master.pub"}
    assert not (pki / "master.pem").is_symlink()
    assert (pki / "master.pem").read_text() == "private first"


def test_secret_that_only_the_master_has_stays(lost: Machine) -> None:
    saved = backup.export()
    with secrets.changing() as values:
        values["newer"] = "made since"
    assert backup.restore(saved, "test", []) == {"restored": 3, "kept": ["newer"]}
    assert lost.values["newer"] == "made since"


def test_export_of_another_environment_is_refused(lost: Machine, rebuilt: Machine) -> None:
    saved = backup.export()
    rebuilt.use()
    with pytest.raises(AgentError, match="of the environment 'test', this is 'production'"):
        backup.restore(saved, "production", [])
    assert not (rebuilt.folder / "environment").exists()


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ({"format": 2}, "format 2"),
        ({"minions": {"../../x": "key"}}, "minion '../../x'"),
    ],
)
def test_export_that_does_not_fit_is_refused(
    lost: Machine, rebuilt: Machine, harm: dict[str, Any], told: str
) -> None:
    saved = {**backup.export(), **harm}
    rebuilt.use()
    with pytest.raises(AgentError, match=told):
        backup.restore(saved, "test", [])
    assert not (rebuilt.folder / "environment").exists()


def test_authority_with_a_strange_key_is_refused(lost: Machine, rebuilt: Machine) -> None:
    saved = backup.export()
    rebuilt.use()
    secrets.ROOT.mkdir(parents=True)
    secrets.authority("test")
    saved["ca"]["ca.key"] = (secrets.ROOT / "ca" / "ca.key").read_text()
    with pytest.raises(AgentError, match="does not fit its key"):
        backup.restore(saved, "test", ["certificate authority"])


def test_master_without_secrets_has_nothing_to_export(rebuilt: Machine) -> None:
    rebuilt.use()
    with pytest.raises(AgentError, match="no secrets yet"):
        backup.export()
