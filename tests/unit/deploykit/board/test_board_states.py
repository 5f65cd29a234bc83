"""What Salt would make otherwise, on the page: in every form, cut, and where it is not known."""

from __future__ import annotations

import html
from dataclasses import replace
from pathlib import Path

import pytest
from deploykit.board.approval import Live
from deploykit.board.approval_page import page_json, render_page
from deploykit.board.states import SHOWN, show_states
from deploykit.release import Release
from deploykit.release.page import Page
from deploykit.release.states import StateChange, StatesChange, Unrendered
from deploykit.site.going_back import way_back

FORMS = ("txt", "md", "html")
LIVE = Live((), None, ())


def change(what: str, *roles: str, component: str = "nova") -> StateChange:
    line = "+<b>x</b>"
    return StateChange(component, what, "new", roles, ("controller",), "d" * 64, (line,), 3)


def page(states: StatesChange) -> Page:
    one, two = (Release(f"2026.4{n}.1", f"sha256:{n}", Path("k"), Path("p")) for n in (6, 7))
    return Page(one, two, (), (), states=states)


def printed(states: StatesChange, form: str) -> str:
    whole = page(states)
    return render_page(whole, LIVE, page_json(whole, LIVE, way_back(())), form)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_shows_what_differs_and_what_was_left_out(form: str) -> None:
    changes = tuple(change(f"nova_{n:03}", "compute-api") for n in range(SHOWN + 2))
    nodes = (("controller", ("compute-api",)),)
    failed = (Unrendered("2026.47.1", "compute1", "no such variable"),)
    text = printed(StatesChange("production", nodes, changes, failed), form)
    said = "controller (compute-api)", "nova_059", "3 more lines", "2 more differences"
    for words in (*said, "no such variable", "compute1"):
        assert words.replace("_", r"\_") in text or words in text
    assert "nova_060" not in text and "Nothing" not in text
    if form == "html":
        assert html.escape("+<b>x</b>") in text and "<b>" not in text
    else:
        assert "    +<b>x</b>" in text, "a block of Markdown shows it as it is"


@pytest.mark.parametrize("form", FORMS)
def test_page_says_where_nothing_differs_and_where_nobody_knows(form: str) -> None:
    nothing = printed(StatesChange("production"), form)
    assert "nothing\n" in nothing.lower() or "nothing." in nothing.lower()
    missing = printed(StatesChange("production", missing="Salt is not here"), form)
    assert "not rendered: Salt is not here" in missing
    assert "nothing\n" not in missing.split("going back")[0].lower()


def test_page_that_was_not_rendered_has_another_digest_than_one_that_was() -> None:
    same = page(StatesChange("production"))
    assert page(StatesChange("staging")).digest == same.digest, "nothing differs in either"
    assert page(StatesChange("production", missing="no Salt")).digest != same.digest
    assert page(StatesChange("production", changes=(change("a"),))).digest != same.digest
    assert replace(same, states=None).digest != same.digest


def test_groups_begin_with_what_is_of_every_role_and_end_with_the_deployment() -> None:
    changes = (
        change("step", component="deployment"),
        change("base", component="base"),
        change("nova", "compute-api"),
    )
    assert [group.heading for group in show_states(StatesChange("", (), changes)).groups] == [
        "every role (on controller)",
        "compute-api (on controller)",
        "the deployment (on controller)",
    ]
