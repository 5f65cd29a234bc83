"""What Gerrit says of changes, as the queue is told of it (shapes as a Gerrit 3.10 gives them)."""

from __future__ import annotations

from typing import Any

import pytest
from deploykit.gate.changes import Change, mark, rejected
from deploykit.gate.review import TAG, Rules, changes_of, merges, missing, outcomes, seen

GATE, ANN, EVE = 1, 2, 3
RULES = Rules({"Code-Review": 2, "Workflow": 1}, "Verified", GATE, frozenset({ANN}),
              "https://review.example.org")  # fmt: skip
DATE = "2026-11-28 12:00:0{}.000000000"


def vote(who: int, value: int, second: int = 0) -> dict[str, Any]:
    return {"_account_id": who, "value": value, "date": DATE.format(second)}


def talk(id: str, text: str, who: int = ANN, patchset: int = 1, tag: str = "") -> dict[str, Any]:
    return {"id": id, "message": text, "author": {"_account_id": who}, "tag": tag,
            "_revision_number": patchset, "date": DATE.format(0)}  # fmt: skip


def info(
    number: int,
    *,
    message: str = "T\n",
    parents: tuple[str, ...] = ("p",),
    uploader: int = ANN,
    status: str = "NEW",
    old: tuple[str, ...] = (),
    votes: dict[str, list[dict[str, Any]]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    commit = f"c{number}"
    current = {
        "_number": len(old) + 1,
        "uploader": {"_account_id": uploader},
        "commit": {"message": message, "parents": [{"commit": one} for one in parents]},
    }
    before = {name: {"_number": n} for n, name in enumerate(old, start=1)}
    labels = {
        name: {"values": {"-2": "", " 0": "", "+2": ""} if name == "Code-Review" else
               {"-1": "", " 0": "", "+1": ""}, "all": given}
        for name, given in (votes or {}).items()
    }  # fmt: skip
    return {
        "_number": number, "project": "alpha", "branch": "main", "change_id": f"I{number:040}",
        "status": status, "current_revision": commit, "owner": {"_account_id": uploader},
        "revisions": {commit: current, **before}, "labels": labels, "messages": [], **more,
    }  # fmt: skip


BOTH = {"Code-Review": [vote(ANN, 2, 3)], "Workflow": [vote(ANN, 1, 5)]}


def one(*infos: dict[str, Any], number: int = 1) -> Change:
    return changes_of(seen(infos), RULES)[str(number)]


def test_change_with_the_votes_is_approved_since_the_last_that_was_needed() -> None:
    votes = {**BOTH, "Code-Review": [vote(ANN, 2, 3), vote(EVE, 2, 9)]}
    first, later = one(info(1, votes=BOTH)), one(info(1, votes=votes))
    assert first.approved and later.approved
    assert later.since == first.since


@pytest.mark.parametrize(
    "votes",
    [
        {"Code-Review": [vote(ANN, 2)]},
        {**BOTH, "Code-Review": [vote(ANN, 2), vote(EVE, -2)]},
        {**BOTH, "Workflow": [vote(ANN, 1), vote(EVE, -1)]},
        {**BOTH, "Verified": [vote(EVE, -1)]},
    ],
)
def test_vote_that_lacks_or_vetoes_keeps_it_out(votes: dict[str, Any]) -> None:
    assert not one(info(1, votes=votes)).approved


def test_gates_own_no_is_no_veto_and_work_in_progress_is() -> None:
    assert one(info(1, votes={**BOTH, "Verified": [vote(GATE, -1)]})).approved
    assert not one(info(1, votes=BOTH, work_in_progress=True)).approved


def test_last_vote_for_the_merge_or_recheck_on_this_patch_set_is_the_ask() -> None:
    messages = [
        talk("m0", "Patch Set 1: Workflow+1", patchset=1),
        talk("m1", "Patch Set 2: Code-Review+2 Workflow+1", patchset=2),
        talk("m2", "Patch Set 2: Code-Review+2", EVE, patchset=2),
    ]
    change = one(info(1, old=("o1",), messages=messages))
    assert (change.ask, change.recheck, change.patchset) == ("m1", "", 2)
    messages.append(talk("m3", "Patch Set 2:\n\nrecheck bug 7", patchset=2))
    change = one(info(1, old=("o1",), messages=messages))
    assert (change.ask, change.recheck) == ("m3", "m3")
    assert change.reasons == (("m3", "7"),)
    messages.append(talk("m4", "recheck", patchset=2))
    change = one(info(1, old=("o1",), messages=messages))
    assert (change.recheck, change.reasons) == ("m4", (("m3", "7"),))


def test_mark_counts_in_comments_of_the_gate_alone() -> None:
    text = f"x\n\n[gate {mark(rejected('m1'))} rejected]"
    asked = talk("m1", "Patch Set 1: Workflow+1")
    forged = talk("m2", text, EVE, tag=TAG)
    real = talk("m2", text, GATE, tag=f"{TAG}~gate")
    assert not one(info(1, messages=[asked, forged])).refused
    assert one(info(1, messages=[asked, real])).refused
    assert outcomes([info(1, messages=[asked, forged, real])], RULES) == (False,)


def test_stranger_is_trusted_once_somebody_who_is_says_recheck() -> None:
    assert one(info(1)).trusted
    assert not one(info(1, uploader=EVE)).trusted
    assert not one(info(1, uploader=EVE, messages=[talk("m", "recheck", EVE)])).trusted
    assert one(info(1, uploader=EVE, messages=[talk("m", "recheck", ANN)])).trusted


def test_parent_in_review_is_needed_and_an_old_patch_set_of_it_is_a_problem() -> None:
    below = info(1, old=("o1",))
    assert one(below, info(2, parents=("c1",)), number=2).needs == ("1",)
    stale = one(below, info(2, parents=("o1",)), number=2)
    assert not stale.needs and "patch set 1 of change 1, which has patch set 2" in stale.problem
    merged = info(1, status="MERGED")
    assert one(merged, info(2, parents=("c1",)), number=2).needs == ()


def test_depends_on_is_resolved_and_what_is_not_there_is_searched() -> None:
    message = f"T\n\nDepends-On: https://review.example.org/7\nDepends-On: I{8:040}\n"
    alone = seen([info(1, message=message)])
    assert missing(alone, RULES) == ["change:7", f"change:I{8:040}"]
    assert "no change has" in changes_of(alone, RULES)["1"].problem
    whole = seen([info(1, message=message), info(7), info(8)])
    assert missing(whole, RULES) == []
    assert changes_of(whole, RULES)["1"].needs == ("7", "8")


def test_depends_on_that_nobody_can_read_is_a_problem() -> None:
    assert "neither" in one(info(1, message="T\n\nDepends-On: the other one\n")).problem


def test_bugs_of_what_the_gate_merged_are_read_and_of_nothing_else() -> None:
    message = "Mend it\n\nCloses-Bug: #7\nRelated-Bug: LP: #8\nCloses-Bug: #7\n"
    said = talk("m1", f"x\n\n[gate {mark('passed m0')} merged]", GATE, tag=f"{TAG}~gate")
    forged = talk("m1", said["message"], EVE, tag=TAG)
    found = merges([info(1, message=message, status="MERGED", messages=[said])], RULES)
    assert [(one.bug, one.relation, one.book, one.commit, one.subject) for one in found] == [
        ("7", "closes", "alpha", "c1", "Mend it"),
        ("8", "related", "alpha", "c1", "Mend it"),
    ]
    assert merges([info(1, message=message, status="MERGED", messages=[forged])], RULES) == ()
    assert merges([info(1, message=message, messages=[said])], RULES) == ()
