"""One call of a web service: a few tries, each within a time, and an answer within bounds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from deploykit.base.answers import whole
from deploykit.base.errors import DeployKitError
from deploykit.base.printable import one_line

TRIES = 3
PAUSE = 1.0  # seconds before the second try, twice as much before the third
TIMEOUT = 20  # seconds for one answer


class CallRefused(DeployKitError):
    """The server said no to this very call: the same call again would hear the same."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked: with JSON in the body if `json` is set, else with a form if that is.

    `token` goes into the header Authorization. `shown` is what errors name in the place of a URL
    that is itself a secret.
    """

    method: str
    url: str
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    shown: str = ""


def ask(call: Call) -> str:
    """The text that the server answers.

    Raises CallRefused if it says no, DeployKitError after TRIES without an answer or with one that
    another call may not get (5xx, 429).
    """
    what, reason = f"{call.method} {call.shown or call.url}", ""
    for number in range(TRIES):
        if number:
            time.sleep(PAUSE * 2 ** (number - 1))
        try:
            with _request(call) as answer:
                text = _text_of(answer)
        except (requests.RequestException, HTTPError, OSError) as error:
            reason = one_line(type(error).__name__)
            continue
        if answer.ok and not answer.is_redirect:
            return text
        reason = f"{answer.status_code} {one_line(answer.reason or '', 80)}"
        if answer.status_code < 500 and answer.status_code != 429:
            raise CallRefused(f"{what} was refused: {reason}")
    raise DeployKitError(f"{what} failed {TRIES} times: {reason}")


def _request(call: Call) -> requests.Response:
    login = {"Authorization": f"Bearer {call.token}"} if call.token else {}
    return requests.request(
        call.method,
        call.url,
        json=call.json,
        data=call.form or None,
        headers={**call.headers, **login},
        timeout=TIMEOUT,
        allow_redirects=False,  # the token is for this address
        stream=True,
    )


def _text_of(answer: requests.Response) -> str:
    content = whole(lambda most: answer.raw.read1(most, decode_content=True))
    return content.decode("utf-8", errors="replace")
