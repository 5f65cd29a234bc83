"""Repositories served over git's own protocol on loopback, every byte of it counted."""

from __future__ import annotations

import os
import signal
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from repositories import Pin

_PIECE = 1 << 16


@dataclass
class Wire:
    """`sent` are the bytes that the clients sent, `received` those that they received."""

    root: Path
    port: int = 0
    sent: int = 0
    received: int = 0

    def url(self, pin: Pin) -> str:
        """Where a repository below the root is served."""
        return f"git://127.0.0.1:{self.port}/{pin.bare.relative_to(self.root)}"

    @property
    def total(self) -> int:
        return self.sent + self.received


@contextmanager
def serving(root: Path) -> Iterator[Wire]:
    """Serve the bare repositories below `root`; all is over at the end."""
    wire = Wire(root)
    behind = _free_port()
    argv = ["git", "daemon", "--export-all", f"--base-path={root}", "--listen=127.0.0.1"]
    daemon = subprocess.Popen(
        [*argv, f"--port={behind}"], start_new_session=True, stderr=subprocess.DEVNULL
    )
    try:
        _answers(behind)
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _counter(wire, behind)) as server:
            server.daemon_threads = True
            server.block_on_close = False
            wire.port = server.server_address[1]
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield wire
            server.shutdown()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(daemon.pid, signal.SIGTERM)
        daemon.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _answers(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit("git daemon does not answer") from None
            time.sleep(0.05)


def _counter(wire: Wire, behind: int) -> type[socketserver.BaseRequestHandler]:
    counting = threading.Lock()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", behind)) as server:
                up = threading.Thread(target=pump, args=(self.request, server, "sent"))
                up.start()
                pump(server, self.request, "received")
                up.join()

    def pump(source: socket.socket, target: socket.socket, what: str) -> None:
        with suppress(OSError):
            while data := source.recv(_PIECE):
                with counting:
                    setattr(wire, what, getattr(wire, what) + len(data))
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    return Handler
