"""Tokens: any texts end in a text or an error."""

from __future__ import annotations

import string

from gitshelf.manifest.tokens import TokenError, Values, expand, hide, show
from hypothesis import given, settings
from hypothesis import strategies as st

_token_names = st.text(string.ascii_letters + string.digits + "_.-", min_size=1, max_size=3)
_token_texts = st.lists(
    st.one_of(_token_names.map("{{{}}}".format), st.text(max_size=4)), max_size=6
).map("".join)


@given(text=_token_texts, values=st.dictionaries(_token_names, _token_texts, max_size=5))
@settings(max_examples=400, deadline=None)
def test_any_tokens_end_in_a_text_or_an_error(text: str, values: dict[str, str]) -> None:
    try:
        hidden = hide(text)
        raw = {name: hide(value) for name, value in values.items()}
    except ValueError:
        assert any("\ue000" in t or "\ue001" in t for t in (text, *values.values()))
        return
    assert len(hidden) == len(text)
    assert show(hidden) == text
    try:
        expanded = expand(hidden, Values(raw))
    except TokenError as error:
        assert str(error)
        assert error.missing not in values
        return
    assert "\ue000" not in expanded
