"""A server of Git LFS objects on loopback: the batch API (basic transfers, downloads only)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from loopback import served


@dataclass
class LfsServer:
    """Gives `objects` by their oid; `answer` is the status of the batch call, `asked` the oids."""

    port: int = 0
    answer: int = 200
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/lfs"


@contextmanager
def serving() -> Iterator[LfsServer]:
    """Serve until the block ends."""
    state = LfsServer()
    with served(_handler(state)) as state.port:
        yield state


def _handler(state: LfsServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if state.answer != 200:
                self._send(state.answer, b"{}")
                return
            oids = [pointer["oid"] for pointer in json.loads(body)["objects"]]
            state.asked += oids
            self._send(200, json.dumps({"objects": [self._object(o) for o in oids]}).encode())

        def do_GET(self) -> None:
            self._send(200, state.objects[self.path.rpartition("/")[2]])

        def _object(self, oid: str) -> dict[str, object]:
            if oid not in state.objects:
                return {"oid": oid, "size": 1, "error": {"code": 404, "message": "not here"}}
            link = {"href": f"{state.url}/{oid}"}
            return {"oid": oid, "size": len(state.objects[oid]), "actions": {"download": link}}

        def _send(self, status: int, body: bytes) -> None:
            with suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.git-lfs+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
