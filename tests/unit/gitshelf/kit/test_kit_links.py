"""Where links lead."""

from __future__ import annotations

import pytest
from gitshelf.kit.links import leaves, relative


@pytest.mark.parametrize(
    ("links", "leaving"),
    [
        ({b"b/l": b"x"}, False),
        ({b"b/l": b"../b/x"}, True),  # out and in again
        ({b"b/l": b".."}, True),
        ({b"b/d/l": b".."}, False),
        ({b"b/d/l": b"../../c"}, True),
        ({b"b/l": b"/etc/salt/pki"}, True),
        ({b"b/l": b"l"}, False),  # a circle leads nowhere
        ({b"b/l": b"d/e", b"b/d": b"../c"}, True),  # through a link that leaves
        # By its text this one stays: sub/d is b itself, and what is above it is outside.
        ({b"b/s/l": b"d/../f", b"b/s/d": b".."}, True),
        ({b"b/s/t/l": b"d/../f", b"b/s/t/d": b".."}, False),
        ({b"b/l": b"d/f", b"b/d": b"/etc"}, True),
    ],
)
def test_link_leaves_its_book_or_not(links: dict[bytes, bytes], leaving: bool) -> None:
    assert leaves(next(iter(links)), links, b"b") is leaving


def test_link_on_the_whole_shelf_may_reach_other_books() -> None:
    assert not leaves(b"a/l", {b"a/l": b"../b"}, b"")
    assert leaves(b"a/l", {b"a/l": b"../../b"}, b"")


@pytest.mark.parametrize(
    ("target", "folder", "expected"),
    [
        (b"/srv/salt", b"srv", b"salt"),
        (b"/srv/salt", b"", b"srv/salt"),
        (b"/srv/salt", b"etc/a", b"../../srv/salt"),
        (b"/", b"etc", b".."),
        (b"/etc", b"etc", b"."),
    ],
)
def test_absolute_target_becomes_relative(target: bytes, folder: bytes, expected: bytes) -> None:
    assert relative(target, folder) == expected
