"""A server on loopback, mostly of HTTP, that runs while a test needs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from socketserver import StreamRequestHandler


@contextmanager
def served(
    handler: type[StreamRequestHandler],
    server: type[ThreadingHTTPServer] = ThreadingHTTPServer,
    *,
    wait_for_answers: bool = False,
) -> Iterator[int]:
    """Answer by `handler` until the block ends; yields the port.

    With `wait_for_answers` the end waits for what is still being answered.
    """
    running = server(("127.0.0.1", 0), handler)
    running.daemon_threads = not wait_for_answers
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield running.server_port
    finally:
        running.shutdown()
        thread.join()
        running.server_close()
