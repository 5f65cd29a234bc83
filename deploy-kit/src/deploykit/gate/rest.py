"""Gerrit's REST interface: one server, one account, and what it answers."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from deploykit.base.answers import whole
from deploykit.base.credentials import read_credentials
from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.printable import one_line

TIMEOUT = 60.0  # seconds for one answer
GUARD = ")]}'"  # what stands before every JSON, against its being run as a script
MOST = 500  # changes of one answer
PASSING = frozenset({408, 429, 500, 502, 503, 504})  # statuses that another try may not have


class GerritAway(DeployKitError):
    """The server cannot be reached, or is in no state to answer: try again later."""


class GerritRefused(DeployKitError):
    """The server said no to this very call; the message has its words and `status`."""

    def __init__(self, message: str, remedy: str, status: int) -> None:
        super().__init__(message, remedy)
        self.status = status


@dataclass(frozen=True, slots=True)
class Server:
    """A review server (`url` without a last '/') as one account sees it.

    The password is that of its HTTP interface. It goes into a header, into no list of arguments,
    no log and no message.
    """

    url: str
    account: str
    password: str

    def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Any:
        """The JSON of `path` (which begins with '/'). Raises GerritAway, GerritRefused."""
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON that the server answers to `body`. Raises GerritAway, GerritRefused."""
        return self._call("POST", path, body)

    def changes(self, query: str, options: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Every change that `query` finds, in as many calls as that takes."""
        changes: list[dict[str, Any]] = []
        while True:
            words = [("q", query), ("n", str(MOST)), ("S", str(len(changes)))]
            page = self.get("/changes/", [*words, *(("o", option) for option in options)])
            changes += page
            if not page or not page[-1].get("_more_changes"):
                return changes

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        token = base64.b64encode(f"{self.account}:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        address = f"{self.url}/a{path}"
        request = urllib.request.Request(address, data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                text = whole(answer.read1).decode("utf-8", errors="replace")
        except urllib.error.HTTPError as error:
            raise self._refusal(method, path, error) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise GerritAway(
                f"{self.url} does not answer: {one_line(str(reason))}", "look at the server"
            ) from None
        try:
            return json.loads(text.removeprefix(GUARD)) if text.strip() else None
        except ValueError:
            raise GerritAway(
                f"{self.url}{path} answers something that is no JSON",
                "is that the address of a Gerrit, or of something before it?",
            ) from None

    def _refusal(self, method: str, path: str, error: urllib.error.HTTPError) -> DeployKitError:
        try:
            answer = one_line(error.read(10_000).decode("utf-8", errors="replace"))
        except OSError:
            answer = ""
        what = f"{method} {self.url}{path.split('?')[0]}: {error.code} {answer or error.reason}"
        if error.code in PASSING:
            return GerritAway(what, "look at the server's log")
        remedy = ""
        if error.code in (401, 403):
            remedy = f"give the account '{self.account}' its password and rights (docs/gate.md)"
        return GerritRefused(what, remedy, error.code)


def read_password(file: Path) -> str:
    """The password that is alone in `file`.

    Raises InputError if it cannot be read, is empty, or others may read it.
    """
    text = read_credentials(file, "the account's HTTP password at Gerrit")
    if not text or "\n" in text:
        raise InputError(f"{file} must hold one line: the account's HTTP password")
    return text


def change_path(number: str) -> str:
    return f"/changes/{quote(number, safe='')}"
