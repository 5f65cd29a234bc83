"""A small API of a service for tests: its answers are JSON, and its requests are in no log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any


class JsonApi(BaseHTTPRequestHandler):
    """Requests that are answered with documents; who derives from it writes the `do_` methods."""

    def answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """End the request with `body` as JSON; None is no text at all."""
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Nothing."""
