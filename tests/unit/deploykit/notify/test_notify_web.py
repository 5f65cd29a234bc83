"""Webhooks, Slack, Matrix and Apprise: what a real receiver hears, and what errors do not say."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from deploykit.base import webcall
from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.times import utc_now
from deploykit.notify.messages import Message, messages_of, trial_message
from deploykit.notify.occasions import occasions
from deploykit.notify.sinks import MessageRefused, Sink, sink_named
from deploykit.site import Site, open_site
from ledgerbook import Story, release, rule
from receiver import Receiver
from sinkfile import credentials, write_sinks

TOKEN = "t0ken-of-the-bot"


def sink(site: Site, kind: str, secret: str = TOKEN, **keys: object) -> Sink:
    entry = {"kind": kind, "credentials": credentials(site.folder, "secret", secret), **keys}
    write_sinks(site, room=entry)
    return sink_named(open_site(site.folder), "room")


def refusal() -> Message:
    """That production refuses a release, since somebody vetoed it."""
    story = Story.of(test=rule(), production=rule("test")).deployed("test", release(1))
    story.decided("veto", release(1), reason="<!channel> see <https://x|this> & that")
    return messages_of("home", occasions(story.records, len(story.records) - 1, ())[0])[0]


def test_webhook_hears_what_where_why_and_the_command_that_helps(
    site: Site, server: Receiver
) -> None:
    assert sink(site, "webhook", url=server.url).send(refusal()) == ""
    ((_, headers, _),) = server.posts
    (body,) = server.bodies()
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["Idempotency-Key"] == body["key"] and len(str(body["key"])) == 40
    assert (body["site"], body["record"]) == ("home", 4)
    (event,) = body["events"]  # type: ignore[misc]
    assert (event["topic"], event["environment"], event["release"]) == (
        "refused", "production", release(1).version
    )  # fmt: skip
    assert event["why"][0].startswith(f"ann@here vetoed {release(1).version}: <!channel>")
    assert event["remedies"] and body["title"] == f"[home] {event['title']}"


def test_slack_hears_text_that_calls_nobody_at_an_address_that_is_a_secret(
    site: Site, server: Receiver
) -> None:
    ours = sink(site, "slack", f"{server.url}/services/T0/B0/s3cret")
    ours.send(refusal())
    ((path, headers, _),) = server.posts
    (body,) = server.bodies()
    assert path == "/services/T0/B0/s3cret" and "Authorization" not in headers
    assert "&lt;!channel&gt; see &lt;https://x|this&gt; &amp; that" in str(body["text"])
    assert body["mrkdwn"] is False
    server.failing = [404]
    with pytest.raises(MessageRefused, match="POST the webhook was refused: 404") as refused:
        ours.send(refusal())
    server.failing = [503] * 3
    with pytest.raises(DeployKitError, match="POST the webhook failed 3 times") as failed:
        ours.send(refusal())
    assert "s3cret" not in refused.value.message + failed.value.message + ours.notifier.address


def test_matrix_takes_a_message_that_is_sent_again_for_the_same_one(
    site: Site, server: Receiver
) -> None:
    ours = sink(site, "matrix", url=f"{server.url}/", room="!abc:example.org")
    message = replace(refusal(), key="ab12/unfinished")
    ours.send(message)
    ours.send(message)
    (first, headers, _), (second, _, _) = server.posts
    assert (
        first
        == second
        == ("/_matrix/client/v3/rooms/%21abc%3Aexample.org/send/m.room.message/ab12%2Funfinished")
    )
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert server.bodies()[0] == {"msgtype": "m.notice", "body": message.text, "m.mentions": {}}


@pytest.mark.parametrize("failing", [[500, 429], [0, 0]])
def test_receiver_that_fails_for_a_moment_or_answers_garbage_is_asked_again(
    site: Site, server: Receiver, failing: list[int]
) -> None:
    server.failing = failing
    assert sink(site, "webhook", url=server.url).send(refusal()) == ""
    assert server.asked == 3 and len(server.posts) == 1


def test_receiver_that_sends_elsewhere_gets_no_token_there(site: Site, server: Receiver) -> None:
    server.failing = [302]
    with pytest.raises(MessageRefused, match="was refused: 302") as error:
        sink(site, "webhook", url=server.url).send(refusal())
    assert server.asked == 1 and TOKEN not in error.value.message


def test_receiver_that_does_not_answer_is_given_up_in_time(
    site: Site, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webcall, "TIMEOUT", 0.2)
    server.slow = True
    with pytest.raises(DeployKitError, match="failed 3 times: ReadTimeout"):
        sink(site, "webhook", url=server.url).send(refusal())


@pytest.mark.parametrize("secret", ["not a url", "http://hooks.example.org/x", "http://[::1"])
def test_webhook_of_slack_that_is_none_or_plain_is_told_without_it(site: Site, secret: str) -> None:
    with pytest.raises(InputError) as error:
        sink(site, "slack", secret).send(refusal())
    assert secret not in error.value.message and "secret" in error.value.message


@pytest.mark.parametrize(
    ("kind", "keys", "said"),
    [
        ("webhook", {}, "'url' is missing"),
        ("webhook", {"url": "http://hooks.example.org"}, "in the clear"),
        ("webhook", {"url": "https://me:pw@hooks.example.org"}, "has a user in it"),
        ("slack", {"url": "https://hooks.slack.com/services/T0"}, "unknown key 'url'"),
        ("matrix", {"url": "https://m.example.org", "room": "#cloud:x"}, "is no id of a room"),
    ],
)
def test_entry_that_does_not_fit_is_told_with_its_line(
    site: Site, kind: str, keys: dict[str, object], said: str
) -> None:
    with pytest.raises(InputError, match=rf"site\.yml:2: .*{said}"):
        sink(site, kind, **keys)


@pytest.mark.parametrize("kind", ["slack", "matrix"])
def test_sink_whose_secret_is_nowhere_is_refused(site: Site, kind: str) -> None:
    write_sinks(site, room={"kind": kind, "url": "https://m.example.org", "room": "!a:x"})
    with pytest.raises(InputError, match=r"'credentials' is missing|unknown key"):
        sink_named(open_site(site.folder), "room")


def test_secret_that_others_may_read_is_not_used(site: Site, server: Receiver) -> None:
    ours = sink(site, "webhook", url=server.url)
    (site.folder / "secret").chmod(0o640)
    with pytest.raises(InputError, match="others may read"):
        ours.send(trial_message("home", "room", utc_now()))
    assert server.asked == 0


def test_service_of_apprise_is_told(site: Site, server: Receiver) -> None:
    ours = sink(site, "apprise", f"json://127.0.0.1:{server.port}/s3cret")
    ours.send(refusal())
    (body,) = server.bodies()
    assert body["title"] == refusal().title
    assert str(body["message"]).strip() == refusal().text.strip()
    server.failing = [500] * 9
    with pytest.raises(DeployKitError, match="Apprise could not tell the service 'json'") as error:
        ours.send(refusal())
    assert "s3cret" not in f"{error.value.message}{error.value.remedy}"


def test_service_of_apprise_that_shows_html_gets_no_markup_of_others(
    site: Site, server: Receiver
) -> None:
    sink(site, "apprise", f"json://127.0.0.1:{server.port}/?format=html").send(refusal())
    (body,) = server.bodies()
    assert "&lt;!channel&gt;" in str(body["message"])


def test_url_that_apprise_does_not_know_is_told_without_it(site: Site) -> None:
    with pytest.raises(InputError, match="is no URL that Apprise knows") as error:
        sink(site, "apprise", "nowhere://t0ken").send(refusal())
    assert "t0ken" not in error.value.message


def test_apprise_that_is_not_installed_is_named_with_how_to_get_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(DeployKitError, match="apprise is not installed") as error:
        sink(site, "apprise", "json://127.0.0.1/x").send(refusal())
    assert "deploy-kit[apprise]" in error.value.remedy


def test_apprise_is_not_imported_where_no_message_goes_by_it(site: Site) -> None:
    sink(site, "apprise", "json://127.0.0.1/x")
    code = (
        "import sys; from pathlib import Path\n"
        "from deploykit.site import open_site; from deploykit.notify.sinks import sinks_of\n"
        f"print(sinks_of(open_site(Path({str(site.folder)!r})))[0].kind)\n"
        "print('apprise' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["apprise", "False"], done.stderr
