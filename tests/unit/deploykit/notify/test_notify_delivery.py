"""Each thing once, to each sink, whatever fails between; nobody waits for a sink that is away."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mailserver
import pytest
import receiver
from deploykit.base import webcall
from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.waiting import wait_until
from deploykit.ledger import Ledger
from deploykit.notify import delivery as delivery_module
from deploykit.notify import loop
from deploykit.notify import state as state_module
from deploykit.notify.delivery import Delivery, deliveries_of
from deploykit.notify.loop import follow, tell_once
from deploykit.notify.messages import Message
from deploykit.notify.news import news_of
from deploykit.notify.sinks import Sink, sinks_of
from deploykit.notify.standing import standings_of
from deploykit.notify.state import SinkState, StateFile
from deploykit.site import Site, open_site
from deploykit.site.keys import Key
from ledgerbook import Story, release, rule
from receiver import Receiver
from sinkfile import hold, write_sinks


@dataclass
class Trial:
    """A site with sinks and a ledger; `said` is what was said of telling."""

    site: Site
    ledger: Ledger
    said: list[str] = field(default_factory=list)

    def sinks(self) -> list[Sink]:
        return sinks_of(open_site(self.site.folder))

    def opened(self) -> list[Delivery]:
        """As a process that starts now has them."""
        records = self.ledger.fetch_records()
        return deliveries_of(self.site, self.sinks(), records, self.said.append)

    def once(self) -> bool:
        """What `notify once` does, in a process of its own."""
        return tell_once(self.ledger, self.opened(), ())


@pytest.fixture
def trial(site: Site, ledger: Ledger) -> Trial:
    return Trial(site, ledger)


def hook(server: Receiver, **keys: object) -> dict[str, object]:
    return {"kind": "webhook", "url": server.url, **keys}


def holds(server: Receiver) -> list[str]:
    """The reasons of the holds that were told."""
    return [body["events"][0]["why"][0] for body in server.bodies()]  # type: ignore[index]


def test_new_sink_hears_of_what_comes_and_nothing_of_before_and_says_so(
    trial: Trial, server: Receiver
) -> None:
    for n in range(3):
        hold(trial.ledger, f"old {n}")
    write_sinks(trial.site, room=hook(server))
    assert trial.once() and server.posts == []
    assert trial.said == ["room: is new, and hears of what comes after record 3"]
    hold(trial.ledger, "new")
    assert trial.once() and holds(server) == ["new"]
    assert trial.once() and holds(server) == ["new"]


def test_deploy_that_was_left_before_a_sink_was_there_is_not_told() -> None:
    story = Story.of(test=rule()).phase("started", "test", release(1), lease=60).wait(120)
    begun = state_module.initial_state(story.records, story.now)
    assert list(begun.keys) == [f"{story.records[-1].commit}/unfinished"]


def test_sinks_hear_of_what_they_want_of_the_environments_they_want(
    trial: Trial, server: Receiver
) -> None:
    with receiver.serving() as other:
        write_sinks(
            trial.site,
            room=hook(server, about={"production": ["hold"]}),
            duty=hook(other, about=["failed", "drift"]),
        )
        trial.once()
        hold(trial.ledger, "mine")
        hold(trial.ledger, "not mine", "test")
        assert trial.once()
        assert holds(server) == ["mine"] and other.posts == []


def test_sink_that_is_away_hears_all_when_it_is_back_in_order(
    trial: Trial, server: Receiver
) -> None:
    write_sinks(trial.site, room=hook(server))
    trial.once()
    for reason in ("a", "b", "c"):
        hold(trial.ledger, reason)
    server.failing = [500] * webcall.TRIES
    assert not trial.once() and server.asked == webcall.TRIES, "the others wait behind the first"
    (one,) = standings_of(trial.site, trial.sinks(), trial.ledger.known, utc(), ())
    assert len(one.pending) == 3 and one.state is not None and one.state.failing is not None
    assert one.state.failing.reason.startswith(f"POST {server.url} failed 3 times: 500")
    assert trial.once() and holds(server) == ["a", "b", "c"]
    (one,) = standings_of(trial.site, trial.sinks(), trial.ledger.known, utc(), ())
    assert one.pending == () and one.state is not None and one.state.failing is None
    assert one.state.last == 3


def test_message_that_is_refused_keeps_no_other_waiting_and_is_tried_again(
    trial: Trial, server: Receiver
) -> None:
    write_sinks(trial.site, room=hook(server))
    trial.once()
    for reason in ("too long", "b", "c"):
        hold(trial.ledger, reason)
    server.failing = [413]
    assert not trial.once() and holds(server) == ["b", "c"]
    hold(trial.ledger, "d")
    assert trial.once() and holds(server) == ["b", "c", "too long", "d"]


def test_sink_that_refuses_everything_is_left_alone_after_some(
    trial: Trial, server: Receiver
) -> None:
    write_sinks(trial.site, room=hook(server))
    trial.once()
    for n in range(9):
        hold(trial.ledger, str(n))
    server.failing = [403] * 100
    assert not trial.once() and server.asked == delivery_module.MOST_REFUSED


def utc() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@pytest.mark.parametrize("restarted", [True, False])
def test_what_could_not_be_sent_for_three_days_is_given_up_and_said(
    site: Site, ann: Key, server: Receiver, monkeypatch: pytest.MonkeyPatch, restarted: bool
) -> None:
    now = [utc() - timedelta(days=4)]
    trial = Trial(site, Ledger.open(site, ann, lambda: now[0]))
    write_sinks(site, room=hook(server))
    (before,) = trial.opened()
    hold(trial.ledger, "old news")
    now[0] = utc()
    hold(trial.ledger, "fresh")
    used = trial.opened()[0] if restarted else before
    news = news_of(trial.ledger.known, 1, ())
    assert used.deliver(news) and holds(server) == ["fresh"]
    assert trial.said[-2] == (
        "room: not sent, since older than 3 days: 1, the last [trial] production is on hold"
    )
    assert used.deliver(news) and holds(server) == ["fresh"]
    assert len(trial.said) == 3, "said once"


def test_nothing_is_sent_that_cannot_be_written_down_and_nothing_twice(
    trial: Trial, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sinks(trial.site, room=hook(server))
    (room,) = trial.opened()
    for reason in ("a", "b", "c"):
        hold(trial.ledger, reason)
    news = news_of(trial.ledger.known, 1, ())
    write = StateFile.write

    def full(self: StateFile, state: SinkState) -> None:
        if state.keys:
            raise OSError(28, "No space left on device", str(self.file))
        write(self, state)

    with monkeypatch.context() as disk:
        disk.setattr(StateFile, "write", full)
        for _ in range(5):
            assert not room.deliver(news)
        assert holds(server) == ["a"], "what follows waits for the disk"
        assert "No space left on device" in trial.said[-1] and len(trial.said) == 3
    assert room.deliver(news) and holds(server) == ["a", "b", "c"]
    assert trial.once() and holds(server) == ["a", "b", "c"]


def test_sink_for_which_nothing_waits_any_more_fails_no_more(trial: Trial) -> None:
    records, now = trial.ledger.known, utc()
    failing = state_module.initial_state(records, now).with_failure("it is away", now)
    assert failing.advanced([], records, now).failing is None


def test_damaged_file_of_what_was_told_is_named_with_what_to_do(
    trial: Trial, server: Receiver
) -> None:
    write_sinks(trial.site, room=hook(server))
    trial.once()
    file = trial.site.state / "notify" / "room.json"
    assert file.stat().st_mode & 0o077 == 0
    for text in ("{", "[]", json.dumps({**json.loads(file.read_text()), "format": 2})):
        file.write_text(text)
        with pytest.raises(InputError, match=r"room\.json is damaged") as error:
            trial.once()
        assert "remove it" in error.value.remedy


def test_sink_that_was_told_of_another_ledger_begins_anew(trial: Trial, server: Receiver) -> None:
    write_sinks(trial.site, room=hook(server))
    trial.once()
    hold(trial.ledger, "a")
    file = trial.site.state / "notify" / "room.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "commit": "f" * 40}))
    assert trial.once() and server.posts == []
    assert (
        trial.said[-1] == "room: was told of another ledger, and hears of what comes after record 1"
    )


class Broken:
    """A sink of a plugin that was written in haste."""

    address = "nowhere"

    def send(self, message: Message) -> str:
        raise ZeroDivisionError("t0ken")


def test_plugin_that_fails_in_its_own_way_is_named_without_its_words(
    trial: Trial, server: Receiver
) -> None:
    write_sinks(trial.site, room=hook(server))
    (room,) = trial.opened()
    room.sink = Sink("room", "hasty", Broken(), {}, room.sink.everywhere)
    hold(trial.ledger, "a")
    assert not room.deliver(news_of(trial.ledger.known, 1, ()))
    assert trial.said[-1] == "room: not sent: the plugin 'hasty' failed with ZeroDivisionError"


def following(trial: Trial, until: Callable[[], bool], every: float = 0.05) -> None:
    """Follow the ledger until `until` is true, half a minute at most."""
    end = time.monotonic() + 30
    follow(trial.ledger, trial.opened(), (), trial.said.append, every=every,
           until=lambda: until() or time.monotonic() > end)  # fmt: skip


def test_dead_sink_keeps_neither_another_nor_a_promotion_waiting(
    trial: Trial, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "PAUSE_FIRST", 0.2)
    monkeypatch.setattr(loop, "ENDING", 0.2)
    with receiver.serving() as dead:
        dead.slow = True
        write_sinks(trial.site, dead=hook(dead), room=hook(server))
        trial.once()
        written = [hold(trial.ledger, "first")]

        def until() -> bool:
            if dead.asked and len(written) < 3:  # it hangs, and records are made all the same
                written.append(hold(trial.ledger, f"beside {len(written)}"))
            return len(server.posts) == 3

        following(trial, until)
        assert holds(server) == ["first", "beside 1", "beside 2"]
        assert dead.posts == [] and dead.asked == 1
        dead.slow = False
        dead.go.set()
        following(trial, lambda: len(dead.posts) >= 3)
        assert wait_until(lambda: len(dead.posts) >= 3, 5)
        keys = [body["key"] for body in dead.bodies()]
        assert list(dict.fromkeys(keys)) == written, "none is lost; one in flight may come twice"


def test_sink_that_fails_is_tried_less_and_less_often(
    trial: Trial, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sinks(trial.site, room=hook(server))
    (room,) = trial.opened()
    hold(trial.ledger, "a")
    rests: list[float] = []
    monkeypatch.setattr(room._beside, "rest", rests.append)
    server.failing = [500] * 1000
    news = news_of(trial.ledger.known, 1, ())
    for _ in range(9):
        room.start(news)
        room._beside.wait(20)
    assert rests == [10, 20, 40, 80, 160, 320, 600, 600, 600]
    assert len([line for line in trial.said if "not sent" in line]) == 1, "said once"


def test_ledger_that_is_away_is_waited_for_and_said_once(
    trial: Trial, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sinks(trial.site, room=hook(server))
    ours = trial.opened()
    pauses: list[float] = []
    fetch = trial.ledger.fetch_records

    def away() -> tuple[object, ...]:
        if len(pauses) < 6:
            raise DeployKitError("the ledger is away")
        return fetch()

    hold(trial.ledger, "meanwhile")
    monkeypatch.setattr(trial.ledger, "_seen", type(trial.ledger._seen)(trial.ledger.known[:1]))
    monkeypatch.setattr(trial.ledger, "fetch_records", away)
    follow(trial.ledger, ours, (), trial.said.append, every=20.0,
           until=lambda: bool(server.posts) or len(pauses) > 30,
           sleep=lambda seconds: (pauses.append(seconds), time.sleep(0.05))[0])  # fmt: skip
    assert pauses[:7] == [20, 40, 80, 160, 300, 300, 20]
    assert holds(server) == ["meanwhile"]
    assert [line for line in trial.said if "away" in line] == [
        "going on with the records up to 0: the ledger is away"
    ]


def test_mail_server_that_is_down_for_a_while_gets_every_mail_once(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mailserver.serving() as server:
        write_sinks(trial.site, duty={
            "kind": "mail", "server": f"localhost:{server.port}", "encryption": "none",
            "from": "kit@example.org", "to": "duty@example.org",
        })  # fmt: skip
        trial.once()
        commits = [hold(trial.ledger, reason) for reason in ("a", "b")]
        server.failing = ["451 try later", "554 spam"]
        assert not trial.once() and server.mails == [], "for now: the rest waits"
        assert not trial.once() and len(server.mails) == 1, "for good: the rest goes on"
        assert trial.once()
    assert server.ids == [f"<{commit}.duty.trial@example.org>" for commit in reversed(commits)]


def test_state_of_sinks_is_no_folder_of_others(trial: Trial, server: Receiver) -> None:
    write_sinks(trial.site, room=hook(server))
    trial.once()
    folder: Path = trial.site.state / "notify"
    assert folder.stat().st_mode & 0o077 == 0
