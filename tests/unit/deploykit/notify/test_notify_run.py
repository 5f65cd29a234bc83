"""`deploy-kit notify`, called as a person or a unit does: killed, started again, asked."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mailserver
import pytest
from deploykit.base.waiting import wait_until
from deploykit.ledger import Ledger
from deploykit.site.keys import Key
from ledgerbook import Call
from mailserver import MailServer
from receiver import Receiver
from sinkfile import hold, write_sinks
from sitecheckout import Checkout

BIN = Path(sys.executable).parent
PATIENCE = 60.0  # seconds


@dataclass
class Runner:
    """`deploy-kit notify run` of a checkout's site, and a ledger to write into."""

    checkout: Checkout
    ledger: Ledger

    def start(self) -> subprocess.Popen[str]:
        site = str(self.checkout.site.folder)
        words = [str(BIN / "deploy-kit"), "--site", site, "notify", "run", "--every", "0.1"]
        return subprocess.Popen(
            words,
            env={**os.environ, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def begin(self, call: Call, **sinks: dict[str, object]) -> None:
        """Have the sinks begin before the first record that counts."""
        write_sinks(self.checkout.site, **sinks)
        assert call("notify", "once")[0] == 0


@pytest.fixture
def runner(checkout_with_site: Checkout, ann: Key) -> Runner:
    return Runner(checkout_with_site, Ledger.open(checkout_with_site.site, ann))


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mailserver.serving() as state:
        yield state


def mail(server: MailServer) -> dict[str, object]:
    return {"kind": "mail", "server": f"localhost:{server.port}", "encryption": "none",
            "from": "kit@example.org", "to": "duty@example.org"}  # fmt: skip


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    assert process.wait(20) == -signal.SIGKILL


@pytest.mark.timeout(300)
def test_run_that_is_killed_between_two_mails_repeats_none_and_loses_none(
    runner: Runner, call: Call, mails: MailServer
) -> None:
    runner.begin(call, duty=mail(mails))
    commits: list[str] = []
    for n in range(4):
        commits.append(hold(runner.ledger, f"{n} first"))
        process = runner.start()
        assert wait_until(lambda: len(mails.mails) == len(commits), PATIENCE)
        # A mail that is on its way means that the one before was written down.
        mails.slow, asked = True, mails.asked
        commits.append(hold(runner.ledger, f"{n} second"))
        assert wait_until(lambda before=asked: mails.asked > before, PATIENCE)  # type: ignore[misc]
        kill(process)
        assert wait_until(lambda kills=n + 1: mails.cut == kills, PATIENCE)  # type: ignore[misc]
        mails.slow = False
    process = runner.start()
    assert wait_until(lambda: len(mails.mails) == len(commits), PATIENCE)
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    assert mails.ids == [f"<{commit}.duty.trial@example.org>" for commit in commits]


@pytest.mark.lengthy
@pytest.mark.timeout(600)
def test_run_that_is_killed_at_any_moment_loses_nothing_and_says_again_by_the_same_name(
    runner: Runner, call: Call, mails: MailServer, server: Receiver
) -> None:
    runner.begin(call, duty=mail(mails), room={"kind": "webhook", "url": server.url})
    chance, commits, kills = random.Random(7), [], 12
    for n in range(kills):
        process = runner.start()
        for m in range(3):
            commits.append(hold(runner.ledger, f"{n}.{m}"))
        time.sleep(chance.uniform(0.5, 4.0))
        kill(process)
    process = runner.start()
    ids = [f"<{commit}.duty.trial@example.org>" for commit in commits]
    assert wait_until(lambda: set(ids) <= set(mails.ids), PATIENCE)
    assert wait_until(lambda: set(commits) <= {b["key"] for b in server.bodies()}, PATIENCE)
    kill(process)
    keys = [body["key"] for body in server.bodies()]
    assert list(dict.fromkeys(mails.ids)) == ids and list(dict.fromkeys(keys)) == commits
    # Killed after it was taken and before that was written down: at most one for each kill.
    assert len(mails.ids) - len(ids) <= kills and len(keys) - len(commits) <= kills


def test_run_that_is_stopped_ends_at_once_and_says_how_to_go_on(
    runner: Runner, call: Call, server: Receiver
) -> None:
    runner.begin(call, room={"kind": "webhook", "url": server.url})
    process = runner.start()
    hold(runner.ledger, "a")
    assert wait_until(lambda: server.posts, PATIENCE)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "telling room" in said and "room: sent [trial] production is on hold" in said
    assert "stopped" in said and "Traceback" not in said


def test_second_run_of_a_site_is_refused_by_name(
    runner: Runner, call: Call, server: Receiver
) -> None:
    runner.begin(call, room={"kind": "webhook", "url": server.url})
    process = runner.start()
    assert process.stdout is not None and "telling room" in process.stdout.readline()
    status, _, said = call("notify", "once")
    assert status == 1 and "another 'notify' of this site runs already" in said
    kill(process)
    assert call("notify", "once")[0] == 0, "a killed one holds nothing"


def test_once_tells_all_that_waits_and_says_by_its_status_whether_something_is_left(
    runner: Runner, call: Call, server: Receiver
) -> None:
    runner.begin(call, room={"kind": "webhook", "url": server.url})
    hold(runner.ledger, "a")
    server.failing = [401]
    status, out, _ = call("notify", "once")
    assert status == 1 and f"room: not sent: POST {server.url} was refused: 401" in out
    status, out, _ = call("notify", "once")
    assert (status, out) == (0, "room: sent [trial] production is on hold\n")
    assert call("notify", "once")[:2] == (0, "")


def test_test_sends_one_message_and_keeps_nothing(
    runner: Runner, call: Call, server: Receiver, mails: MailServer
) -> None:
    write_sinks(runner.checkout.site, duty=mail(mails), room={"kind": "webhook", "url": server.url})
    status, out, said = call("notify", "test", "duty")
    assert (status, out) == (0, "duty: sent\n") and "telling duty@example.org by localhost" in said
    assert mails.mails[0]["Subject"] == "[trial] test of duty" and server.posts == []
    assert not (runner.checkout.site.state / "notify" / "duty.json").exists()
    mails.failing = ["554 no"]
    status, _, said = call("notify", "test", "duty")
    assert status == 1 and "does not take the mail: 554 no" in said
    status, _, said = call("notify", "test", "dutty")
    assert status == 2 and "did you mean 'duty'?" in said


def test_list_shows_what_waits_what_was_told_and_what_fails(
    runner: Runner, call: Call, server: Receiver, mails: MailServer
) -> None:
    sinks = {"duty": mail(mails), "room": {"kind": "webhook", "url": server.url,
                                           "about": {"production": ["hold"]}}}  # fmt: skip
    write_sinks(runner.checkout.site, **sinks)
    assert "not begun" in call("notify", "list")[1]
    runner.begin(call, **sinks)
    hold(runner.ledger, "a")
    server.failing = [410]
    assert call("notify", "once")[0] == 1
    duty, room = json.loads(call("notify", "list", "--json")[1])
    assert (duty["sink"], duty["last_record"], duty["waiting"]) == ("duty", 1, [])
    assert (room["last_record"], room["waiting"], room["tries"]) == (
        None, ["[trial] production is on hold"], 1
    )  # fmt: skip
    assert room["about"] == {"production": ["hold"]} and "410" in room["failure"]
    out = call("notify", "list")[1]
    assert "room fails since" in out and "production: hold" in out and "everything" in out


def test_site_without_sinks_says_so(runner: Runner, call: Call) -> None:
    status, out, _ = call("notify", "list")
    assert status == 0 and "has no 'notify'" in out
    assert call("notify", "list", "--json")[:2] == (0, "[]\n")
    for words in (["once"], ["run"]):
        status, _, said = call("notify", *words)
        assert status == 2 and "nobody is to be told" in said
