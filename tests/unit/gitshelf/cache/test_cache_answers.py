"""Servers whose answers have no end: gitshelf and its git take a bounded part of them."""

from __future__ import annotations

import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base import process
from gitshelf.base.process import Bounds, Running, Timeout, TooMuch
from loopback import served
from onebuild import build

from gitshelf import git

Cli = Callable[..., Any]
MEMORY = 128 * 2**20  # bytes
LINE = 'import sys\nwhile True: sys.{}.write("x" * 9999)'


class EndlessRefs(BaseHTTPRequestHandler):
    """A repository as plain files, whose list of refs has no end."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        with suppress(OSError):
            for number in count():
                self.wfile.write(b"%040x\trefs/heads/%0200d\n" % (number, number) * 99)

    def log_message(self, format: str, *args: object) -> None:
        pass


class EndlessAdvertisement(socketserver.StreamRequestHandler):
    """The same by git's own protocol (gitprotocol-pack), where git keeps each ref by itself."""

    def handle(self) -> None:
        self.request.recv(4096)
        with suppress(OSError):
            for number in count():
                line = b"%040x refs/heads/%0200d" % (number + 1, number)
                more = b"\0agent=endless" if number == 0 else b""
                self.wfile.write(b"%04x%s%s\n" % (len(line + more) + 5, line, more))


@contextmanager
def serving_git() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), EndlessAdvertisement) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(params=["http", "git"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A repository whose refs have no end."""
    with served(EndlessRefs) if request.param == "http" else serving_git() as port:
        yield f"{request.param}://127.0.0.1:{port}/a.git"


def test_list_of_refs_without_end_takes_no_more_memory_than_a_million_refs_would(
    write_manifest: Callable[[str], Path],
    run_cli: Cli,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(git, "LISTING", Bounds(MEMORY, MEMORY))
    begun = time.monotonic()
    said = build(
        run_cli, write_manifest(f"books:\n- {{book: a, git: '{url}'}}\n"), "--timeout", "120"
    )
    assert said.code == 2
    assert f"book a: {url} cannot be fetched from (" in said.err
    assert "memory" in said.err
    assert time.monotonic() - begun < 100


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_program_that_says_more_than_it_may_is_ended(stream: str) -> None:
    running = Running()
    with pytest.raises(TooMuch, match=r"said more than 1 MiB and was ended"):
        process.run(
            [sys.executable, "-c", LINE.format(stream)],
            timeout=60,
            running=running,
            bounds=Bounds(2**20),
        )
    assert running._live == set()


def test_program_within_its_bounds_is_heard_as_without_them_and_its_time_counts() -> None:
    argv = [sys.executable, "-c", "import sys; print('out'); sys.exit('err')"]
    bound = process.run(argv, timeout=60, bounds=Bounds(100, 2**30))
    assert bound == process.run(argv, timeout=60)
    assert (bound.code, bound.out, bound.err) == (1, b"out\n", "err\n")
    for code in (
        "import time; time.sleep(60)",
        "import os, time; os.close(1); os.close(2); time.sleep(60)",
    ):
        with pytest.raises(Timeout, match=r"did not end within 0\.5 s"):
            process.run([sys.executable, "-c", code], timeout=0.5, bounds=Bounds(100))
