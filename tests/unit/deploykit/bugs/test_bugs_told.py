"""Trackers are told each thing once, whatever happens between."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import receiver
from deploykit.base import webcall
from deploykit.base.errors import InputError
from deploykit.bugs import Mention, Relation, Step, everything
from deploykit.bugs.telling import notices, tell
from deploykit.bugs.trackers import Notice, Tracker, trackers
from deploykit.site import Site, open_site
from receiver import Receiver

FIX = Mention("7", Relation.CLOSES, "salt", "a" * 40, "a fix")
TOKEN = "t0ken-of-the-bot"


def wanted(**running: str) -> list[Notice]:
    return notices(everything([Step("1"), Step("2", came=(FIX,))], running))


def tracker(site: Site, server: Receiver, kind: str, mode: int = 0o600) -> Tracker:
    file = site.folder / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(mode)
    keys = {"kind": kind, "url": server.url, "credentials": "token"}
    if kind == "github":
        keys["project"] = "ours/cloud"
    with (site.folder / "site.yml").open("a") as text:
        text.write(f"trackers: {{ours: {json.dumps(keys)}}}\n")
    (found,) = trackers(open_site(site.folder))
    return found


def test_webhook_is_told_of_the_release_and_then_of_each_environment(
    site: Site, server: Receiver, tmp_path: Path
) -> None:
    ours = [tracker(site, server, "webhook")]
    assert tell(tmp_path / "bugs", ours, wanted()) == (1, [])
    assert tell(tmp_path / "bugs", ours, wanted(test="2")) == (1, [])
    assert tell(tmp_path / "bugs", ours, wanted(test="2")) == (0, [])
    told = [json.loads(body) for _, _, body in server.posts]
    assert [(one["bug"], one["release"], one["environment"]) for one in told] == [
        ("7", "2", None),
        ("7", "2", "test"),
    ]
    assert told[1]["commits"][0]["relation"] == "closes"
    headers = [headers for _, headers, _ in server.posts]
    assert {one["Authorization"] for one in headers} == {f"Bearer {TOKEN}"}
    assert [one["Idempotency-Key"] for one in headers] == ["7/2/", "7/2/test"]


def test_github_gets_a_comment_on_the_issue(site: Site, server: Receiver, tmp_path: Path) -> None:
    tell(tmp_path, [tracker(site, server, "github")], wanted(production="2"))
    (first, second) = server.posts
    assert first[0] == second[0] == "/repos/ours/cloud/issues/7/comments"
    assert "Release 2 runs in production." in json.loads(second[2])["body"]


def test_launchpad_gets_a_message_of_the_bug(site: Site, server: Receiver, tmp_path: Path) -> None:
    tell(tmp_path, [tracker(site, server, "launchpad")], wanted())
    ((path, _, body),) = server.posts
    form = parse_qs(body)
    assert (path, form["ws.op"], form["subject"]) == ("/bugs/7", ["newMessage"], ["Release 2"])
    assert "aaaaaaaaaaaa a fix (salt; closes this bug)" in form["content"][0]


@pytest.mark.parametrize("kind", ["github", "launchpad"])
def test_what_another_machine_told_is_not_told_again(
    site: Site, server: Receiver, tmp_path: Path, kind: str
) -> None:
    ours = [tracker(site, server, kind)]
    assert tell(tmp_path / "here", ours, wanted()) == (1, [])
    assert tell(tmp_path / "there", ours, wanted()) == (0, [])
    assert len(server.posts) == 1


def test_tracker_that_fails_for_a_moment_is_told_all_the_same(
    site: Site, server: Receiver, tmp_path: Path
) -> None:
    server.failing = [503, 429]
    assert tell(tmp_path, [tracker(site, server, "webhook")], wanted()) == (1, [])


def test_tries_have_an_end_and_the_next_call_goes_on(
    site: Site, server: Receiver, tmp_path: Path
) -> None:
    ours = [tracker(site, server, "webhook")]
    server.failing = [500] * webcall.TRIES
    sent, failed = tell(tmp_path, ours, wanted(test="2"))
    assert (sent, server.asked) == (0, webcall.TRIES)
    assert failed == [f"ours: POST {server.url} failed 3 times: 500 Internal Server Error"]
    assert tell(tmp_path, ours, wanted(test="2")) == (2, [])


@pytest.mark.parametrize("status", [401, 404, 302])
def test_refusal_is_told_at_once_without_the_token(
    site: Site, server: Receiver, tmp_path: Path, status: int
) -> None:
    server.failing = [status]
    _, (said,) = tell(tmp_path, [tracker(site, server, "webhook")], wanted())
    assert f"was refused: {status}" in said
    assert TOKEN not in said
    assert server.asked == 1, "neither again, nor to where it was sent on"


def test_server_that_is_away_is_told(site: Site, tmp_path: Path) -> None:
    with receiver.serving() as server:
        ours = [tracker(site, server, "webhook")]
    webcall.PAUSE, before = 0.01, webcall.PAUSE
    try:
        assert tell(tmp_path, ours, wanted())[1] == [
            f"ours: POST {server.url} failed 3 times: ConnectionError"
        ]
    finally:
        webcall.PAUSE = before


def test_token_that_others_may_read_is_refused(
    site: Site, server: Receiver, tmp_path: Path
) -> None:
    _, (said,) = tell(tmp_path, [tracker(site, server, "webhook", 0o644)], wanted())
    assert "others may read" in said
    assert server.asked == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{a: {kind: webhok, url: 'https://x'}}", "there is no tracker 'webhok'"),
        ("{a: {kind: webhook}}", "'url' is missing"),
        ("{a: {kind: github, url: 'https://x'}}", "'project' is missing"),
        ("{a: {kind: webhook, url: 'https://me:pw@x'}}", "has a user in it"),
        ("{a: {kind: webhook, url: 'https://x', token: abc}}", "unknown key 'token'"),
    ],
)
def test_tracker_that_does_not_fit_is_told_with_its_line(site: Site, text: str, said: str) -> None:
    with (site.folder / "site.yml").open("a") as file:
        file.write(f"trackers: {text}\n")
    with pytest.raises(InputError, match=rf"site\.yml:2: .*{said}"):
        trackers(open_site(site.folder))
