"""What every answer has, and which requests get none: the web's outermost layer.

The pages can only be read, so what is kept out is a page of somebody else that has a browser read
them: one by a name that is not ours (DNS rebinding), a frame, a script or a style that slipped in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from deploykit.base.printable import one_line

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
READING = frozenset({"GET", "HEAD"})
WRITING = READING | {"POST", "DELETE"}


class Protection:
    """An ASGI app around another: answers for `names` and addresses only, and for `methods` only:
    by default it can but be read."""

    def __init__(self, app: App, names: Collection[str], methods: frozenset[str] = READING) -> None:
        self._app, self._methods = app, methods
        self._names = frozenset(name.lower() for name in names) | {"localhost"}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        host = hosts[0].decode("latin-1") if len(hosts) == 1 else ""
        if not self._is_ours(host):
            refusal = f"these pages are not served as '{one_line(host, 100)}'"
            text = f"{refusal}: deploy-kit web --name NAME lets them be\n"
            await _refuse(send, 400, text)
        elif scope["method"] not in self._methods:
            allowed = ", ".join(sorted(self._methods))
            await _refuse(send, 405, "these pages can only be read\n", {"allow": allowed})
        else:
            # The server itself leaves out the body of an answer to HEAD.
            method = "GET" if scope["method"] in READING else scope["method"]
            await self._app({**scope, "method": method}, receive, _with_headers(send))

    def _is_ours(self, host: str) -> bool:
        """Whether a browser that asks by this Host header was led here by nobody else.

        An address is: no other name can be made to lead to it.
        """
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if name.lower().rstrip(".") in self._names:
            return True
        try:
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return True


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            message = {**message, "headers": [*given, *_encoded(HEADERS)]}
        await send(message)

    return sending


async def _refuse(send: Send, status: int, text: str, more: dict[str, str] | None = None) -> None:
    headers = {**HEADERS, "content-type": "text/plain; charset=utf-8", **(more or {})}
    start = {"type": "http.response.start", "status": status, "headers": _encoded(headers)}
    await send(start)
    await send({"type": "http.response.body", "body": text.encode()})


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
