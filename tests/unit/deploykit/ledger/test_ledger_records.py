from __future__ import annotations

import json
from typing import Any

import pytest
from deploykit.ledger.bodies import (
    Edge,
    decision_body,
    deploy_body,
    evidence_body,
    genesis_body,
    observation_body,
    policy_body,
    release_body,
    signers_body,
)
from deploykit.ledger.canonical import canonical
from deploykit.ledger.kinds import KINDS, Body
from deploykit.ledger.records import LedgerError, parse, render, restore
from deploykit.ledger.schema import Subject
from deploykit.ledger.view import parse_policy, policy_json
from deploykit.site.freezes import windows_json
from deploykit.site.keys import ROLES, Signer
from deploykit.site.promotion import Promotion, Share
from deploykit.site.windows import Window, WindowKind
from ledgerbook import NOON, OWNER, release

ONE = release(1)
RULE = {
    "from": None,
    "checks": {"smoke": {"attempts": 2, "passes": 1}},
    "soak": 0,
    "approvals": {"count": 1, "not": ["cut"]},
}
SIGNERS = (Signer("ann@here", "ssh-ed25519 AAAA", ROLES),)
FREEZE = Window(WindowKind.DENY, "2026-12-20T00:00:00", 86400, "Europe/Berlin")
DEPLOY = deploy_body(
    id="d1",
    phase="started",
    environment="test",
    release=ONE.digest,
    over=None,
    purpose="deploy",
    owner=OWNER,
    lease_until=NOON,
)
EVIDENCE = evidence_body(
    check="smoke",
    release=ONE.digest,
    over=ONE.digest,
    environment="test",
    result="passed",
    attempt=1,
    seconds=12.34,
    packages={"identity": {"keystone": "2:22.0.0-2"}},
)
BODIES = [
    genesis_body("trial", SIGNERS, {"test": RULE}),
    signers_body(SIGNERS),
    policy_body({"test": RULE}),
    DEPLOY,
    EVIDENCE,
    decision_body("waive", environment="test", release=ONE.digest, check="smoke", reason="why"),
    decision_body("hold", environment="test"),
    decision_body("veto", release=ONE.digest),
    Body("deploy", {**DEPLOY.fields, "left_out": {"compute17": "maintenance"}}),
    Body("evidence", {**EVIDENCE.fields, "rollback": {"class": "restore", "seconds": 41.2}}),
    Body("evidence", {**EVIDENCE.fields, "provider": "lxd"}),
    policy_body(policy_json({"test": Promotion(allow_missing={"hypervisor": Share(5, True)})})),
    policy_body({"test": {**RULE, "freeze": windows_json((FREEZE,))}}),
    release_body(ONE.digest, ONE.version, "a" * 64, authors=["jo@example.org"]),
    observation_body(
        Subject.DRIFT, environment="test", release=ONE.digest, seconds=2, nodes={"db": 1}
    ),
    decision_body(
        "approve",
        environment="test",
        release=ONE.digest,
        edge=Edge(None),
        page="b" * 64,
        until=NOON,
    ),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.kind)
def test_every_kind_comes_back_as_it_was_written(body: Body) -> None:
    record = parse(render(3, NOON, "ann@here", body), 3, "c" * 40)
    assert (record.n, record.time, record.actor, record.kind) == (3, NOON, "ann@here", body.kind)
    lacking = dict.fromkeys(KINDS[body.kind].later)
    assert record.body == {**lacking, **json.loads(canonical(body.fields))}


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.kind)
def test_missing_field_is_named_with_record_and_commit(body: Body) -> None:
    for name in body.fields.keys() - KINDS[body.kind].later:
        value = {**json.loads(render(3, NOON, "ann@here", body))}
        del value[name]
        with pytest.raises(LedgerError) as error:
            parse(canonical(value), 3, "c" * 40)
        assert "record 3" in error.value.message and "c" * 12 in error.value.message
        assert f"'{name}'" in error.value.message


def test_deploy_of_before_environments_had_digests_is_read_without_one() -> None:
    """Byte for byte as it was written before the field came."""
    whole = json.loads(render(3, NOON, "ann@here", DEPLOY))
    del whole["environment_digest"]
    record = parse(canonical(whole), 3, "c" * 40)
    assert record.body["environment_digest"] is None
    assert restore(canonical(whole), 3, "c" * 40).body == record.body


def test_deploy_that_leaves_nobody_out_is_written_as_before_any_could_be() -> None:
    """So that an older deploy-kit reads the ledger as long as no node was missing."""
    assert "left_out" not in DEPLOY.fields
    assert parse(render(3, NOON, "ann@here", DEPLOY), 3, "c" * 40).body["left_out"] is None


def test_evidence_of_the_environments_own_copies_names_no_provider() -> None:
    """So that an older deploy-kit reads the ledger where nobody else makes copies."""
    assert "provider" not in EVIDENCE.fields
    assert parse(render(3, NOON, "ann@here", EVIDENCE), 3, "c" * 40).body["provider"] is None


def test_policy_comes_back_with_whose_copies_count() -> None:
    policy = {"test": Promotion(copies=frozenset({"lxd", "vagrant"}))}
    assert parse_policy(policy_json(policy)) == policy
    assert "copies" not in policy_json({"test": Promotion()})["test"]


def test_policy_comes_back_with_how_many_nodes_may_be_missing() -> None:
    policy = {"test": Promotion(allow_missing={"hypervisor": Share(5, True), "network": Share(1)})}
    assert parse_policy(policy_json(policy)) == policy
    assert "allow_missing" not in policy_json({"test": Promotion()})["test"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "gossip"}, "unknown kind 'gossip'"),
        ({"schema": 3}, "schema 3"),
        ({"n": 4}, "number 4"),
        ({"n": True}, "number True"),
        ({"time": "2026-11-21T12:00:00+00:00"}, "time"),
        ({"time": "2026-02-30T12:00:00Z"}, "time"),
        ({"actor": "*"}, "actor"),
        ({"extra": 1}, "'extra'"),
        ({"release": "sha256:abc"}, "'release'"),
        ({"environment_digest": "abc"}, "'environment_digest'"),
        ({"left_out": ["compute17"]}, "'left_out'"),
        ({"left_out": {"compute17": ""}}, "'left_out'"),
        ({"phase": "begun"}, "'phase'"),
        ({"over": "none"}, "'over'"),
        ({"owner": {**OWNER, "pid": "7"}}, "'owner'"),
        ({"lease_until": "soon"}, "'lease_until'"),
        ({"environment": "../x"}, "'environment'"),
    ],
)
def test_field_that_does_not_fit_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    value = {**json.loads(render(3, NOON, "ann@here", DEPLOY)), **change}
    with pytest.raises(LedgerError) as error:
        parse(canonical(value), 3, "c" * 40)
    assert said in error.value.message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"freeze": [{"kind": "deny"}]}, "'policy'"),
        ({"freeze": [{**windows_json((FREEZE,))[0], "zone": "Mars"}]}, "'policy'"),
        ({"freeze": [{**windows_json((FREEZE,))[0], "rule": "FREQ=SECONDLY"}]}, "'policy'"),
        ({"freeze": [{**windows_json((FREEZE,))[0], "seconds": "1"}]}, "'policy'"),
        ({"freeze": {}}, "'policy'"),
        ({"approvals": {"count": 1, "not": [], "expire": 0}}, "'policy'"),
        ({"approvals": {"count": 1, "not": [], "role": "custodian"}}, "'policy'"),
        ({"approvals": {"count": 1, "not": [], "colour": "red"}}, "'policy'"),
    ],
)
def test_policy_that_cannot_be_gone_by_is_no_record(change: dict[str, Any], said: str) -> None:
    value = json.loads(render(3, NOON, "ann@here", policy_body({"test": RULE})))
    value["policy"]["test"] |= change
    with pytest.raises(LedgerError) as error:
        parse(canonical(value), 3, "c" * 40)
    assert said in error.value.message


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '{"a": 1}', "\ud800", "[" * 5000])
def test_text_that_is_no_canonical_object_is_refused(text: str) -> None:
    with pytest.raises(LedgerError):
        parse(text, 0, "c" * 40)


def test_waiver_needs_its_reason_and_its_check() -> None:
    for lacking in ("reason", "check"):
        fields = {**BODIES[5].fields, lacking: "" if lacking == "reason" else None}
        with pytest.raises(LedgerError):
            render(1, NOON, "ann@here", Body("decision", fields))


def test_signers_without_an_admin_are_refused() -> None:
    with pytest.raises(LedgerError):
        nobody = (Signer("ann@here", "ssh-ed25519 AAAA", frozenset({"operator"})),)
        render(1, NOON, "ann@here", signers_body(nobody))


@pytest.mark.parametrize("principal", ["*", "a,b", "!ann", "ann here", "", '"ann"'])
def test_principal_that_ssh_would_read_as_a_pattern_is_refused(principal: str) -> None:
    with pytest.raises(LedgerError):
        signers = (Signer(principal, "ssh-ed25519 AAAA", ROLES),)
        render(1, NOON, "ann@here", signers_body(signers))
