"""A git server over HTTP (git http-backend on loopback) that fails in the ways asked of it."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

from loopback import served

FAULTS = ("drop", "cut", "flip", "429", "500", "503", "stall")
STALL = 20.0


@dataclass
class FaultyGit:
    """`fault` says, for each request (its number from 0 on, its path), how to fail, or "";
    `patience` is the Retry-After that goes with a status."""

    root: Path
    port: int = 0
    fault: Callable[[int, str], str] = lambda number, path: ""
    protocol: str = "version=2"
    patience: str = ""
    requests: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, repo: Path) -> str:
        return f"http://127.0.0.1:{self.port}/{repo.relative_to(self.root)}"

    def first(self, *faults: str) -> None:
        """Fail the first requests from now on like this, one after the other."""
        self.requests.clear()
        self.fault = lambda number, path: faults[number] if number < len(faults) else ""

    def always(self, fault: str) -> None:
        self.requests.clear()
        self.fault = lambda number, path: fault


@contextmanager
def serving(root: Path) -> Iterator[FaultyGit]:
    """Serve the bare repositories below `root`; all threads are over at the end."""
    faulty = FaultyGit(root)
    with served(_handler(faulty), wait_for_answers=True) as faulty.port:
        try:
            yield faulty
        finally:
            faulty.over.set()


def _handler(faulty: FaultyGit) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(OSError):
                self._answer()

        do_POST = do_GET

        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size) if size else self._chunked()
            with faulty.lock:
                number = len(faulty.requests)
                faulty.requests.append(self.path)
            fault = faulty.fault(number, self.path)
            self.close_connection = True
            if fault == "drop":
                return
            if fault.isdigit():
                self.send_response(int(fault))
                if faulty.patience:
                    self.send_header("Retry-After", faulty.patience)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            head, content = backend(faulty.root, self, body, protocol=bool(faulty.protocol))
            if fault == "flip":
                place = len(content) * 2 // 3
                content = content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :]
            self.send_response(int(head.pop("Status", "200").split()[0]))
            for key, value in head.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if fault in ("cut", "stall"):
                self.wfile.write(content[: len(content) // 2])
                if fault == "stall":
                    self.wfile.flush()
                    faulty.over.wait(STALL)
                return
            self.wfile.write(content)

        def _chunked(self) -> bytes:
            body = b""
            if self.headers.get("Transfer-Encoding") == "chunked":
                while length := int(self.rfile.readline(), 16):
                    body += self.rfile.read(length)
                    self.rfile.readline()
            return body

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def backend(
    root: Path, request: BaseHTTPRequestHandler, body: bytes, *, protocol: bool = True
) -> tuple[dict[str, str], bytes]:
    """What git answers to a request for a repository below `root`: headers and content. Without
    `protocol` it knows of no version but the first."""
    asked = urlsplit(request.path)
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", "") if protocol else "",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "REQUEST_METHOD": request.command,
        "PATH_INFO": asked.path,
        "QUERY_STRING": asked.query,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "REMOTE_ADDR": "127.0.0.1",
    }
    done = subprocess.run(
        ["git", "http-backend"], input=body, env=env, capture_output=True, timeout=60
    )
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    lines = (line.partition(": ") for line in head.decode().split("\r\n") if line)
    return {key: value for key, _, value in lines}, content
