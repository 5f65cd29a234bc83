"""What a server answers, taken in within bounds: so much, and in such a time, whoever it is."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST = 64 * 2**20  # bytes
LONGEST = 120.0  # seconds
CHUNK = 2**16


class TooMuch(OSError):
    """The answer has no end that anybody would wait for."""


def whole(read: Callable[[int], bytes], *, most: int = MOST, seconds: float = LONGEST) -> bytes:
    """All that `read(AT MOST SO MANY BYTES)` returns until it returns nothing.

    Raises TooMuch if that is more than `most` bytes, or takes more than `seconds`; each call has
    a limit of its own.
    """
    until = time.monotonic() + seconds
    content = bytearray()
    while piece := read(CHUNK):
        content += piece
        if len(content) > most:
            raise TooMuch(f"it answers more than {most / 2**20:g} MiB")
        if time.monotonic() > until:
            raise TooMuch(f"its answer has no end after {seconds:g} s")
    return bytes(content)
