"""Mail by SMTP: encrypted, to a server whose certificate is checked, unless it is this machine."""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from pathlib import Path

from deploykit.base.credentials import read_login
from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.printable import one_line
from deploykit.base.times import utc_now
from deploykit.base.yamlfile import Value, nearest
from deploykit.notify.messages import Message
from deploykit.notify.replies import BoundedSmtp, BoundedSmtps
from deploykit.notify.sinks import Entry, MessageRefused, is_this_machine

KEYS = frozenset({"server", "encryption", "from", "to"})
# HTML's idea of an address, in ASCII: no comment, no quoting, nothing that could end a header.
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
SERVER = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+))(?::(\d{1,5}))?")
TIMEOUT = 30.0  # seconds for one answer
LINE = 998  # characters, by RFC 5322
SHOWN = 120  # characters of what a server says


class Encryption(StrEnum):
    """How the way to the server is encrypted; its certificate is checked either way."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"  # to this machine only


PORTS = {Encryption.STARTTLS: 587, Encryption.TLS: 465, Encryption.NONE: 25}


@dataclass(frozen=True, slots=True)
class Mail:
    """Mails from `sender` to all of `to`; `credentials` is a file with USER:PASSWORD."""

    name: str
    host: str
    port: int
    encryption: Encryption
    sender: str
    to: tuple[str, ...]
    credentials: Path | None

    @property
    def address(self) -> str:
        return f"{', '.join(self.to)} by {self.host}:{self.port}"

    def send(self, message: Message) -> str:
        login = read_login(self.credentials, self.host) if self.credentials is not None else None
        if login is not None and not "".join(login).isascii():
            raise InputError(f"{self.credentials}: SMTP takes a login of ASCII characters only")
        try:
            refused = self._hand_over(letter(message, self.name, self.sender, self.to), login)
        except (OSError, ValueError) as error:  # smtplib's own are OSErrors
            raise _fault(f"{self.host}:{self.port}", error) from None
        return ", ".join(f"not to {who}: {_words(*why)}" for who, why in refused.items())

    def _hand_over(
        self, mail: EmailMessage, login: tuple[str, str] | None
    ) -> dict[str, tuple[int, bytes]]:
        """Returns for whom the server did not take it, while it did for others."""
        server = self._connected()
        try:
            if login is not None:
                server.login(*login)
            refused = server.send_message(mail, self.sender, self.to)
            # Whatever it says to the end: what it has taken, it has taken.
            with contextlib.suppress(OSError, ValueError):
                server.quit()
        finally:
            server.close()
        return refused

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.encryption is Encryption.TLS:
            return BoundedSmtps(self.host, self.port, timeout=TIMEOUT, context=context)
        server = BoundedSmtp(self.host, self.port, timeout=TIMEOUT)
        try:
            if self.encryption is Encryption.STARTTLS:
                server.starttls(context=context)
        except Exception:
            server.close()
            raise
        return server


def mail(entry: Entry) -> Mail:
    """`{kind: mail, server: HOST[:PORT], from: ADDRESS, to: [ADDRESS, …], credentials: FILE,
    encryption: starttls|tls|none}`. Raises InputError where it does not fit."""
    keys = entry.keys(KEYS, ("server", "from", "to"))
    encryption = _encryption(keys["encryption"]) if "encryption" in keys else Encryption.STARTTLS
    match = SERVER.fullmatch(keys["server"].text())
    if not match or int(match[3] or 1) not in range(1, 2**16):
        raise keys["server"].error("it is no server", "server: mail.example.org:587")
    host, port = match[1] or match[2], int(match[3] or PORTS[encryption])
    if encryption is Encryption.NONE and not is_this_machine(host):
        raise keys["encryption"].error(
            f"'none' is for this machine only, not for {host}", "encryption: starttls"
        )
    to = keys["to"]
    receivers = tuple(map(_address, to.items())) if to.is_list else (_address(to),)
    if not receivers:
        raise to.error("it names nobody", "to: [duty@example.org]")
    sender = _address(keys["from"])
    return Mail(entry.name, host, port, encryption, sender, receivers, entry.credentials)


def letter(message: Message, sink: str, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """The mail that tells `message`. Its Message-ID is the same whenever it is sent again."""
    key = message.key.replace("/", ".")
    title = one_line(message.title)
    # The library folds a long line behind 'Subject:' already, and readers then show a blank more.
    made = EmailMessage(policy=SMTP.clone(max_line_length=LINE) if title.isascii() else SMTP)
    made["From"] = sender
    made["To"] = ", ".join(to)
    made["Subject"] = title
    made["Date"] = format_datetime(utc_now())
    made["Message-ID"] = f"<{key}.{sink}.{message.site}@{sender.partition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers it
    made.set_content(message.text, cte="quoted-printable")
    return made


def _encryption(value: Value) -> Encryption:
    text = value.text()
    if text not in set(Encryption):
        raise value.error(f"'{text}' is no encryption", nearest(text, frozenset(Encryption)))
    return Encryption(text)


def _address(value: Value) -> str:
    text = value.text()
    if not ADDRESS.fullmatch(text):
        raise value.error(f"'{text}' is no mail address", "write it alone: duty@example.org")
    return text


def _fault(server: str, error: OSError | ValueError) -> DeployKitError:
    """What went wrong with `server`, as an error for people: no text in it holds a secret."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = min(error.recipients.values())
        return _refusal(f"{server} takes no mail for them", code, text)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        what = f"{server} does not take the login: {error.smtp_code}"
        return DeployKitError(what, "look at the credentials")
    if isinstance(error, smtplib.SMTPDataError | smtplib.SMTPSenderRefused):
        return _refusal(f"{server} does not take the mail", error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPResponseException):
        return DeployKitError(f"{server} says {_words(error.smtp_code, error.smtp_error)}")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return DeployKitError(
            f"{server} offers no STARTTLS, or no login", "take its port for TLS: encryption: tls"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeployKitError(
            f"{server} cannot be trusted: {one_line(error.verify_message, SHOWN)}",
            "name the server as its certificate does; this machine must know its authority",
        )
    why = one_line(getattr(error, "strerror", None) or str(error), SHOWN)
    return DeployKitError(f"{server} does not answer as a mail server does: {why}")


def _refusal(what: str, code: int, text: bytes | str) -> DeployKitError:
    """For good, or for now, as RFC 5321 tells them apart."""
    kind = MessageRefused if 500 <= code < 600 else DeployKitError
    return kind(f"{what}: {_words(code, text)}")


def _words(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {one_line(words, SHOWN)}"
