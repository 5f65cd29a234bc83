"""A byte of any kind of record in a kit of some megabytes."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import Refused

import gitshelf

Repo = Any

Write = Callable[[str], Path]


@pytest.fixture
def large(make_repo: Callable[..., Repo], write_manifest: Write, tmp_path: Path) -> Path:
    """A kit of five megabytes with every kind of record, alone in a folder."""
    chance = random.Random(5)
    files: dict[bytes, Any] = {b"small/%03d" % i: chance.randbytes(i * 7) for i in range(300)}
    files |= {b"deep/" * 30 + b"%d" % i: b"%d" % i for i in range(10)}
    files |= {b"odd\xff" + b"n" * 120 + b"%d" % i: b"" for i in range(10)}
    files |= {b"l%d" % i: ("120000", b"./" * 70 + b"big") for i in range(10)}
    files[b"big"] = ("100755", chance.randbytes(4_000_001))
    repo = make_repo("large")
    repo.commit(files)
    built = gitshelf.build(
        write_manifest(f"books:\n- {{book: b, git: '{repo.url}'}}\n- {{book: x, link: b/big}}\n"),
        tmp_path / "built" / "kit.tar",
    )
    alone = tmp_path / "alone" / "kit.tar"
    alone.parent.mkdir()
    return built.path.rename(alone)


def places(data: bytes) -> dict[str, list[int]]:
    """The bytes of a tar by what they are for, found without gitshelf's own reader."""
    found: dict[str, list[int]] = {
        key: [] for key in ("header", "content", "padding", "pax header", "pax record", "end")
    }
    at = 0
    while data[at] != 0:
        size = int(data[at + 124 : at + 135], 8)
        is_pax = data[at + 156 : at + 157] == b"x"
        found["pax header" if is_pax else "header"] += range(at, at + 512)
        body = at + 512
        found["pax record" if is_pax else "content"] += range(body, body + size)
        at = body + (size + 511) // 512 * 512
        found["padding"] += range(body + size, at)
    found["end"] += range(at, len(data))
    return found


@pytest.mark.lengthy
@pytest.mark.timeout(600)
def test_one_changed_byte_anywhere_in_a_large_kit_is_found(large: Path) -> None:
    data = large.read_bytes()
    assert len(data) > 4_500_000
    chance = random.Random(21)
    by_kind = places(data)
    assert all(by_kind.values())
    missed = []
    with large.open("r+b", buffering=0) as file:
        for kind, positions in by_kind.items():
            for position in chance.sample(positions, min(40, len(positions))):
                os.pwrite(file.fileno(), bytes([data[position] ^ chance.randint(1, 255)]), position)
                try:
                    gitshelf.verify(large)
                    missed.append((kind, position))
                except Refused:
                    pass
                os.pwrite(file.fileno(), data[position : position + 1], position)
    assert not missed
    assert gitshelf.verify(large)
