"""Any sequence of tar entries is no kit."""

from __future__ import annotations

from typing import Any

import pytest
from anytrees import contents, paths, targets
from gitshelf.base.errors import Refused
from gitshelf.formats import tar
from hypothesis import given, settings
from hypothesis import strategies as st

import gitshelf


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_sequence_of_entries_is_read_or_refused(
    data: st.DataObject, tmp_path_factory: Any
) -> None:
    kinds = st.sampled_from([tar.FILE, tar.FOLDER, tar.LINK])
    parts = [b""]
    for name in data.draw(st.lists(paths, max_size=6)):
        kind = data.draw(kinds)
        body = data.draw(contents) if kind == tar.FILE else b""
        link = data.draw(targets) if kind == tar.LINK else b""
        path = name + b"/" if kind == tar.FOLDER else name
        entry = tar.Entry(
            data.draw(st.sampled_from([path, b"KIT/" + path])),
            kind,
            data.draw(st.sampled_from([0o644, 0o755, 0o777])),
            len(body),
            0,
            link,
        )
        parts.append(tar.header(entry) + body + tar.padding(len(body)))
    file = tmp_path_factory.getbasetemp() / "sequence.tar"
    file.write_bytes(b"".join(parts) + tar.END)
    with pytest.raises(Refused):
        gitshelf.verify(file)
