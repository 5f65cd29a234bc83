from __future__ import annotations

import pytest
from deploykit.gate.footers import dependencies, recheck_reason

SERVER = "https://review.example.org"
ID = "I" + "0123456789" * 4


@pytest.mark.parametrize(
    "place",
    ["/c/cloud/salt/+/17", "/c/cloud/salt/+/17/3", "/17", "/#/c/17/", "/c/17", "/c/salt/+/17/"],
)
def test_depends_on_by_address_names_the_change(place: str) -> None:
    (found,) = dependencies(f"Title\n\nDepends-On: {SERVER}{place}\n", SERVER)
    assert (found.number, found.problem) == ("17", "")


def test_depends_on_by_change_id_names_it() -> None:
    (found,) = dependencies(f"Title\n\ndepends-on: {ID}\nChange-Id: {ID}\n", SERVER + "/")
    assert found.change_id == ID


@pytest.mark.parametrize(
    "text", ["17", "https://other.example.org/17", f"{SERVER}/c/salt", f"{SERVER}.evil.org/17",
             "", "Iabc", f"{SERVER}/c/salt/+/17?x=1"]
)  # fmt: skip
def test_depends_on_that_names_no_change_here_is_a_problem(text: str) -> None:
    (found,) = dependencies(f"Title\n\nDepends-On: {text}\n", SERVER)
    assert found.problem and not found.number and not found.change_id


def test_each_dependency_is_named_once_in_order() -> None:
    message = f"T\n\nDepends-On: {SERVER}/9\nDepends-On: {SERVER}/8\nDepends-On: {SERVER}/c/9\n"
    assert [one.number for one in dependencies(message, SERVER)] == ["9", "8"]


@pytest.mark.parametrize(
    ("comment", "reason"),
    [
        ("Patch Set 1:\n\nrecheck", ""),
        ("recheck bug 1572495", "1572495"),
        ("Recheck bug #7 ", "7"),
        ("please recheck this", None),
        ("rechecked", None),
        ("", None),
    ],
)
def test_recheck_is_a_line_of_its_own(comment: str, reason: str | None) -> None:
    assert recheck_reason(comment) == reason
