"""Secrets that a job was given, kept out of its log while it is written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = b"***"
LONGEST = 64 * 1024  # bytes of a line that are held back for its end


class Masker:
    """Takes a stream in pieces and returns it with each of `secrets` replaced by `***`.

    Also replaced: a secret as it stands in a URL, and each line of one that has several. What may
    be the beginning of a secret is held back until the next piece; `rest` returns it.
    """

    def __init__(self, secrets: Iterable[str], least: int) -> None:
        """`least`: what has fewer characters is no secret by itself."""
        forms = {
            form.encode("utf-8", "surrogateescape")
            for secret in secrets
            for line in (secret, *secret.splitlines())
            for form in (line, quote(line, safe=""), quote_plus(line))
            if len(line.strip()) >= least
        }
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._any = re.compile(b"|".join(map(re.escape, longest_first))) if forms else None
        self._keep = max(map(len, forms), default=1) - 1
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """What may be shown of the stream up to now, whole lines as long as they are not huge."""
        data = self._held + piece
        # A secret may have several lines itself: more than its last line is held back.
        cut = data.rfind(b"\n", 0, max(0, len(data) - self._keep)) + 1
        if not cut and len(data) > LONGEST + self._keep:
            cut = len(data) - self._keep
        for match in self._any.finditer(data) if self._any else ():
            if match.start() < cut < match.end():
                cut = match.end()
        self._held = data[cut:]
        return self._masked(data[:cut])

    def rest(self) -> bytes:
        """What was held back: the stream is over."""
        data, self._held = self._masked(self._held), b""
        return data

    def _masked(self, data: bytes) -> bytes:
        return self._any.sub(MASK, data) if self._any else data
