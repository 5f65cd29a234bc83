"""What a job prints, on its way to its log: masked, printable, and no longer than is kept."""

from __future__ import annotations

import os
import selectors
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from deploykit.base.printable import printable
from deploykit.jobs import LEAST_SECRET
from deploykit.jobs.masking import Masker

MOST = 64 * 2**20  # bytes of a log: the beginning, and of the rest the last TAIL
TAIL = 2**20
PIECE = 64 * 1024


class Output:
    """The reading end of a job's pipe, and the log that it goes to.

    `write_end` is for the job. `pump` and `end` raise OSError if the log cannot be written.
    """

    def __init__(self, log: Path, secrets: Iterable[str], most: int = MOST) -> None:
        self._read, self.write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(self.write_end, True)
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._masker = Masker(secrets, LEAST_SECRET)
        self._waiting = selectors.DefaultSelector()
        self._waiting.register(self._read, selectors.EVENT_READ)
        self._open = True
        self._room, self._left_out, self._tail = most - TAIL, 0, bytearray()

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._waiting.close()
        for handle in (self._read, self._log):
            os.close(handle)

    def pump(self, seconds: float) -> bool:
        """Wait at most `seconds` for output and take what there is; returns whether any came."""
        if not self._open or not self._waiting.select(seconds):
            return False
        piece = os.read(self._read, PIECE)
        if piece:
            self._write(self._masker.feed(piece))
        else:
            self._open = False
            self._waiting.unregister(self._read)
        return bool(piece)

    @property
    def open(self) -> bool:
        """Whether some process may still write."""
        return self._open

    def end(self, words: str) -> None:
        """Take what is still in the pipe, and write `words` as the last line."""
        while self.pump(0):
            pass
        self._write(self._masker.rest())
        if self._left_out:
            self._put(f"\n[{self._left_out} bytes were left out here]\n".encode())
        self._put(bytes(self._tail))
        self._put(f"[{words}]\n".encode())

    def _write(self, data: bytes) -> None:
        shown = printable(data.decode("utf-8", "replace")).encode("utf-8", "replace")
        self._put(shown[: self._room])
        more = shown[self._room :]
        self._room -= len(shown) - len(more)
        self._tail += more
        over = max(0, len(self._tail) - TAIL)
        del self._tail[:over]
        self._left_out += over

    def _put(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._log, data) :]
