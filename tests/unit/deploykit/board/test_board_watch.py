"""`status --watch`: the board drawn again, and told when the ledger cannot be read."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from deploykit.base.console import PrintableConsole
from deploykit.board.watch import watch_board
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import decision_body
from deploykit.site import Site
from ledgerbook import Call, know, release
from sitecheckout import Checkout

ONE = release(1)
BIN = Path(sys.executable).parent


class Ended(Exception):
    """Somebody ended it."""


class Waits:
    """Does one thing after another instead of waiting; then it is over."""

    def __init__(self, *doings: Callable[[], None] | None) -> None:
        self._doings = list(doings)

    def __call__(self, seconds: float) -> None:
        if not self._doings:
            raise Ended
        doing = self._doings.pop(0)
        if doing is not None:
            doing()


def watched(site: Site, ledger: Ledger, waits: Waits, *, terminal: bool = False) -> str:
    out = io.StringIO()
    console = PrintableConsole(
        file=out, force_terminal=terminal, width=120, height=60, markup=False
    )
    with pytest.raises(Ended):
        watch_board(site, ledger, console, waits)
    return out.getvalue()


def hold(ledger: Ledger, why: str) -> None:
    body = decision_body("hold", environment="production", reason=why)
    ledger.append(lambda records, now: body)


def test_watch_that_is_no_terminal_prints_once_per_change(site: Site, ledger: Ledger) -> None:
    def decide() -> None:
        hold(ledger, "night")

    said = watched(site, ledger, Waits(None, None, decide, None, None))
    assert said.count("Read at ") == 2
    assert said.count("production is on hold") >= 1
    assert said.index("Newest record: 0") < said.index("Newest record: 1")


def test_watch_in_a_terminal_draws_again_and_says_when_it_read(site: Site, ledger: Ledger) -> None:
    def decide() -> None:
        hold(ledger, "night")

    said = watched(site, ledger, Waits(None, decide), terminal=True)
    assert said.count("Read at ") == 3
    assert "\x1b[?1049h" in said and said.rstrip().endswith("\x1b[?25h"), (
        "its own screen, given back"
    )
    assert re.search(r"on hold.*night", said)


def test_watch_goes_on_and_says_so_where_the_ledger_is_gone(site: Site, ledger: Ledger) -> None:
    know(ledger, ONE)
    remote, away = Path(site.ledger), Path(f"{site.ledger}.away")

    def lose() -> None:
        remote.rename(away)
        remote.mkdir()  # there, and no repository

    def find() -> None:
        remote.rmdir()
        away.rename(remote)

    said = watched(site, ledger, Waits(lose, find))
    assert said.count("Not up to date: ") == 1
    assert said.count("Read at ") == 3
    assert said.rindex("Read at ") > said.index("Not up to date: ")


def test_interrupted_watch_ends_well(call: Call, checkout_with_site: Checkout) -> None:
    assert call("ledger", "verify")[0] == 0
    folder = checkout_with_site.site.folder
    top, bottom = pty.openpty()
    words = [BIN / "deploy-kit", "--site", folder, "status", "--watch"]
    with subprocess.Popen(
        words, stdin=bottom, stdout=bottom, stderr=bottom, start_new_session=True
    ) as watching:
        os.close(bottom)
        said = b""
        until = time.monotonic() + 30
        while b"Read at" not in said and time.monotonic() < until:
            if select.select([top], [], [], 1)[0]:
                said += os.read(top, 65536)
        assert b"Read at" in said, said
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=20) == 0
    os.close(top)


def test_watch_for_machines_is_refused_with_what_is_for_them(call: Call) -> None:
    status, _, said = call("status", "--watch", "--json")
    assert status == 2 and "deploy-kit web" in said
