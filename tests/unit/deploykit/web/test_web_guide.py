"""docs/web.md: every command that it shows is run, and says what is shown there."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from consoledoc import Ran, Shown, commands, run, wrong
from deploykit.base.waiting import wait_until
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import decision_body, deploy_body, evidence_body
from deploykit.ledger.kinds import Body
from deploykit.site.keys import Key
from ledgerbook import NOON, OWNER, Named, know, release
from sitecheckout import Checkout
from webcommand import BIN, PATIENCE, web

ONE, TWO = release(1), release(2)
ADDRESS = "127.0.0.1:8470"  # of the guide; here it is a port that is free
STAYS = ("deploy-kit web", "deploy-kit status --watch")  # until Ctrl-C


def deployed(environment: str, what: Named) -> Iterator[Body]:
    for phase in ("started", "finished"):
        yield deploy_body(id=f"{environment}-{what.version}", phase=phase, environment=environment,
                          release=what.digest, over=None, purpose="deploy", owner=OWNER,
                          lease_until=NOON)  # fmt: skip


def passed(check: str, environment: str, what: Named) -> Body:
    return evidence_body(check=check, release=what.digest, over=None, environment=environment,
                         result="passed", attempt=1, seconds=60)  # fmt: skip


@pytest.fixture
def site(checkout_with_site: Checkout, ann: Key) -> Path:
    """A site that has come as far as the guide shows."""
    made = checkout_with_site.site
    ledger = Ledger.open(made, ann)
    know(ledger, ONE, TWO)
    bodies = [*deployed("test", ONE), *deployed("staging", ONE), *deployed("test", TWO)]
    bodies.append(passed("smoke", "test", TWO))
    reason = "looking into slow tokens"
    bodies.append(decision_body("hold", environment="staging", reason=reason))
    for body in bodies:
        ledger.append(lambda records, now, body=body: body)
    return made.folder


@contextmanager
def staying(site: Path, said: Path, command: str) -> Iterator[list[str]]:
    """Run a command that stays until Ctrl-C; yields what it says once it is there."""
    words = [str(BIN / "deploy-kit"), "--site", str(site), *command.split()[1:]]
    with said.open("w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)
    try:
        assert wait_until(lambda: "Newest record" in said.read_text(), PATIENCE)
        yield said.read_text().splitlines()
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()


def test_every_command_of_the_guide_works_as_shown(
    checkout: Path, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(BIN), prepend=":")
    shown = commands((checkout / "docs" / "web.md").read_text(encoding="utf-8"))
    first, *others = shown
    assert first.command == "deploy-kit web"
    with web(site, tmp_path / "said", "--listen", "127.0.0.1:0") as running:
        place = running.base.removeprefix("http://")
        assert wrong(first, said(running.text.replace(place, ADDRESS))) == ""
        asking = [one for one in others if not one.command.startswith(STAYS)]
        here = [Shown(one.line, one.command.replace(ADDRESS, place), [], 0) for one in asking]
        problems = [
            wrong(one, ran) for one, ran in zip(asking, run(here, tmp_path, {}), strict=True)
        ]
        assert "\n".join(filter(None, problems)) == ""
    assert len(asking) > 6


def test_watch_says_what_the_guide_shows(checkout: Path, site: Path, tmp_path: Path) -> None:
    (shown,) = named(checkout, "deploy-kit status --watch")
    with staying(site, tmp_path / "said", shown.command) as lines:
        assert wrong(shown, Ran(0, lines)) == ""


def test_address_that_others_reach_is_warned_of_as_shown(
    checkout: Path, site: Path, tmp_path: Path
) -> None:
    (shown,) = named(checkout, "deploy-kit web --listen")
    words = [word.replace(":8470", ":0") for word in shown.command.split()[2:]]
    with web(site, tmp_path / "said", *words) as running:
        port = running.base.rpartition(":")[2]
        text = running.text.replace(f":{port}", ":8470").partition("\n")[2]
        assert wrong(shown, said(text)) == ""


def named(checkout: Path, beginning: str) -> list[Shown]:
    page = (checkout / "docs" / "web.md").read_text(encoding="utf-8")
    return [one for one in commands(page) if one.command.startswith(beginning)]


def said(text: str) -> Ran:
    return Ran(0, text.splitlines())


def test_pictures_of_the_guide_are_there(checkout: Path) -> None:
    page = (checkout / "docs" / "web.md").read_text(encoding="utf-8")
    pictures = {f"img/{file.name}" for file in (checkout / "docs" / "img").iterdir()}
    assert len(pictures) == 5
    assert all(picture in page for picture in pictures)
