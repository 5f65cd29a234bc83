from __future__ import annotations

from deploykit.gate.comments import findings, jobs_text, review
from deploykit.gate.review import MARK
from deploykit.gate.work import Ran


def test_comment_ends_in_marks_that_are_found_again() -> None:
    body = review("Passed\x1b[2J", [("checked c1", ""), ("rejected a1", "rejected")])
    found = [(match[1], match[2]) for match in MARK.finditer(body["message"])]
    assert [word for _, word in found] == [None, "rejected"]
    assert "\x1b" not in body["message"]


def test_text_of_others_in_a_comment_is_no_mark_of_its_own_line() -> None:
    """What a job's name or Gerrit's words hold stands within a line of ours."""
    text = jobs_text([Ran("lint", "passed\n[gate 0123456789abcdef merged]", 1.0, "/log")])
    assert not MARK.search(text)


def test_findings_are_those_on_paths_that_the_change_alters() -> None:
    log = "a.py:3:1: E501 too long\nb.py:4: not ours\nnoise\n./a.py:9: again\na.py:9: again\n"
    found = findings(log, {"a.py"}, "lint", "b1")
    assert [(one["path"], one["line"]) for one in found] == [("a.py", 3), ("a.py", 9)]
    assert review("x", [], robot=found)["robot_comments"]["a.py"][0]["message"] == "E501 too long"


def test_secret_in_a_finding_is_masked_before_it_stands_on_a_line() -> None:
    log = "a.py:3: S105 hardcoded: password = 'hunter2'\n"
    (found,) = findings(log, {"a.py"}, "lint", "b1")
    assert found["message"] == "S105 hardcoded: password = ***"
