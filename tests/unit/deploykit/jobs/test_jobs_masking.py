"""Secrets do not get into a log, however the job's output is cut into pieces."""

from __future__ import annotations

from deploykit.jobs.masking import LONGEST, Masker
from hypothesis import given
from hypothesis import strategies as st

SECRETS = ("hunter22", "hunter22-and-more", "two\nlines-of-it", "p@ss/word")
TEXT = st.lists(
    st.sampled_from(["hunter22", "-and-more", "two\nlines", "-of-it", "p%40ss%2Fword", "x", "\n"]),
    max_size=12,
).map("".join)


def masked(data: bytes, cuts: list[int]) -> bytes:
    masker = Masker(SECRETS, 6)
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    return (
        b"".join(masker.feed(data[a:b]) for a, b in zip([0, *ends], ends, strict=False))
        + masker.rest()
    )


@given(TEXT, st.lists(st.integers(0, 150)))
def test_output_in_any_pieces_is_masked_as_in_one(text: str, cuts: list[int]) -> None:
    data = text.encode()
    shown = masked(data, cuts)
    assert shown == masked(data, [])
    assert not any(secret.encode() in shown for secret in (*SECRETS, "p%40ss%2Fword"))


def test_longest_secret_is_masked_whole() -> None:
    assert masked(b"a hunter22-and-more b hunter22 c\n", []) == b"a *** b *** c\n"


def test_each_line_of_a_secret_with_several_is_masked() -> None:
    assert masked(b"> lines-of-it <\n", []) == b"> *** <\n"


def test_endless_line_is_not_held_back_for_ever() -> None:
    masker = Masker(SECRETS, 6)
    shown = masker.feed(b"x" * (2 * LONGEST) + b"hunter22" + b"y" * LONGEST)
    assert len(shown) > LONGEST
    assert b"hunter22" not in shown + masker.rest()


def test_without_secrets_nothing_is_changed() -> None:
    masker = Masker([], 6)
    assert masker.feed(b"a\nb") + masker.rest() == b"a\nb"
