"""Whatever stands in the files that come with a kit, it is read or refused in words."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import Refused
from gitshelf.formats import compression
from gitshelf.kit import lock, signatures
from gitshelf.kit.lock import OMIT, Lock, LockedBook, LockedLink, Omitted, Policies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

_BOOK = LockedBook(
    book="b",
    commit="1" * 40,
    tree="2" * 40,
    path="d",
    time=1_700_000_000,
    content="3" * 64,
    files=1,
    size=2,
    policies=Policies(links=OMIT),
    omitted=(Omitted(b"l", "120000", "4" * 40, "link"),),
    irregular=(b"a\xff",),
)
_LOCK = Lock((_BOOK,), (LockedLink("l", "b/a"),), "5" * 64, "6" * 64)
_ODD: list[Any] = [
    *(None, True, -1, 2**63, 10**400, 1.5, float("inf"), float("nan"), "", "\udcff", "\ud800"),
    *("x" * 5000, [], {}, [[]], {"": ""}, "../b", "/", ".git", "KIT", "3" * 40, "g" * 40, "1e9"),
]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys or positions."""
    keys = value if isinstance(value, dict) else range(len(value))
    for key in list(keys):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


@given(data=st.data())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_value_in_a_lock_is_read_or_refused(data: st.DataObject) -> None:
    assert lock.parse(_LOCK.to_bytes()) == _LOCK
    document = json.loads(_LOCK.to_bytes())
    for _ in range(data.draw(st.integers(1, 2))):
        holder, key = data.draw(st.sampled_from(list(_places(document))))
        holder[key] = copy.deepcopy(data.draw(st.sampled_from(_ODD)))
    written = (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
    try:
        assert lock.parse(written).to_bytes() == written
    except Refused as error:
        assert error.message


_BYTES = st.lists(
    st.binary(max_size=3)
    | st.sampled_from(
        [b"3" * 64, b"  ", b" *", b"kit.tar", b"\n", b"\r\n", b"\x85", b"\xe2\x80\xa8", b"{",
         b"[" * 900, b'"format": 1', b"1e999", b"NaN", b"\\ud800", b"\xff", b"\0"]
    ),
    max_size=10,
).map(b"".join)  # fmt: skip


@given(data=_BYTES)
@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_bytes_are_refused_or_read(data: bytes, tmp_path: Path) -> None:
    (tmp_path / signatures.SUMS).write_bytes(data)
    try:
        assert all(len(digest) == 64 for digest in signatures.read_sums(tmp_path).values())
    except Refused as error:
        assert error.message
    with pytest.raises(Refused):
        lock.parse(data)


@given(data=st.binary(max_size=60), start=st.integers(0, 30), form=st.sampled_from([".gz", ".zst"]))
@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_compressed_bytes_are_refused_or_the_same(
    data: bytes, start: int, form: str, tmp_path: Path
) -> None:
    whole = tmp_path / f"whole.tar{form}"
    with whole.open("wb", buffering=0) as raw:
        sink = compression.compressor(raw, f".tar{form}")
        sink.write(b"something" * 300)
        sink.close()
    damaged = tmp_path / f"kit.tar{form}"
    packed = whole.read_bytes()
    damaged.write_bytes(packed[:start] + data + packed[start + len(data) :])
    try:
        with compression.open_tar(damaged) as source:
            found = b"".join(iter(lambda: source.read(1 << 20), b""))
            assert compression.is_plain(source) or found == b"something" * 300
    except Refused as error:
        assert error.message
