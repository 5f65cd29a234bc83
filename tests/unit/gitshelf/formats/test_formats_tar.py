"""The tar writer and its strict reader."""

from __future__ import annotations

import io
import tarfile

import pytest
from gitshelf.base.errors import Refused
from gitshelf.formats import tar
from gitshelf.formats.tar import Entry
from gitshelf.formats.tarreader import Reader
from hypothesis import given, settings
from hypothesis import strategies as st

_names = st.lists(
    st.binary(min_size=1, max_size=120).filter(
        lambda part: not {0, 0x2F} & set(part) and part not in (b".", b"..")
    ),
    min_size=1,
    max_size=4,
).map(b"/".join)


@given(
    name=_names,
    mode=st.sampled_from([0o644, 0o755]),
    content=st.binary(max_size=1500),
    mtime=st.integers(0, tar.MAX_TIME),
)
@settings(max_examples=200, deadline=None)
def test_any_file_is_read_back_by_gitshelf_and_by_tarfile(
    name: bytes, mode: int, content: bytes, mtime: int
) -> None:
    entry = Entry(name, tar.FILE, mode, len(content), mtime)
    data = tar.header(entry) + content + tar.padding(len(content)) + tar.END
    reader = Reader(io.BytesIO(data))
    assert reader.entry() == entry
    assert b"".join(reader.content(entry)) == content
    assert reader.entry() is None
    with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape") as other:
        (member,) = other.getmembers()
        assert member.name.encode("utf-8", "surrogateescape") == name.rstrip(b"/")
        assert (member.mode, member.mtime, member.uid, member.uname) == (mode, mtime, 0, "")
        found = other.extractfile(member)
        assert found is not None
        assert found.read() == content


@given(target=st.binary(min_size=1, max_size=400).filter(lambda data: 0 not in data))
@settings(max_examples=100, deadline=None)
def test_any_link_target_is_read_back(target: bytes) -> None:
    entry = Entry(b"l", tar.LINK, 0o755, 0, 1, target)
    assert Reader(io.BytesIO(tar.header(entry) + tar.END)).entry() == entry


def test_size_beyond_eight_gib_gets_a_pax_record() -> None:
    entry = Entry(b"big", tar.FILE, 0o644, 9 << 30, 1)
    header = tar.header(entry)
    assert len(header) == 3 * tar.BLOCK
    assert Reader(io.BytesIO(header + bytes(1024))).entry() == entry
    member = tarfile.TarInfo.frombuf(header[1024:], "utf-8", "strict")
    assert member.name == "big"


@given(data=st.binary(max_size=2048))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    reader = Reader(io.BytesIO(data))
    with pytest.raises(Refused):
        while entry := reader.entry():
            for _ in reader.content(entry):
                pass
        raise Refused("a proper tar")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"0000644\0", b"0000644 "),
        (b"0000644\0", b"-000644\0"),
        (b"ustar\x0000", b"ustar  \0"),
        (b"0000000\0", b"0000001\0"),
    ],
)
def test_header_in_another_dialect_is_refused(old: bytes, new: bytes) -> None:
    header = tar.header(Entry(b"a", tar.FILE, 0o644, 0, 1)).replace(old, new, 1)
    with pytest.raises(Refused, match="header at byte 0"):
        Reader(io.BytesIO(header + tar.END)).entry()
