"""One key per role: which one signs what, and what a site that has one key for all gets."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from deploykit.base.errors import InputError, Refused
from deploykit.doctor import check_keys
from deploykit.host.finding import Level
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import decision_body, policy_body
from deploykit.ledger.kinds import Body
from deploykit.ledger.records import LedgerError
from deploykit.ledger.signers import separate
from deploykit.ledger.view import signers_in_force
from deploykit.secrets.sealing import Header, seal, unseal
from deploykit.secrets.store import usual_readers
from deploykit.site import Site
from deploykit.site.keys import (
    ROLES,
    Key,
    Keyring,
    named_key,
    opening_key,
    person,
    principal_of,
    read_key,
)
from ledgerbook import Keys, know, other_state, release

HOLD = decision_body("hold", environment="test", reason="look")
APPROVAL = decision_body("approve", environment="staging", release=release(1).digest)
POLICY = policy_body({})


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEPLOY_KIT_KEY", "DEPLOY_KIT_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)


def written(ledger: Ledger, body: Body) -> str:
    """By whom the ledger has `body` then."""
    return ledger.append(lambda records, now: body).actor


def one_key(site: Site, keys: Keys) -> Ledger:
    """A ledger as it was begun before: keys/operator signs for every role."""
    old = keys("ann@here")
    (site.keys / "operator").mkdir(parents=True)
    for name in (old.file, Path(f"{old.file}.pub")):
        target = site.keys / "operator" / f"id_ed25519{'.pub' if name.suffix else ''}"
        shutil.copy(name, target)
    Ledger.open(site, read_key(site.keys / "operator" / "id_ed25519"))
    return Ledger.open(site)


def test_new_site_has_a_key_for_each_role_and_none_for_two(site: Site) -> None:
    signers = signers_in_force(Ledger.open(site).known)
    assert {signer.principal: set(signer.roles) for signer in signers} == {
        principal_of(role): {role} for role in ROLES
    }
    assert len({signer.key for signer in signers}) == len(ROLES)
    for role in ROLES:
        assert (site.keys / role / "id_ed25519").stat().st_mode & 0o077 == 0


def test_each_record_is_signed_with_the_key_of_the_role_that_it_needs(site: Site) -> None:
    ledger = Ledger.open(site)
    know(ledger, release(1))
    assert ledger.known[0].actor == principal_of("admin")
    assert ledger.known[1].actor == principal_of("release-manager")
    assert written(ledger, HOLD) == principal_of("operator")
    assert written(ledger, APPROVAL) == principal_of("approver")
    assert written(ledger, POLICY) == principal_of("admin")
    ledger.reverify()


def test_operators_key_alone_changes_no_policy_and_approves_nothing(site: Site) -> None:
    know(Ledger.open(site), release(1))
    stolen = other_state(site, "thief")
    stolen.keys.mkdir(parents=True)
    shutil.copytree(site.keys / "operator", stolen.keys / "operator")
    ledger = Ledger.open(stolen)
    assert written(ledger, HOLD) == principal_of("operator")
    for body in (POLICY, APPROVAL):
        with pytest.raises(LedgerError, match=r"does not know the key .*\+(admin|approver)@"):
            written(ledger, body)
        with pytest.raises(LedgerError, match="no role that may write"):
            written(Ledger.open(stolen, read_key(stolen.keys / "operator/id_ed25519")), body)


def test_named_key_signs_everything_as_before(site: Site, ann: Key) -> None:
    ledger = Ledger.open(site, ann)
    assert {written(ledger, body) for body in (HOLD, POLICY)} == {"ann@here"}
    assert not site.keys.exists()


def test_key_may_be_named_by_its_role(site: Site) -> None:
    Ledger.open(site)
    key = named_key(site, Path("admin"))
    assert key is not None and key.principal == principal_of("admin")
    assert written(Ledger.open(site, key), HOLD) == principal_of("admin")
    with pytest.raises(InputError, match="cannot read the public key"):
        named_key(site, Path("boss"))


def test_admin_may_have_a_key_of_their_own(
    site: Site, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = keys("ann@laptop")
    monkeypatch.setenv("DEPLOY_KIT_ADMIN_KEY", str(own.file))
    ledger = Ledger.open(site)
    admin = next(one for one in signers_in_force(ledger.known) if "admin" in one.roles)
    assert (admin.principal, admin.key) == (principal_of("admin"), own.public)
    assert not (site.keys / "admin").exists()
    assert written(ledger, POLICY) == principal_of("admin")
    assert written(ledger, HOLD) == principal_of("operator")


def test_site_with_one_key_goes_on_with_it(site: Site, keys: Keys) -> None:
    ledger = one_key(site, keys)
    know(ledger, release(1))
    for body in (HOLD, APPROVAL, POLICY):
        assert written(ledger, body) == "ann@here"
    assert [folder.name for folder in site.keys.iterdir() if folder.is_dir()] == ["operator"]
    assert opening_key(site, ("ann@here",)) == site.keys / "operator" / "id_ed25519"


def test_one_key_is_told_by_doctor_and_separated_by_one_record(site: Site, keys: Keys) -> None:
    ledger = one_key(site, keys)
    (found,) = check_keys(site)
    assert found.level is Level.WARNING and "separate-keys" in found.remedy
    separate(ledger, Keyring(site))
    roles = {one.principal: set(one.roles) for one in signers_in_force(ledger.known)}
    assert roles == {
        "ann@here": {"operator"},
        **{principal_of(role): {role} for role in ROLES - {"operator"}},
    }
    assert written(ledger, POLICY) == principal_of("admin")
    assert written(ledger, HOLD) == "ann@here"
    ledger.reverify()
    assert [one.level for one in check_keys(site)] == [Level.OK]
    with pytest.raises(Refused, match="signs for one role only"):
        separate(ledger, Keyring(site))


def test_exports_are_for_custodians_and_no_other_key_opens_them(site: Site, tmp_path: Path) -> None:
    ledger = Ledger.open(site)
    readers = usual_readers(signers_in_force(ledger.known))
    header = Header("test", "2026-11-28T12:00:00Z", 1, tuple(one.name for one in readers))
    file, content = tmp_path / "x.age", {"secret": "x"}
    seal(file, header, content, readers)
    assert unseal(file, opening_key(site, header.recipients))[1] == content
    for role in ROLES - {"custodian"}:
        with pytest.raises(Refused, match="does not open it"):
            unseal(file, site.keys / role / "id_ed25519")


@pytest.mark.parametrize(
    ("principal", "whose"),
    [
        ("ann+approver@here", "ann@here"),
        ("ann@here", "ann@here"),
        ("ann+train@here", "ann+train@here"),
        ("a+b+admin@here", "a+b@here"),
        ("ann+admin", "ann"),
        ("+admin@here", "+admin@here"),
    ],
)
def test_person_is_who_has_the_keys(principal: str, whose: str) -> None:
    assert person(principal) == whose


def test_long_names_stay_names(monkeypatch: pytest.MonkeyPatch) -> None:
    from deploykit.site import keys as module

    monkeypatch.setattr(module, "own_principal", lambda: "a" * 120 + "@host")
    named: Any = principal_of("release-manager")
    assert module.PRINCIPAL.fullmatch(named) and named.endswith("+release-manager@host")
