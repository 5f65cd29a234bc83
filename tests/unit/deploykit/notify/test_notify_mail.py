"""Mail, to a real SMTP server: encrypted, in headers that no text breaks, and told how it went."""

from __future__ import annotations

import socketserver
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import mailserver
import pytest
from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.times import utc_now
from deploykit.notify import mail as mail_module
from deploykit.notify import replies
from deploykit.notify.mail import Mail
from deploykit.notify.messages import Message, trial_message
from deploykit.notify.sinks import MessageRefused, sink_named
from deploykit.site import Site, open_site
from loopback import served
from sinkfile import credentials, write_sinks

TWO = ["duty@example.org", "ops@example.org"]


def message(title: str = "[home] test runs 2026.47.1", text: str = "so\n") -> Message:
    return replace(trial_message("home", "duty", utc_now()), key="ab12", title=title, text=text)


def mail(site: Site, port: int, host: str = "localhost", **keys: object) -> Mail:
    entry = {"kind": "mail", "server": f"{host}:{port}", "from": "kit@example.org", "to": TWO}
    write_sinks(site, duty={**entry, **keys})
    found = sink_named(open_site(site.folder), "duty").notifier
    assert isinstance(found, Mail)
    return found


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a server's pair for 'localhost', whose authority this machine knows."""
    monkeypatch.setenv("SSL_CERT_FILE", str(mailserver.write_authority(tmp_path, "localhost")))
    return tmp_path


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # it is encrypted before the server sees it
@pytest.mark.parametrize("encryption", ["starttls", "tls"])
def test_mail_goes_encrypted_and_logged_in_to_all_receivers(
    site: Site, trusted: Path, encryption: str
) -> None:
    login = credentials(site.folder, "mail.login", ":".join(mailserver.LOGIN))
    keys = {"encryption": encryption, "credentials": login}
    first = encryption == "tls"
    with mailserver.serving(tls=trusted, from_the_first_byte=first, login=True) as server:
        assert mail(site, server.port, **keys).send(message()) == ""
    assert server.receivers == [TWO] and server.encrypted == [True]
    (taken,) = server.mails
    assert taken["From"] == "kit@example.org" and taken["To"] == ", ".join(TWO)
    assert taken["Subject"] == "[home] test runs 2026.47.1"
    assert taken["Message-ID"] == "<ab12.duty.home@example.org>"
    assert taken["Auto-Submitted"] == "auto-generated"
    assert taken.get_content().strip() == "so"


def test_starttls_is_what_an_entry_without_a_word_of_it_means(site: Site, trusted: Path) -> None:
    with mailserver.serving() as plain, pytest.raises(DeployKitError, match="offers no STARTTLS"):
        mail(site, plain.port).send(message())
    assert plain.asked == 0


def test_certificate_of_nobody_known_or_for_another_name_is_refused(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = mailserver.write_authority(tmp_path, "mail.example.org")
    with mailserver.serving(tls=tmp_path) as server:
        ours = mail(site, server.port)
        with pytest.raises(DeployKitError, match=r"cannot be trusted: (self-signed|unable)"):
            ours.send(message())
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        with pytest.raises(DeployKitError, match="cannot be trusted: Hostname mismatch"):
            ours.send(message())
    assert server.asked == 0


def test_text_of_others_makes_no_header_and_ends_no_mail(site: Site) -> None:
    title = "production is on hold: grüße\r\nBcc: all@example.org\n\nx"
    text = "first\n.\nQUIT\n.leading dot\n" + "ü" * 900 + "\n"
    with mailserver.serving() as server:
        mail(site, server.port, encryption="none").send(message(title, text))
    (taken,) = server.mails
    assert taken["Subject"] == "production is on hold: grüße Bcc: all@example.org x"
    assert taken["Bcc"] is None and server.receivers == [TWO]
    assert taken.get_content().replace("\r\n", "\n") == text


def test_wrong_login_is_told_without_it(site: Site, trusted: Path) -> None:
    login = credentials(site.folder, "mail.login", "bot:hunter23")
    with mailserver.serving(tls=trusted, login=True) as server:
        ours = mail(site, server.port, credentials=login)
        with pytest.raises(DeployKitError, match="does not take the login: 535") as error:
            ours.send(message())
    assert "hunter23" not in f"{error.value.message}{error.value.remedy}"
    assert not isinstance(error.value, MessageRefused)


def test_login_that_smtp_cannot_say_is_told_without_it(site: Site) -> None:
    login = credentials(site.folder, "mail.login", "bot:geheimü")
    with pytest.raises(InputError, match="ASCII characters only") as error:
        mail(site, 1, encryption="none", credentials=login).send(message())
    assert "geheim" not in error.value.message


@pytest.mark.parametrize(
    ("reply", "kind"),
    [("554 no thanks", MessageRefused), ("451 later", DeployKitError), ("x", DeployKitError)],
)
def test_mail_that_is_not_taken_is_told_for_good_or_for_now(
    site: Site, reply: str, kind: type[DeployKitError]
) -> None:
    with mailserver.serving() as server:
        server.failing = [reply]
        with pytest.raises(DeployKitError) as error:
            mail(site, server.port, encryption="none").send(message())
    assert type(error.value) is kind
    assert server.mails == []


def test_receiver_that_the_server_does_not_know_is_named_and_the_other_gets_it(site: Site) -> None:
    with mailserver.serving() as server:
        server.nobody = {TWO[0]: "550 no such user"}
        said = mail(site, server.port, encryption="none").send(message())
        assert said == f"not to {TWO[0]}: 550 no such user"
        assert server.receivers == [TWO[1:]]
        server.nobody = dict.fromkeys(TWO, "550 nobody")
        with pytest.raises(MessageRefused, match="takes no mail for them: 550 nobody"):
            mail(site, server.port, encryption="none").send(message())
        server.nobody[TWO[1]] = "450 greylisted"
        with pytest.raises(DeployKitError, match="450 greylisted") as error:
            mail(site, server.port, encryption="none").send(message())
    assert not isinstance(error.value, MessageRefused)


@contextmanager
def saying(*pieces: bytes, ends: bool = True, pause: float = 0) -> Iterator[int]:
    """A server that says these, one for each line that it hears; or the last one for ever."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                while not ends:
                    self.wfile.write(pieces[-1])
                    time.sleep(pause)
                for piece in pieces:
                    self.wfile.write(piece)
                    self.rfile.readline()

    with served(Handler) as port:
        yield port


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\x00\r\n"])
def test_what_is_no_mail_server_is_told_as_such(
    site: Site, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(mail_module, "TIMEOUT", 0.5)
    with saying(said) as port, pytest.raises(DeployKitError, match=f"localhost:{port} "):
        mail(site, port, encryption="none").send(message())


def test_server_that_is_away_is_told(site: Site) -> None:
    with saying(b"") as port:
        pass
    with pytest.raises(DeployKitError, match=r"does not answer .*refused"):
        mail(site, port, encryption="none").send(message())


@pytest.mark.parametrize(
    ("reply", "told"),
    [(b"220-and more\r\n" * 100, "replies with more than"), (b"220-", "Line too long")],
)
def test_server_that_replies_without_end_fills_no_memory(
    site: Site, monkeypatch: pytest.MonkeyPatch, reply: bytes, told: str
) -> None:
    monkeypatch.setattr(replies, "MOST", 2**16)
    with saying(reply, ends=False) as port, pytest.raises(DeployKitError, match=told):
        mail(site, port, encryption="none").send(message())


def test_server_that_replies_a_byte_at_a_time_keeps_nobody_waiting(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "LONGEST", 0.3)
    began = time.monotonic()
    with saying(b"2", ends=False, pause=0.05) as port:
        ours = mail(site, port, encryption="none")
        with pytest.raises(DeployKitError, match="no end after"):
            ours.send(message())
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("end", [b"\xff nonsense\r\n", b"", b"421 so long\r\n"])
def test_mail_that_was_taken_counts_whatever_the_server_says_to_the_end(
    site: Site, end: bytes
) -> None:
    heard: list[bytes] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 hi\r\n")
            for reply in (b"250 ok\r\n",) * 4 + (b"354 go\r\n",):  # EHLO, MAIL, two RCPT, DATA
                self.rfile.readline()
                self.wfile.write(reply)
            while self.rfile.readline() != b".\r\n":
                pass
            self.wfile.write(b"250 taken\r\n")
            heard.append(self.rfile.readline())
            self.wfile.write(end)

    with served(Handler) as port:
        assert mail(site, port, encryption="none").send(message()) == ""
    assert heard == [b"quit\r\n"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"encryption": "none", "server": "mail.example.org"}, "'none' is for this machine only"),
        ({"encryption": "ssl"}, "'ssl' is no encryption"),
        ({"server": "mail.example.org:x"}, "it is no server"),
        ({"server": "mail.example.org:65536"}, "it is no server"),
        ({"to": "a@b\nBcc: c@d"}, "is no mail address"),
        ({"to": []}, "it names nobody"),
        ({"from": "Kit <kit@example.org>"}, "is no mail address"),
        ({"password": "hunter22"}, "unknown key 'password'"),
    ],
)
def test_entry_that_does_not_fit_is_told_with_its_line(
    site: Site, keys: dict[str, object], said: str
) -> None:
    with pytest.raises(InputError, match=rf"(?s)site\.yml:2: .*{said}"):
        mail(site, 25, **keys)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "[::1]"])
def test_plain_mail_is_for_this_machine(site: Site, host: str) -> None:
    assert mail(site, 25, host, encryption="none").port == 25


@pytest.mark.parametrize(("encryption", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_port_follows_from_the_encryption(site: Site, encryption: str, port: int) -> None:
    assert mail(site, port, server="localhost", encryption=encryption).port == port
