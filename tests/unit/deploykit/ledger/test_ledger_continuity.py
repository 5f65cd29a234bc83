"""What a record may say after those before it, and what records of schema 1 still mean."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import forgery
import pytest
from deploykit.base.errors import Refused
from deploykit.ledger import Ledger, Record, utc_now, view
from deploykit.ledger.bodies import decision_body, release_body, signers_body
from deploykit.ledger.canonical import canonical
from deploykit.ledger.continuity import Continuity
from deploykit.ledger.kinds import Body
from deploykit.ledger.records import parse, path_of
from deploykit.ledger.trees import RecordTrees
from deploykit.site import Site
from deploykit.site.keys import Key
from ledgerbook import (
    Keys,
    Named,
    Story,
    know,
    other_state,
    release,
    released,
    rule,
    signer,
)

ONE, TWO = release(1), release(2)


def write(ledger: Ledger, body: Body) -> Record:
    return ledger.append(lambda records, now: body)


def test_version_and_digest_are_released_once(ledger: Ledger) -> None:
    know(ledger, ONE)
    with pytest.raises(Refused, match=r"the version 2026\.47\.1 is sha256:0+1? already"):
        write(ledger, release_body(TWO.digest, ONE.version, "a" * 64))
    with pytest.raises(Refused, match="has a version already"):
        write(ledger, release_body(ONE.digest, TWO.version, "a" * 64))
    with pytest.raises(Refused, match="no release of the ledger has the digest"):
        write(ledger, decision_body("veto", release=TWO.digest))


@pytest.mark.parametrize("version", ["latest", "2026.47", "2026.47.1\n", "9999.1.1x", "0.1.1"])
def test_version_that_is_none_is_never_recorded(ledger: Ledger, version: str) -> None:
    with pytest.raises(Exception, match="'version'"):
        write(ledger, release_body(ONE.digest, version, "a" * 64))


@pytest.mark.parametrize(
    ("setter", "lifter", "lifted"),
    [
        ("admin", "approver", False),
        ("admin", "operator", False),
        ("admin", "admin", True),
        ("operator", "approver", False),
        ("operator", "operator", True),
        ("approver", "approver", True),
        ("approver", "admin", True),
    ],
)
@pytest.mark.parametrize("what", ["hold", "pin"])
def test_hold_or_pin_is_lifted_by_who_has_no_less_to_say(
    site: Site, ledger: Ledger, ann: Key, keys: Keys, setter: str, lifter: str, lifted: bool,
    what: str,
) -> None:  # fmt: skip
    know(ledger, ONE)
    bob, eve = keys("bob@there"), keys("eve@there")
    write(ledger, signers_body((signer(ann), signer(bob, setter), signer(eve, lifter))))
    digest = ONE.digest if what == "pin" else None
    bobs = Ledger.open(other_state(site, "bobs"), bob)
    write(bobs, decision_body(what, environment="test", release=digest, reason="so"))
    undo = decision_body(f"un{what}", environment="test")
    eves = Ledger.open(other_state(site, "eves"), eve)
    if lifted:
        write(eves, undo)
        return
    with pytest.raises(Refused, match="eve@there cannot lift it"):
        write(eves, undo)
    # Pushed by hand it is no part of the ledger either.
    forgery.record(site.ledger, undo, utc_now(), "eve@there", eve)
    fresh = Ledger.open(other_state(site, "fresh"), ann)
    assert fresh.fault is not None and "cannot lift it" in fresh.fault.message
    write_again = Ledger.open(site, ann)
    write_again.mend()
    write(Ledger.open(other_state(site, "bobs2"), bob), undo)


def old(n: int, time: str, kind: str, **fields: Any) -> str:
    """The text of a record as schema 1 had it."""
    head = {"schema": 1, "n": n, "time": time, "actor": "ann@here", "kind": kind}
    return canonical({**head, **fields})


OLD_RULE = {"from": None, "checks": {}, "soak": 0, "approvals": 2}
DEPLOY = {
    "id": "d1", "environment": "test", "release": ONE.digest, "version": "2026.47.1", "over": None,
    "purpose": "deploy", "owner": {"user": "a", "host": "b", "pid": 7, "started": "x:1"},
    "lease_until": "2026-11-21T12:10:00Z", "summary": "",
}  # fmt: skip


def old_ledger(key: Key) -> list[str]:
    """Records of schema 1: a deploy, a veto with a text that schema 2 would not take."""
    time = "2026-11-21T12:00:00Z"
    signers = [{"principal": "ann@here", "key": key.public, "roles": ["admin", "operator",
                "approver", "release-manager"]}]  # fmt: skip
    return [
        old(0, time, "genesis", site="trial", signers=signers, policy={"test": OLD_RULE}),
        old(1, time, "deploy", phase="started", **DEPLOY),
        old(2, time, "deploy", phase="finished", **DEPLOY),
        old(3, time, "decision", decision="veto", environment=None, release=ONE.digest,
            check=None, reason="two\nlines"),
    ]  # fmt: skip


def test_ledger_of_schema_1_is_read_and_gone_on_with(site: Site, ann: Key) -> None:
    Path(site.ledger).parent.mkdir(parents=True)
    forgery.git(site.ledger, "init", "-q", "--bare")
    parents: tuple[str, ...] = ()
    for n, text in enumerate(old_ledger(ann)):
        when = parse(text, n, "0" * 40).time
        made = forgery.commit(site.ledger, {f"records/{n}.json": text}, when, ann, parents=parents)
        parents = (made,)
    ledger = Ledger.open(other_state(site, "mine"), ann)
    runs = view.running(ledger.known, "test")
    assert runs is not None and (runs.digest, runs.version) == (ONE.digest, "2026.47.1")
    assert view.policy_in_force(ledger.known)["test"].approvals.count == 2
    assert view.attempts(ledger.known, "test")[0].owner.space == ""
    write(ledger, released(TWO))
    write(ledger, decision_body("veto", release=TWO.digest, reason="x"))
    names = forgery.git(site.ledger, "ls-tree", "-r", "--name-only", "ledger").split()
    assert names == ["records/0.json", "records/0/4.json", "records/0/5.json", "records/1.json",
                     "records/2.json", "records/3.json"]  # fmt: skip
    forgery.git(site.ledger, "fsck", "--strict")
    assert Ledger.open(other_state(site, "fresh"), ann).known == ledger.known == ledger.reverify()
    late = json.loads(old_ledger(ann)[3])
    text = canonical({**late, "n": 6, "time": "2027-11-21T12:00:00Z"})
    problem = Continuity(ledger.known).problem(parse(text, 6, "f" * 40))
    assert "of schema 1" in problem


def test_thousand_records_begin_a_folder_of_their_own_and_are_named_as_git_does(
    site: Site, ledger: Ledger
) -> None:
    texts = [canonical({"schema": 2, "n": n}) for n in range(2001)]
    assert path_of(999, texts[999]) == "records/0/999.json"
    assert path_of(1000, texts[1000]) == "records/1/1000.json"
    # git makes the same trees of the same files.
    trees = RecordTrees()
    for n in (0, 1, 1000, 1999, 2000):
        trees.add(n, texts[n])
        blob = forgery.git(site.ledger, "hash-object", "--stdin", stdin=texts[n])
        assert trees.folders[f"records/{n // 1000}"][f"{n}.json"] == f"100644 blob {blob}"
    made = [
        forgery.git(site.ledger, "mktree", "--missing", stdin=listing)
        for listing in trees.listings()
    ]
    assert len(made) == 5 and made[-1] == trees.root
    assert all(tree in trees.listings()[3] for tree in made[:3])
    assert made[3] in trees.listings()[4]


def test_keys_are_one_persons(ledger: Ledger, site: Site, ann: Key) -> None:
    from deploykit.ledger.signers import trust

    with pytest.raises(Refused, match="is the key of ann@here"):
        trust(ledger, "bob@there", ann.file, ["approver"])


def test_texts_that_would_move_a_cursor_are_made_fit_before_they_are_recorded(
    ledger: Ledger,
) -> None:
    body = decision_body("hold", environment="test", reason="\x1b[1A\x1b[2Kgone\x07\u202etxt")
    write(ledger, body)
    assert ledger.known[-1].body["reason"] == "\ufffd[1A\ufffd[2Kgone\ufffd\ufffdtxt"
    raw = Body("decision", {**body.fields, "reason": "\x1b[1A"})
    with pytest.raises(Exception, match="'reason'"):
        write(ledger, raw)


def test_story_is_a_ledger() -> None:
    """What policy's tests ask about keeps to the same rules."""
    story = Story.of(test=rule()).deployed("test", Named(ONE.digest, ONE.version))
    standing = Continuity()
    for record in story.records:
        assert standing.problem(record) == ""
        standing.add(record)


def test_guide_says_of_each_role_what_its_records_are() -> None:
    """docs/operate.md, 'Who may do what', against what the ledger accepts."""
    from pathlib import Path

    from deploykit.ledger.kinds import DECISIONS, KINDS

    words = {"approve": "approve", "veto": "veto", "hold": "hold", "pin": "pin"}
    words |= {"waive": "waive checks", "overrule": "overrule vetoes", "end-lease": "end leases"}
    words |= {"unwaive": "take that back"}
    kinds = {"signers": "signers", "policy": "policy", "mend": "mend the ledger",
             "release": "release", "deploy": "deploy", "evidence": "record evidence"}  # fmt: skip
    guide = (Path(__file__).parents[4] / "docs" / "operate.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", guide, re.M))
    for decision, word in words.items():
        for role in ("admin", "operator", "release-manager", "approver"):
            said = re.search(rf"\b{word}\b", rows[role]) is not None
            assert said == (role in DECISIONS[decision].writers), (role, decision)
    for kind, word in kinds.items():
        for role in ("admin", "operator", "release-manager", "approver"):
            said = re.search(rf"\b{word}\b", rows[role]) is not None
            assert said == (role in KINDS[kind].writers({})), (role, kind)
