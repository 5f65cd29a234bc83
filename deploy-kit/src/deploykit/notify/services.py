"""Sinks by Apprise, which knows how some hundred services are told (https://appriseit.com).

It is no part of a plain installation: it brings packages that nothing else here needs, and takes
more than a second of a processor to start.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploykit.base.credentials import read_token
from deploykit.base.errors import DeployKitError, InputError
from deploykit.notify.messages import Message
from deploykit.notify.sinks import Entry


@dataclass(frozen=True, slots=True)
class Service:
    """A service by its Apprise URL, which `credentials` holds: it is a secret."""

    name: str
    credentials: Path

    @property
    def address(self) -> str:
        return "a service of Apprise"

    def send(self, message: Message) -> str:
        url = read_token(self.credentials, self.name)
        apprise = _library()
        services = apprise.Apprise()
        if not services.add(url):
            raise InputError(
                f"{self.credentials} is no URL that Apprise knows", "see https://appriseit.com"
            )
        # What it logs of a failure may hold the URL, so it is not told.
        if not services.notify(
            body=message.text, title=message.title, body_format=apprise.NotifyFormat.TEXT
        ):
            scheme = url.partition(":")[0]
            raise DeployKitError(
                f"Apprise could not tell the service '{scheme}'",
                "apprise -vv URL, with the URL of the credentials, says why",
            )
        return ""


def apprise(entry: Entry) -> Service:
    """Another service: `{kind: apprise, credentials: FILE}`, where FILE holds its Apprise URL."""
    entry.keys(frozenset(), ("credentials",))
    assert entry.credentials is not None
    return Service(entry.name, entry.credentials)


def _library() -> Any:
    try:
        import apprise as library
    except ImportError:
        raise DeployKitError(
            "the package apprise is not installed", "pip install 'deploy-kit[apprise]'"
        ) from None
    return library
