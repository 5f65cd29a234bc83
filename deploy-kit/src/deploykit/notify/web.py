"""Sinks of the web: any receiver of JSON, Slack's incoming webhooks, rooms of Matrix."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from deploykit.base.credentials import read_token
from deploykit.base.errors import InputError
from deploykit.base.webcall import Call, CallRefused, ask
from deploykit.base.yamlfile import WEB_ADDRESS, Value
from deploykit.notify.messages import Message
from deploykit.notify.sinks import Entry, MessageRefused, is_this_machine

ROOM = re.compile(r"![\x21-\x7e]{1,254}")
HTTPS = "plain http only to this machine: write https://"


@dataclass(frozen=True, slots=True)
class WebSink:
    """A sink that takes each message as one call, made of the message and the sink's token."""

    name: str
    address: str
    credentials: Path | None
    call: Callable[[Message, str], Call]

    def send(self, message: Message) -> str:
        token = read_token(self.credentials, self.name)
        try:
            ask(self.call(message, token))
        except CallRefused as error:
            raise MessageRefused(error.message) from None
        return ""


def webhook(entry: Entry) -> WebSink:
    """Any receiver of JSON: `{kind: webhook, url: URL, credentials: FILE}`, where FILE holds a
    token. The header Idempotency-Key is the same whenever a message is sent again."""
    url = _web_address(entry.keys(frozenset({"url"}), ("url",))["url"])

    def call(message: Message, token: str) -> Call:
        headers = {"Idempotency-Key": message.key}
        return Call("POST", url, message.as_json(), headers=headers, token=token)

    return WebSink(entry.name, url, entry.credentials, call)


def slack(entry: Entry) -> WebSink:
    """Slack's incoming webhooks, and what takes the same: `{kind: slack, credentials: FILE}`.

    FILE holds the URL, since who has that may write there. As
    https://api.slack.com/messaging/webhooks has it, `&`, `<` and `>` are escaped: no text of others
    calls people, or is a link with another name.
    """
    entry.keys(frozenset(), ("credentials",))

    def call(message: Message, token: str) -> Call:
        if not WEB_ADDRESS.fullmatch(token) or not _is_private(token):
            raise InputError(f"{entry.credentials} is no URL of a webhook", HTTPS)
        text = html.escape(message.text, quote=False)
        return Call("POST", token, {"text": text, "mrkdwn": False}, shown="the webhook")

    return WebSink(entry.name, "a webhook", entry.credentials, call)


def matrix(entry: Entry) -> WebSink:
    """A room of Matrix: `{kind: matrix, url: HOMESERVER, room: "!ID", credentials: FILE}`, where
    FILE holds an access token.

    By the client-server API, PUT /rooms/{roomId}/send/{eventType}/{txnId}: the message's key is the
    transaction, so that the server takes a message that is sent again for the same one. Empty
    `m.mentions`: no text of others calls the room.
    """
    keys = entry.keys(frozenset({"url", "room"}), ("url", "room", "credentials"))
    room = keys["room"].text()
    if not ROOM.fullmatch(room):
        raise keys["room"].error(f"'{room}' is no id of a room", 'room: "!abc:example.org"')
    rooms = f"{_web_address(keys['url']).rstrip('/')}/_matrix/client/v3/rooms"

    def call(message: Message, token: str) -> Call:
        transaction = quote(message.key, safe="")
        url = f"{rooms}/{quote(room, safe='')}/send/m.room.message/{transaction}"
        body = {"msgtype": "m.notice", "body": message.text, "m.mentions": {}}
        return Call("PUT", url, body, token=token)

    return WebSink(entry.name, f"{room} at {keys['url'].text()}", entry.credentials, call)


def _web_address(value: Value) -> str:
    url = value.web_address()
    if not _is_private(url):
        raise value.error(f"'{url}' would send messages in the clear", HTTPS)
    return url


def _is_private(url: str) -> bool:
    """Whether nobody on the way can read what goes to `url`."""
    if url.startswith("https://"):
        return True
    try:
        return is_this_machine(urlsplit(url).hostname or "")
    except ValueError:  # half an address of IPv6
        return False
