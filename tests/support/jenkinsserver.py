"""Jenkins' HTTP interface on loopback, as far as deploy-kit speaks it: crumbs, builds with
parameters, the queue, builds, their console piece by piece, stop.

It answers as the documentation of Jenkins' remote access API says, builds nothing, and is moved
from one state to the next by the tests.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from loopback import served

CRUMB = "0f1e2d"
LOGIN = "bot:11aa22bb"
PIECE = 40  # bytes of a console at once
JOB = "/job/ci/job/worker"


@dataclass
class Build:
    """A queue item, and the build that it becomes."""

    parameters: dict[str, str]
    number: int | None = None
    cancelled: bool = False
    result: str | None = None
    console: str = ""


@dataclass
class JenkinsServer:
    """`items` by queue number; `asked` are method and path of each request; `broken` is the status
    that all get instead of an answer, `slow` how many seconds it takes."""

    port: int = 0
    items: dict[int, Build] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    broken: int = 0
    slow: float = 0.0
    crumbs: bool = True
    forgotten: set[int] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def build(self, queue: int, console: str = "", result: str | None = None) -> Build:
        """Let the queue item become a build, or go on with it."""
        item = self.items[queue]
        item.number = item.number or 100 + queue
        item.console += console
        item.result = result
        return item

    def posts(self, what: str) -> int:
        return len(
            [request for request in self.asked if request.startswith("POST") and what in request]
        )


@contextmanager
def serving() -> Iterator[JenkinsServer]:
    """Serve until the block ends."""
    state = JenkinsServer()
    with served(_handler(state)) as state.port:
        yield state


def _handler(state: JenkinsServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self._admitted():
                path, _, query = self.path.partition("?")
                self._get(path, parse_qs(query))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            if self._admitted():
                if state.crumbs and self.headers.get("Jenkins-Crumb") != CRUMB:
                    return self._send(403, "No valid crumb was included in the request")
                self._post(self.path, body)
            return None

        def _admitted(self) -> bool:
            state.asked.append(f"{self.command} {self.path}")
            time.sleep(state.slow)
            login = base64.b64encode(LOGIN.encode()).decode()
            if state.broken:
                self._send(state.broken, "<html>Oops</html>")
            elif self.headers.get("Authorization") != f"Basic {login}":
                self._send(401, "<html>who are you</html>")
            else:
                return True
            return False

        def _get(self, path: str, query: dict[str, list[str]]) -> None:
            numbers = {item.number: item for item in state.items.values() if item.number}
            if path == "/crumbIssuer/api/json" and state.crumbs:
                self._json({"crumbRequestField": "Jenkins-Crumb", "crumb": CRUMB})
            elif match := re.fullmatch(r"/queue/item/(\d+)/api/json", path):
                number = int(match[1])
                if number not in state.items or number in state.forgotten:
                    return self._send(404, "")
                self._json(self._item(number))
            elif path == "/queue/api/json":
                waiting = [n for n, item in state.items.items() if not item.number]
                self._json({"items": [self._item(n) for n in waiting]})
            elif path == f"{JOB}/api/json":
                builds = [{"number": n, **_actions(build)} for n, build in numbers.items()]
                self._json({"builds": builds[::-1]})
            elif match := re.fullmatch(rf"{JOB}/(\d+)/(api/json|logText/progressiveText)", path):
                build = numbers.get(int(match[1]))
                if build is None:
                    return self._send(404, "")
                if match[2] == "api/json":
                    return self._json(_info(build))
                self._console(build, int(query["start"][0]))
            else:
                self._send(404, "")
            return None

        def _post(self, path: str, body: str) -> None:
            if path == f"{JOB}/buildWithParameters":
                number = len(state.items) + 1
                parameters = {name: values[0] for name, values in parse_qs(body).items()}
                state.items[number] = Build(parameters)
                return self._send(201, "", Location=f"{state.url}/queue/item/{number}/")
            if path.startswith("/queue/cancelItem"):
                number = int(parse_qs(urlsplit(path).query)["id"][0])
                state.items[number].cancelled = True
                return self._send(404, "")  # which Jenkins does (JENKINS-21311)
            match = re.fullmatch(rf"{JOB}/(\d+)/stop", path)
            for item in state.items.values():
                if match and item.number == int(match[1]):
                    item.result = "ABORTED"
            self._send(200, "")
            return None

        def _item(self, number: int) -> dict[str, Any]:
            item = state.items[number]
            document: dict[str, Any] = {"id": number, "why": "Waiting for next\navailable executor"}
            document |= _actions(item)
            if item.cancelled:
                document["cancelled"] = True
            if item.number:
                document["executable"] = {"number": item.number}
            return document

        def _console(self, build: Build, start: int) -> None:
            data = build.console.replace("\n", "\r\n").encode()
            piece = data[start : start + PIECE]
            more = {"X-Text-Size": str(start + len(piece))}
            if build.result is None or start + PIECE < len(data):
                more["X-More-Data"] = "true"
            self._send(200, piece.decode(), **more)

        def _json(self, value: Any) -> None:
            self._send(200, json.dumps(value))

        def _send(self, status: int, text: str, **headers: str) -> None:
            with suppress(OSError):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(text.encode())))
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.end_headers()
                self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    def _info(build: Build) -> dict[str, Any]:
        return {
            "building": build.result is None,
            "result": build.result,
            "timestamp": 1795000000123,
            "url": f"{state.url}{JOB}/{build.number}/",
        }

    return Handler


def _actions(build: Build) -> dict[str, Any]:
    parameters = [{"name": name, "value": value} for name, value in build.parameters.items()]
    return {"actions": [{}, {"parameters": parameters}]}
