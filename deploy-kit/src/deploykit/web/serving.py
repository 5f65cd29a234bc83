"""The pages served over HTTP by uvicorn, at one address, until somebody ends it."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Collection
from dataclasses import dataclass

import uvicorn

from deploykit.base.errors import DeployKitError, InputError
from deploykit.web.app import make_app
from deploykit.web.protection import Protection
from deploykit.web.sources import Sources

CONNECTIONS = 256  # at the same time: a page that is open has one; more are answered 503
IDLE = 15  # seconds that a connection may stay open between two requests
HEAD = 16 * 2**10  # bytes of a request's line and headers
ENDING = 2  # seconds for answers under way when it ends


@dataclass(frozen=True, slots=True)
class Address:
    """Where pages are served: a host (a name or an address) and a port, 0 for one that is free."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def at_port(self, port: int) -> Address:
        """The same host at another port."""
        return Address(self.host, port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str) -> Address:
    """An address as HOST:PORT, [ADDRESS]:PORT or PORT (of loopback). Raises InputError."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise InputError(f"'{text}' is no address", "write HOST:PORT, such as 127.0.0.1:8470")
    return Address(host, int(port))


def listen_at(address: Address) -> socket.socket:
    """A socket that listens there. Raises DeployKitError where it cannot."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None)
        why = os.strerror(number) if isinstance(number, int) and number > 0 else str(error)
        raise DeployKitError(
            f"cannot listen at {address}: {why}",
            "deploy-kit web --listen 127.0.0.1:0 takes a port that is free",
        ) from None


class AppServer:
    """An HTTP server of one ASGI app, which is behind a Protection."""

    def __init__(self, app: Protection) -> None:
        config = uvicorn.Config(
            app,
            access_log=False,
            h11_max_incomplete_event_size=HEAD,
            http="h11",
            lifespan="off",
            limit_concurrency=CONNECTIONS,
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=ENDING,
            timeout_keep_alive=IDLE,
            ws="none",
        )
        self._server = uvicorn.Server(config)

    def run(self, listening: socket.socket) -> None:
        """Serve until `end` is called, or a signal ends the process."""
        self._server.run(sockets=[listening])

    def end(self) -> None:
        """Have `run` return soon; safe to call from other threads."""
        self._server.should_exit = True


class Server(AppServer):
    """An HTTP server of the pages of `sources`, for those who ask by one of `names`."""

    def __init__(self, sources: Sources, names: Collection[str]) -> None:
        super().__init__(Protection(make_app(sources), names))
