"""Messages between deploy-kit and its agent on a master: one JSON object per line.

A request is `{"call": NAME, "arguments": {...}, "payload": BYTES}`; if `payload` is not 0, so many
raw bytes follow the line. The agent answers with any number of `{"event": {...}}` lines and
then one `{"result": ...}` or `{"error": MESSAGE, "remedy": TEXT}`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

Handler = Callable[..., Any]


class AgentError(Exception):
    """What an agent could not do: a message for the person, with a remedy."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class Channel:
    """The agent's end: reads requests, writes events and answers; safe for several threads."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = threading.Lock()

    def send(self, message: Mapping[str, Any]) -> None:
        line = json.dumps(message, default=str).encode() + b"\n"
        with self._lock:
            self._writer.write(line)
            self._writer.flush()

    def event(self, **fields: Any) -> None:
        self.send({"event": fields})

    def payload(self, size: int, sink: BinaryIO) -> None:
        """Copy `size` raw bytes that follow a request into `sink`."""
        left = size
        while left:
            block = self._reader.read(min(left, 1 << 20))
            if not block:
                raise AgentError("the connection ended in the middle of an upload")
            sink.write(block)
            left -= len(block)

    def serve(self, handlers: Mapping[str, Handler]) -> None:
        """Answer requests until the other end closes."""
        for line in iter(self._reader.readline, b""):
            request = json.loads(line)
            try:
                call = handlers[request["call"]]
                arguments = dict(request["arguments"])
                if request.get("payload"):
                    arguments["payload"] = request["payload"]
                self.send({"result": call(**arguments)})
            except AgentError as error:
                self.send({"error": error.message, "remedy": error.remedy})
            except Exception as error:
                # A GitshelfError has a remedy of its own; it is not imported for its name alone.
                self.send(
                    {
                        "error": str(getattr(error, "message", ""))
                        or f"{type(error).__name__}: {error}",
                        "remedy": str(getattr(error, "remedy", "")),
                    }
                )
