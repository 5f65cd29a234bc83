"""Servers whose answers have no end: each caller is told, in bounded memory and time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from deploykit.base import answers, webcall
from deploykit.base.errors import DeployKitError
from deploykit.bugs import Mention, Relation, Step, everything, telling
from deploykit.bugs.trackers import trackers
from deploykit.gate.rest import GerritAway, Server
from deploykit.jobs.jenkins import JenkinsExecutor
from deploykit.jobs.jenkins import Server as Jenkins
from deploykit.site import Site, open_site
from jobbing import job
from loopback import served


class Endless(BaseHTTPRequestHandler):
    """Answers for ever: as fast as it is read, or (at /slow…) a byte at a time."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        slow = "slow" in self.path
        with suppress(OSError):
            while True:
                self.wfile.write(b" " * (1 if slow else 2**16))
                time.sleep(0.05 if slow else 0)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(params=["fast", "slow"])
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    defaults = {"most": 2**20, "seconds": 0.5}
    monkeypatch.setattr(answers.whole, "__kwdefaults__", defaults)
    with served(Endless) as port:
        yield f"http://127.0.0.1:{port}/{request.param}"


def test_gerrit_that_answers_without_end_is_away(url: str) -> None:
    with pytest.raises(GerritAway, match=r"answers? (more than 1 MiB|has no end after 0\.5 s)"):
        Server(url, "gate", "secret").get("/changes/")


def test_jenkins_that_answers_without_end_cannot_be_asked(url: str, tmp_path: Path) -> None:
    executor = JenkinsExecutor(tmp_path / "jobs", Jenkins(url))
    no_end = r"cannot be asked: .*answers? (more than 1 MiB|has no end after 0\.5 s)"
    with pytest.raises(DeployKitError, match=no_end):
        executor.start(job("one", "true"))


def test_tracker_that_answers_without_end_fails_and_keeps_nobody_waiting(
    url: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webcall, "PAUSE", 0.01)
    with (site.folder / "site.yml").open("a") as text:
        text.write(f"trackers: {{ours: {{kind: webhook, url: {url}}}}}\n")
    ours = trackers(open_site(site.folder))
    fix = Mention("7", Relation.CLOSES, "salt", "a" * 40, "a fix")
    wanted = telling.notices(everything([Step("1"), Step("2", came=(fix,))], {}))
    sent, (told,) = telling.tell(tmp_path / "bugs", ours, wanted)
    assert sent == 0 and told.endswith("failed 3 times: TooMuch")


def test_answer_within_bounds_is_whole() -> None:
    pieces = iter([b"a", b"b", b""])
    assert answers.whole(lambda most: next(pieces)) == b"ab"
