"""A bug tracker on loopback: it keeps what it is told, and fails as often as it is asked to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote_plus

from loopback import served


@dataclass
class BugServer:
    """`posts` are path, headers and body of what was accepted; `failing` are the statuses of the
    next answers to POST."""

    port: int = 0
    posts: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    failing: list[int] = field(default_factory=list)
    asked: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving() -> Iterator[BugServer]:
    """Serve until the block ends."""
    state = BugServer()
    with served(_handler(state)) as state.port:
        yield state


def _handler(state: BugServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, json.dumps([unquote_plus(body) for _, _, body in state.posts]))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            state.asked += 1
            if state.failing:
                self._send(state.failing.pop(0), "")
                return
            state.posts.append((self.path, dict(self.headers), body))
            self._send(201, "{}")

        def _send(self, status: int, text: str) -> None:
            with suppress(OSError):
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", f"{state.url}/elsewhere")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
