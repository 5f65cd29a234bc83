"""A real SMTP server on loopback: it keeps what it takes, and refuses what it is asked to."""

from __future__ import annotations

import asyncio
import email
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from outsideauthority import Authority

LOGIN = ("bot", "hunter22")


@dataclass
class MailServer:
    """`mails` are those that were taken, `receivers` the addresses of each; `failing` are the
    replies to the next mails, `nobody` the addresses with what is replied to them. While `slow` is
    set, a mail is neither taken nor refused, and `cut` counts the senders that went meanwhile.
    `encrypted` says of each mail whether its way was."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    receivers: list[list[str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    failing: list[str] = field(default_factory=list)
    nobody: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    slow: bool = False
    cut: int = 0

    @property
    def ids(self) -> list[str]:
        return [mail["Message-ID"] for mail in self.mails]

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.nobody:
            return self.nobody[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.asked += 1
        try:
            while self.slow:
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            self.cut += 1
            raise
        if self.failing:
            return self.failing.pop(0)
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.receivers.append(envelope.rcpt_tos)
        assert server.transport is not None
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 OK"


class _OnFreePort(Controller):
    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()


@contextmanager
def serving(
    *, tls: Path | None = None, from_the_first_byte: bool = False, login: bool = False
) -> Iterator[MailServer]:
    """Serve until the block ends: in the clear, or with the pair in the folder `tls` by STARTTLS
    or `from_the_first_byte`; who has `login` to give must log in."""
    state = MailServer()
    context = _context(tls) if tls is not None else None
    starttls = None if from_the_first_byte else context
    controller = _OnFreePort(
        state,
        hostname="127.0.0.1",
        port=0,
        ssl_context=context if from_the_first_byte else None,
        tls_context=starttls,
        require_starttls=starttls is not None,
        auth_required=login,
        auth_require_tls=starttls is not None,
        authenticator=_authenticate if login else None,
    )
    controller.start()
    state.port = controller.port
    try:
        yield state
    finally:
        state.slow = False
        controller.stop()


def write_authority(folder: Path, *names: str) -> Path:
    """A pair for `names` in `folder`, for `serving`; returns the file of its authority."""
    authority = Authority()
    for file, text in zip(("cloud.pem", "cloud.key"), authority.pair(*names), strict=True):
        (folder / file).write_text(text)
    trusted = folder / "authority.pem"
    trusted.write_text(authority.own)
    return trusted


def _context(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cloud.pem", folder / "cloud.key")
    return context


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
) -> AuthResult:
    good = isinstance(data, LoginPassword) and (
        data.login.decode(), data.password.decode()) == LOGIN  # fmt: skip
    return AuthResult(success=good, handled=False)
