"""An HTTP receiver on loopback: it keeps what it is told, and fails as often as it is asked to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote_plus

from loopback import served


@dataclass
class Receiver:
    """`posts` are path, headers and body of what was accepted; `failing` are the statuses of the
    next answers to POST and PUT, of which 0 is an answer that is no HTTP. While `slow` is set, a
    request waits, without any answer, until it is set free (`go`)."""

    port: int = 0
    posts: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    failing: list[int] = field(default_factory=list)
    asked: int = 0
    slow: bool = False
    go: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bodies(self) -> list[dict[str, object]]:
        """What was accepted, as JSON."""
        return [json.loads(body) for _, _, body in self.posts]


@contextmanager
def serving() -> Iterator[Receiver]:
    """Serve until the block ends."""
    state = Receiver()
    with served(_handler(state)) as state.port:
        yield state
        state.go.set()


def _handler(state: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, json.dumps([unquote_plus(body) for _, _, body in state.posts]))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            state.asked += 1
            if state.slow:
                state.go.wait(60)
            if state.failing:
                self._send(state.failing.pop(0), "")
                return
            state.posts.append((self.path, dict(self.headers), body))
            self._send(201, "{}")

        do_PUT = do_POST

        def _send(self, status: int, text: str) -> None:
            with suppress(OSError):
                if not status:
                    self.wfile.write(b"\x00\xff no HTTP at all\r\n\r\n")
                    return
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", f"{state.url}/elsewhere")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
