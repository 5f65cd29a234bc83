"""Export, restore and rotation as the operator calls them: a real ledger, the agent in process."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from deploykit.base.errors import DeployKitError, Refused
from deploykit.base.progress import Silent
from deploykit.ledger import Ledger
from deploykit.ledger.keeping import keeping
from deploykit.master.remote import backup, environment, kits, secrets
from deploykit.master.remote.agent import Agent
from deploykit.master.remote.protocol import AgentError, Channel
from deploykit.master.sessions import Masters
from deploykit.nodes.inventory import Host, Inventory
from deploykit.release import Release
from deploykit.rollout import DAY0_MARK
from deploykit.rollout.work import Work
from deploykit.secrets import store as secretstore
from deploykit.secrets.sealing import Recipient, read_header
from deploykit.site import open_site
from deploykit.site.instance import Instance
from deploykit.site.keys import opening_key, operator_key
from deploykit.train.lease_keeper import keeping_lease
from ledgerbook import Named, know

pytestmark = pytest.mark.skipif(not shutil.which("age"), reason="no age: deploy-kit/setup")
DIGEST = "d" * 64
NODES: dict[str, dict[str, Any]] = {
    "salt": {"roles": ["master", "identity"], "addresses": {"management": "10.9.0.10"}, "links": {}}
}
ROLES = """
roles:
  master: {components: []}
  identity: {components: []}
secrets:
  admin: {kind: password, roles: [identity]}
  tokens: {kind: fernet-keys, roles: [identity]}
"""
FILE = """name: test
networks: {management: {cidr: 10.9.0.0/24}}
nodes: {salt: {roles: [master, identity], at: 10}}
"""


class AgentHere:
    """The agent's calls without SSH; what goes over is JSON, as it is there."""

    alive = True

    def __init__(self) -> None:
        self._agent = Agent(Channel(io.BytesIO(), io.BytesIO()))

    def call(self, name: str, /, *, timeout: float, **arguments: Any) -> Any:
        given = json.loads(json.dumps(arguments))
        return json.loads(json.dumps(getattr(self._agent, name)(**given)))

    def __enter__(self) -> AgentHere:
        return self

    def __exit__(self, *exc: object) -> None:
        pass


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("DEPLOY_KIT_KEY", raising=False)
    monkeypatch.setattr(secretstore, "reachable", lambda inventory, names: None)
    site = tmp_path / "site"
    (site / "environments").mkdir(parents=True)
    (site / "site.yml").write_text("name: probe\n")
    (site / "environments" / "test.yml").write_text(FILE)
    opened = open_site(site)
    with Masters(tmp_path.joinpath, lambda inventory, log: AgentHere()) as masters:
        yield Work(opened, Silent(), tmp_path, masters)


@pytest.fixture
def ledger(work: Work) -> Ledger:
    return Ledger.open(work.site)


@pytest.fixture
def inventory(work: Work, tmp_path: Path) -> Inventory:
    host = Host("salt", ("master", "identity"), "192.0.2.1", "root", {}, ())
    folder = tmp_path / "instance"
    folder.mkdir()
    return Inventory(
        work.site.environment("test"), Instance("test"), (host,), tmp_path / "key", folder
    )


def machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bare master in `folder`, which the agent takes for its own; a kit is current."""
    monkeypatch.setattr(secrets, "ROOT", folder / "environment")
    monkeypatch.setattr(kits, "ROOT", folder / "kits")
    monkeypatch.setattr(backup, "SALT", folder / "pki")
    (folder / "kits" / DIGEST / "salt").mkdir(parents=True)
    (folder / "kits" / DIGEST / "salt" / "roles.yml").write_text(ROLES)
    (folder / "kits" / "current").symlink_to(DIGEST)
    return folder


@pytest.fixture
def lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = machine(tmp_path / "lost", monkeypatch)
    environment.apply(DIGEST, "test", NODES)
    backup.SALT.mkdir()
    for file in ("master.pem", "master.pub"):
        (backup.SALT / file).write_text(f"{file} of before")
    return folder


def store(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "environment/secrets.json").read_text())
    return found


def test_lost_master_is_restored_with_the_custodians_own_key(
    work: Work,
    ledger: Ledger,
    inventory: Inventory,
    lost: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, header = secretstore.export(work, ledger, inventory, None, ())
    assert file.parent == work.site.state / "secrets"
    assert (header.environment, header.count) == ("test", 2)
    assert read_header(file) == header
    rebuilt = machine(tmp_path / "rebuilt", monkeypatch)
    (inventory.folder / DAY0_MARK).write_text("done")
    key = opening_key(work.site, read_header(file).recipients)
    done = secretstore.restore(work, ledger, inventory, file, key, replace=False)
    assert (done.count, done.replaced, done.kept) == (2, (), ())
    assert store(rebuilt) == store(lost)
    assert not (inventory.folder / DAY0_MARK).exists(), "minions must learn the master's key again"


def test_other_values_are_named_and_replaced_only_when_told(
    work: Work, ledger: Ledger, inventory: Inventory, lost: Path
) -> None:
    file, _ = secretstore.export(work, ledger, inventory, None, ())
    before = store(lost)
    secretstore.rotate(work, ledger, inventory, ["admin"])
    rotated = store(lost)
    key = opening_key(work.site, read_header(file).recipients)
    with pytest.raises(Refused, match=r"other values already.*: admin$"):
        secretstore.restore(work, ledger, inventory, file, key, replace=False)
    assert store(lost) == rotated
    done = secretstore.restore(work, ledger, inventory, file, key, replace=True)
    assert done.replaced == ("admin",)
    assert store(lost) == before


def test_export_of_another_environment_is_refused_before_anything_is_sent(
    work: Work, ledger: Ledger, inventory: Inventory, lost: Path
) -> None:
    environment.apply(DIGEST, "other", NODES)
    file, _ = secretstore.export(work, ledger, inventory, None, ())
    with pytest.raises(Refused, match="of 'other', not of 'test'"):
        secretstore.restore(work, ledger, inventory, file, opening_key(work.site, ()), replace=True)


def test_nothing_is_rotated_or_restored_during_a_deployment(
    work: Work, ledger: Ledger, inventory: Inventory, lost: Path
) -> None:
    file, _ = secretstore.export(work, ledger, inventory, None, ())
    before = store(lost)
    release = cast(Release, SimpleNamespace(version="2026.1.1", digest="sha256:" + "1" * 64))
    know(ledger, Named(release.digest, release.version))
    with keeping_lease(ledger, release, "test", "deploy") as kept:
        for call in (
            lambda: secretstore.rotate(work, ledger, inventory, []),
            lambda: secretstore.undo(work, ledger, inventory),
            lambda: secretstore.restore(
                work, ledger, inventory, file, opening_key(work.site, ()), replace=True
            ),
        ):
            with pytest.raises(Refused, match=r"has been deploying 2026\.1\.1 to test"):
                call()
        kept.finish("done")
    assert store(lost) == before


def test_named_recipient_replaces_the_signers(
    work: Work, ledger: Ledger, inventory: Inventory, lost: Path, tmp_path: Path
) -> None:
    public = operator_key(work.site).public
    file, header = secretstore.export(
        work, ledger, inventory, tmp_path / "x.age", [Recipient("vault", public)]
    )
    assert (file, header.recipients) == (tmp_path / "x.age", ("vault",))


def test_list_tells_age_and_what_waits_for_a_deployment(
    work: Work, ledger: Ledger, inventory: Inventory, lost: Path
) -> None:
    secretstore.rotate(work, ledger, inventory, ["tokens"])
    admin, tokens = secretstore.listed(work, inventory)
    assert (admin.name, admin.kind, admin.roles, admin.waiting) == (
        "admin",
        "password",
        ("identity",),
        False,
    )
    assert (tokens.kind, tokens.waiting) == ("fernet-keys", True)
    assert admin.age is not None and 0 <= admin.age < 60


def test_ledger_is_told_of_exports_rotations_and_restores(
    work: Work, ledger: Ledger, inventory: Inventory, lost: Path, tmp_path: Path
) -> None:
    def told() -> tuple[str, bool]:
        found = keeping(ledger.fetch_records(), "test")
        assert found is not None
        return str(found.event), found.fits

    assert keeping(ledger.fetch_records(), "test") is None
    file, _ = secretstore.export(work, ledger, inventory, None, ())
    assert told() == ("exported", True)
    secretstore.rotate(work, ledger, inventory, ["admin"])
    assert told() == ("rotated", False)
    secretstore.undo(work, ledger, inventory)
    assert told() == ("restored", True), "the export of before fits again"
    secretstore.rotate(work, ledger, inventory, ["admin"])
    key = opening_key(work.site, read_header(file).recipients)
    secretstore.restore(work, ledger, inventory, file, key, replace=True)
    assert told() == ("restored", True)
    secretstore.rotate(work, ledger, inventory, ["admin"])
    secretstore.export(work, ledger, inventory, tmp_path / "newer.age", ())
    assert told() == ("exported", True)


def test_fingerprint_shows_no_secret_and_is_that_of_the_export(
    work: Work, ledger: Ledger, inventory: Inventory, lost: Path
) -> None:
    here = backup.fingerprint()
    assert here == backup.fingerprint_of(json.loads(json.dumps(backup.export())))
    secretstore.export(work, ledger, inventory, None, ())
    (record,) = [one for one in ledger.fetch_records() if one.kind == "secrets"]
    assert record.body["fingerprint"] == here
    assert str(store(lost)["admin"]) not in str(record.body)


def test_export_is_made_where_the_ledger_cannot_be_told(
    work: Work,
    ledger: Ledger,
    inventory: Inventory,
    lost: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*_: object) -> None:
        raise DeployKitError("the ledger is away")

    said: list[str] = []
    public = operator_key(work.site).public
    monkeypatch.setattr(Ledger, "append", gone)
    monkeypatch.setattr(Silent, "say", lambda _, text: said.append(text))
    file, _ = secretstore.export(work, ledger, inventory, None, [Recipient("me", public)])
    assert file.is_file()
    assert said == ["the ledger does not know that they were exported: the ledger is away"]


def test_part_that_is_not_back_is_named_instead_of_all_is_well(
    work: Work,
    ledger: Ledger,
    inventory: Inventory,
    lost: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, _ = secretstore.export(work, ledger, inventory, None, ())
    secretstore.rotate(work, ledger, inventory, ["admin"])
    real = backup.restore

    def forgets(saved: dict[str, Any], name: str, replacing: list[str]) -> dict[str, Any]:
        done = real(saved, name, replacing)
        with secrets.changing() as values:
            values["admin"] = "other"
        return done

    monkeypatch.setattr(backup, "restore", forgets)
    key = opening_key(work.site, read_header(file).recipients)
    with pytest.raises(AgentError, match="not as in the export after it was put back: admin"):
        secretstore.restore(work, ledger, inventory, file, key, replace=True)
