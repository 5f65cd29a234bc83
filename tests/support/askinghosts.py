"""HTTP servers on loopback that record what they are asked with: git (http-backend) and LFS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import faultygit
from loopback import served


@dataclass
class Host:
    """Serves the bare repositories below `root`, and LFS objects at `/lfs` whose links lead to
    `store` (a URL; its own if it is ""). With `guarded` it wants any credential. `headers` are
    those of all requests, with the path."""

    root: Path
    url: str = ""
    guarded: bool = False
    store: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    headers: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def secrets(self) -> list[str]:
        """The credentials that it was given."""
        names = ("authorization", "x-token", "cookie")
        return sorted(
            {headers[name] for _, headers in self.headers for name in names if name in headers}
        )


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that hangs up is none of the test's."""


@contextmanager
def serving(root: Path) -> Iterator[Host]:
    """Serve until the block ends."""
    host = Host(root)
    with served(_handler(host), _Server) as port:
        host.url = f"http://127.0.0.1:{port}"
        yield host


def _handler(host: Host) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {key.lower(): value for key, value in self.headers.items()}
            host.headers.append((self.path, headers))
            body = self.rfile.read(int(headers.get("content-length", 0)))
            if host.guarded and not {"authorization", "x-token"} & headers.keys():
                self._send(401, b"{}", {"WWW-Authenticate": 'Basic realm="x"'})
            elif self.path.startswith("/object/"):
                self._send(200, host.objects[self.path.rpartition("/")[2]], {})
            elif "/objects/batch" in self.path:
                wanted = json.loads(body)["objects"]
                answer = {"objects": [self._object(pointer) for pointer in wanted]}
                kind = {"Content-Type": "application/vnd.git-lfs+json"}
                self._send(200, json.dumps(answer).encode(), kind)
            else:
                fields, content = faultygit.backend(host.root, self, body)
                self._send(int(fields.pop("Status", "200").split()[0]), content, fields)

        do_POST = do_GET

        def _object(self, pointer: dict[str, object]) -> dict[str, object]:
            link = {"href": f"{host.store or host.url}/object/{pointer['oid']}"}
            return {**pointer, "actions": {"download": link}}

        def _send(self, status: int, body: bytes, fields: dict[str, str]) -> None:
            self.send_response(status)
            for key, value in {**fields, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
