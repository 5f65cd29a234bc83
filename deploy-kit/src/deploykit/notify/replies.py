"""SMTP's replies within bounds: so much, and in such a time, whoever the server is."""

from __future__ import annotations

import smtplib
import time
from typing import Any, BinaryIO

from deploykit.base.answers import TooMuch

MOST = 2**20  # bytes of one connection
LONGEST = 120.0  # seconds of one connection


class Replies:
    """What smtplib reads replies from. Each read of the socket has a time limit of its own."""

    def __init__(self, socket: Any, until: float) -> None:
        self._stream: BinaryIO = socket.makefile("rb")
        self._until = until
        self._read = 0

    def readline(self, most: int) -> bytes:
        """The next line, or as much of it as `most` bytes. Raises TooMuch."""
        line = b""
        while len(line) < most and not line.endswith(b"\n"):
            piece = self._stream.peek(1)[: most - len(line)]  # type: ignore[attr-defined]
            if not piece:
                break
            end = piece.find(b"\n") + 1
            line += self._stream.read(end or len(piece))
            if time.monotonic() > self._until:
                raise TooMuch(f"its replies have no end after {LONGEST:g} s")
        self._read += len(line)
        if self._read > MOST:
            raise TooMuch(f"it replies with more than {MOST / 2**20:g} MiB")
        return line

    def close(self) -> None:
        self._stream.close()


class _Bounded(smtplib.SMTP):
    _until: float | None = None

    def getreply(self) -> tuple[int, bytes]:
        if self._until is None:
            self._until = time.monotonic() + LONGEST
        if self.file is None:  # smtplib makes it anew for an encrypted connection
            self.file = Replies(self.sock, self._until)
        return super().getreply()


class BoundedSmtp(_Bounded):
    """A plain connection, which STARTTLS may encrypt."""


class BoundedSmtps(_Bounded, smtplib.SMTP_SSL):
    """A connection that is encrypted from its first byte."""
