"""What docs/notify.md and docs/operate.md show of notifications, and the unit that runs them."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import mailserver
import pytest
from consoledoc import ENVIRONMENT, commands, run, wrong
from deploykit.cli import cli
from deploykit.notify import Topic
from deploykit.notify.messages import messages_of
from deploykit.notify.occasions import occasions
from deploykit.notify.sinks import GROUP, sink_named
from deploykit.site import Site, open_site
from ledgerbook import Story, make_site, release, rule
from mailserver import MailServer
from sinkfile import credentials

BIN = Path(sys.executable).parent
SERVER = "mail.example.org:587"


def block(page: Path, language: str, holds: str) -> str:
    """The text of the only block of a page in that language that holds these words."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.M)
    (text,) = [text for text in found if holds in text]
    return str(text)


@pytest.fixture
def mails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """The mail server of the example: it has a certificate, and wants a login."""
    monkeypatch.setenv("SSL_CERT_FILE", str(mailserver.write_authority(tmp_path, "localhost")))
    with mailserver.serving(tls=tmp_path, login=True) as server:
        yield server


@pytest.fixture
def example(tmp_path: Path, checkout: Path, mails: MailServer) -> Site:
    """A site with the sinks that docs/operate.md shows, with `mails` as its mail server."""
    site = make_site(tmp_path)
    sinks = block(checkout / "docs/operate.md", "yaml", "notify:")
    sinks = sinks.replace(SERVER, f"localhost:{mails.port}")
    (site.folder / "site.yml").write_text(f"name: home\n{sinks}")
    credentials(site.folder, "mail.login", ":".join(mailserver.LOGIN))
    credentials(site.folder, "hook.token", "t0ken")
    return open_site(site.folder)


def test_commands_of_the_page_print_what_it_shows(
    example: Site, mails: MailServer, tmp_path: Path, checkout: Path
) -> None:
    page = (checkout / "docs/notify.md").read_text("utf-8")
    shown = commands(page.replace(SERVER, f"localhost:{mails.port}"))
    homes = {"XDG_STATE_HOME": f"{tmp_path}/xdg", "XDG_CACHE_HOME": f"{tmp_path}/cache"}
    env = {**ENVIRONMENT, **homes, "PATH": f"{BIN}:{os.environ['PATH']}", "TZ": "UTC"}
    ran = run(shown, example.folder, env)
    assert len(ran) == len(shown) >= 5
    assert [told for pair in zip(shown, ran, strict=True) if (told := wrong(*pair))] == []
    assert [mail["Subject"] for mail in mails.mails] == [
        "[home] test of duty", "[home] production is on hold"
    ]  # fmt: skip


def test_mail_of_the_guide_is_what_is_sent(
    example: Site, mails: MailServer, checkout: Path
) -> None:
    story = Story.of(test=rule(), staging=rule("test"), production=rule("staging", approvals=1))
    story.deployed("test", release(1)).deployed("staging", release(1), purpose="promote")
    duty = sink_named(example, "duty")
    events = [one for one in occasions(story.records, 1, ())[0] if duty.wants(one)]
    duty.send(messages_of("home", events)[-1])
    (mail,) = mails.mails
    head = "".join(f"{name}: {mail[name]}\n" for name in ("From", "To", "Subject"))
    text = mail.get_content().replace("\r\n", "\n")
    assert f"{head}\n{text}" == block(checkout / "docs/operate.md", "text", "Subject:")


def test_page_has_a_row_for_each_topic_and_each_kind(checkout: Path) -> None:
    page = (checkout / "docs/notify.md").read_text("utf-8")
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) - {"about", "kind"}
    assert rows == set(Topic) | {entry.name for entry in entry_points(group=GROUP)}


def test_units_of_systemd_call_commands_that_are_there(checkout: Path) -> None:
    units = checkout / "deploy-kit" / "systemd"
    lines = [line for unit in units.glob("*.service") for line in unit.read_text().splitlines()]
    calls = [shlex.split(line) for line in lines if line.startswith("ExecStart=")]
    assert len(calls) >= 5
    for words in calls:
        after = [n for n, word in enumerate(words) if word.endswith(".venv/bin/deploy-kit")]
        if after:
            group = cli.get_command(None, words[after[0] + 1])  # type: ignore[arg-type]
            assert group is not None, words
            commands_of = getattr(group, "commands", None)
            assert commands_of is None or words[after[0] + 2] in commands_of, words
        else:
            assert (checkout / words[0].partition("%h/cloud/")[2]).is_file(), words
