"""1,000 open changes: found in pages, lined up and decided in seconds."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from deploykit.gate.rest import Server
from gateworld import Gate, World, random_changes

MANY = 1000


class Pages(http.server.BaseHTTPRequestHandler):
    """Answers a search for changes as Gerrit does: 500 at most, `S` of them passed over."""

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        start, most = int(query["S"][0]), min(500, int(query["n"][0]))
        page = [{"_number": number} for number in range(start, min(MANY, start + most))]
        if start + most < MANY:
            page[-1]["_more_changes"] = True
        body = f")]}}'\n{json.dumps(page)}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as daemon:
        threading.Thread(target=daemon.serve_forever, daemon=True).start()
        yield Server(f"http://127.0.0.1:{daemon.server_port}", "gate", "secret")
        daemon.shutdown()


def test_every_one_of_a_thousand_changes_is_found_once(server: Server) -> None:
    found = [one["_number"] for one in server.changes("status:open")]
    assert found == list(range(MANY))


def test_round_over_a_thousand_approved_changes_takes_seconds_of_processor_time() -> None:
    world = World()
    random_changes(world, MANY, bad=0.1, seed=1)
    gate, began = Gate(world, check=8), time.process_time()
    while gate.round():
        pass
    assert time.process_time() - began < 20
    assert len(world.running) == 20 + 8  # the window, and the checks side by side
