"""The pages over HTTP: the same for people and machines, cheap to ask again, safe to look at."""

from __future__ import annotations

import contextlib
import html
import json
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import requests
from deploykit.base.errors import DeployKitError
from deploykit.base.trouble import Trouble
from deploykit.base.waiting import wait_until
from deploykit.gate.report import Report
from deploykit.ledger.records import Record
from deploykit.pods import Pod, Wanted
from deploykit.site.instance import Instance
from deploykit.web.answering import prefers_json
from deploykit.web.rendering import dated
from deploykit.web.snapshot import Snapshot
from ledgerbook import Story, release, rule
from webpages import PATIENCE, Shelf, again, served, snapshot_of

AS_JSON = {"Accept": "application/json"}
PAGES = ("/", "/releases", "/releases/{release}", "/environments/production",
         "/environments/production/entry/{release}", "/figures",
         "/pods", "/queue", "/records", "/records?first=100", "/records/3")  # fmt: skip
QUEUES = [
    {
        "queue": "integrated",
        "branch": "main",
        "window": 20,
        "items": [
            {"item": "17", "state": "failing", "projects": ["salt"], "subjects": ["Mend <it>"]}
        ],
        "held": [{"change": "18", "why": "needs 19, which is not approved"}],
        "merged": {"state": "passed", "failed": {}},
        "private": [{"project": "cloud/salt", "branch": "private/ann/x", "state": "failed",
                     "failed": {"lint": "/logs/lint"}, "commit": "c" * 40}],
    }
]  # fmt: skip


@pytest.fixture(scope="module")
def whole_shelf(snapshot: Snapshot) -> Shelf:
    """Something on every page."""
    pod = Pod(Instance("test", copy="pod-try"), "lxd", "2026.47.1", snapshot.made,
              Wanted("ann", "load", snapshot.made))  # fmt: skip
    return Shelf(snapshot, gate=True, report=Report(snapshot.made, QUEUES), pods=[pod])


@pytest.fixture(scope="module")
def base(whole_shelf: Shelf) -> Iterator[str]:
    """Where the pages are served."""
    with served(whole_shelf.sources()) as address:
        yield address


@pytest.fixture
def shelf(whole_shelf: Shelf, snapshot: Snapshot) -> Shelf:
    """What is served, as it was before other tests."""
    whole_shelf.snapshot = again(snapshot)
    return whole_shelf


def get(address: str, **more: Any) -> requests.Response:
    return requests.get(address, timeout=PATIENCE, **more)


def pages(shelf: Shelf) -> Iterator[str]:
    newest = list(shelf.snapshot.versions.values())[-1]
    for page in PAGES:
        yield page.format(release=newest)


def words_of(text: str) -> str:
    """What a page says to who reads it, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())


def facts(value: Any) -> Iterator[str]:
    """What a page as JSON says that a person must find on it, too: times but for their form."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in FACTS and isinstance(item, str):
                yield " ".join(dated(item).split())
            yield from facts(item)
    elif isinstance(value, list):
        for item in value:
            yield from facts(item)


FACTS = frozenset({"by", "change", "check", "environment", "fingerprint", "item", "pod",
                   "principal", "purpose", "queue", "source", "summary", "text", "user", "version",
                   "why"})  # fmt: skip


def test_every_page_says_to_people_what_it_says_to_machines(shelf: Shelf, base: str) -> None:
    assert wait_until(lambda: get(f"{base}/pods?format=json").json()["pods"], PATIENCE)
    for page in pages(shelf):
        told = get(base + page, headers=AS_JSON)
        assert told.headers["content-type"] == "application/json; charset=utf-8"
        shown = get(base + page, headers={"Accept": "text/html,*/*;q=0.8"})
        assert shown.headers["content-type"] == "text/html; charset=utf-8"
        assert told.headers["vary"] == shown.headers["vary"] == "Accept"
        value = told.json()
        value.get("proof", {}).pop("text", None)  # the record as bytes: for machines
        said = list(facts(value))
        assert said
        missing = [text for text in said if text not in words_of(shown.text)]
        assert missing == [], page


def test_every_page_is_what_openapi_says(shelf: Shelf, base: str) -> None:
    described = get(f"{base}/openapi.json").json()
    ways = described["paths"]
    assert set(ways) == {"/", "/releases", "/releases/{name}", "/environments/{name}", "/figures",
                         "/environments/{name}/entry/{release}", "/records", "/records/{n}",
                         "/queue", "/pods", "/metrics"}  # fmt: skip
    for page in pages(shelf):
        path = urlsplit(page).path
        (way,) = (one for one in ways if re.fullmatch(re.sub(r"{\w+}", "[^/]+", one), path))
        schema = ways[way]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": described["components"]}
        jsonschema.validate(get(base + page, headers=AS_JSON).json(), whole)


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        ("application/json", True),
        ("*/*", False),
        ("", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("text/html;q=0.5, application/json", True),
        ("application/json;q=0.1, text/html", False),
        ("application/json;q=nonsense", False),
        ("application/json;q=0", False),
    ],
)
def test_header_accept_chooses_by_its_weights(accept: str, json: bool) -> None:
    assert prefers_json(accept) is json


def test_address_chooses_before_the_header(base: str) -> None:
    said = get(f"{base}/?format=html", headers=AS_JSON)
    assert said.headers["content-type"].startswith("text/html")
    assert get(f"{base}/?format=json").json()["reading"]["site"] == "trial"
    assert get(f"{base}/?format=xml").status_code == 400


def test_page_that_is_as_it_was_is_not_sent_again(shelf: Shelf, base: str) -> None:
    for page in pages(shelf):
        first = get(base + page)
        tag = {"If-None-Match": first.headers["etag"]}
        second = get(base + page, headers=tag)
        assert (second.status_code, second.content) == (304, b""), page
        assert second.headers["etag"] == first.headers["etag"]
        # What a browser has as HTML is no answer to who wants JSON.
        assert get(base + page, headers={**tag, **AS_JSON}).status_code == 200
    shelf.snapshot = again(shelf.snapshot)
    assert get(f"{base}/", headers=tag).status_code == 200


def test_page_is_made_once_for_all(shelf: Shelf, base: str, monkeypatch: Any) -> None:
    made: list[str] = []
    monkeypatch.setattr("deploykit.web.answering.as_html",
                        lambda page, template, shown: made.append(template) or b"page")  # fmt: skip
    for _ in range(5):
        assert get(f"{base}/figures?live=no&nonsense=1").content == b"page"
    assert made == ["figures"]
    shelf.snapshot = again(shelf.snapshot)
    get(f"{base}/figures?live=no")
    assert made == ["figures", "figures"]


def test_page_that_takes_long_is_made_once_and_holds_up_no_other(
    shelf: Shelf, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, made = threading.Event(), []

    def slowly(page: object, template: str, shown: object) -> bytes:
        made.append(template)
        assert go.wait(PATIENCE)
        return b"slow"

    assert get(f"{base}/figures").ok
    monkeypatch.setattr("deploykit.web.answering.as_html", slowly)
    with ThreadPoolExecutor(3) as people:
        waiting = [people.submit(get, f"{base}/releases") for _ in range(3)]
        assert wait_until(lambda: bool(made), PATIENCE)
        assert get(f"{base}/figures").ok, "what was made is there"
        go.set()
        assert [one.result().content for one in waiting] == [b"slow"] * 3
    assert made == ["releases"]


def test_live_page_asks_again_with_what_it_has_and_a_still_one_does_not(
    shelf: Shelf, base: str
) -> None:
    live, still = get(f"{base}/"), get(f"{base}/?live=no")
    asks = re.search(r"hx-headers='([^']+)'", live.text)
    assert asks is not None
    assert json.loads(html.unescape(asks[1]))["If-None-Match"] == live.headers["etag"]
    assert 'hx-get="/"' in live.text and "<script" in live.text
    assert "hx-get" not in still.text and "<script" not in still.text


@pytest.mark.parametrize(
    "page",
    ["/releases/2020.1.1", "/environments/nowhere", "/records/100000", "/nothing", "/static/x"],
)
def test_page_that_is_not_there_is_said_to_people_and_machines(page: str, base: str) -> None:
    shown, told = get(base + page), get(base + page, headers=AS_JSON)
    assert shown.status_code == told.status_code == 404
    assert "There is no such page" in shown.text and told.json()["status"] == 404


@pytest.mark.parametrize("page", ["/records/-1", "/records/x", "/records?first=-1",
                                  "/releases?first=x", "/records/9999999999999999"])  # fmt: skip
def test_address_that_cannot_be_is_refused(page: str, base: str) -> None:
    assert get(base + page).status_code == 400


def test_site_without_a_gate_has_no_page_of_queues(snapshot: Snapshot) -> None:
    with served(Shelf(snapshot).sources()) as base:
        assert "no gate.yml" in get(f"{base}/queue").text
        assert 'href="/queue"' not in get(f"{base}/").text


def test_record_that_cannot_be_read_says_what_to_do(snapshot: Snapshot) -> None:
    shelf = Shelf(snapshot)

    def lost(record: Record) -> Any:
        raise DeployKitError(f"record {record.n} is gone", "deploy-kit ledger verify")

    sources = shelf.sources()
    with served(replace(sources, commit=lost)) as base:
        said = get(f"{base}/records/3")
        assert said.status_code == 503
        assert "record 3 is gone" in said.text and "deploy-kit ledger verify" in said.text


@pytest.mark.parametrize("page", ["/", "/figures?format=json", "/nothing", "/metrics",
                                  "/openapi.json", "/static/style.css", "/records/x"])  # fmt: skip
def test_every_answer_keeps_others_out(page: str, base: str) -> None:
    headers = get(base + page).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy and "script-src 'self'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in headers and "server" not in headers
    assert not any(name.startswith("access-control") for name in headers)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("LOCALHOST:8470", 200), ("127.0.0.1:80", 200), ("[::1]:8470", 200),
        ("10.0.0.5", 200), ("board.example.org:8470", 200), ("evil.example", 400), ("", 400),
        ("127.0.0.1.evil.example", 400), ("localhost.evil.example:8470", 400),
    ],
)  # fmt: skip
def test_pages_answer_to_their_own_names_only(snapshot: Snapshot, host: str, status: int) -> None:
    with served(Shelf(snapshot).sources(), ["Board.example.org"]) as base:
        said = get(f"{base}/", headers={"Host": host})
        assert said.status_code == status
        if host and status == 400:
            assert host.split(":")[0] in said.text and "--name NAME" in said.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_pages_can_only_be_read(method: str, base: str) -> None:
    said = requests.request(method, f"{base}/", timeout=PATIENCE)
    assert said.status_code == 405 and said.headers["allow"] == "GET, HEAD"


def test_head_has_the_headers_of_the_page_and_no_body(base: str) -> None:
    said, page = requests.head(f"{base}/", timeout=PATIENCE), get(f"{base}/")
    assert said.status_code == 200 and said.content == b""
    assert said.headers["etag"] == page.headers["etag"]
    assert said.headers["content-length"] == page.headers["content-length"]


def raw(base: str, request: bytes) -> bytes:
    """The answer to a request that no client would send; what came of it before a reset."""
    said = b""
    address = urlsplit(base)
    with (
        contextlib.suppress(ConnectionError),
        socket.create_connection((address.hostname, address.port), timeout=PATIENCE) as asking,
    ):
        asking.sendall(request)
        while some := asking.recv(65536):
            said += some
    return said


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Big: " + b"x" * 10**6 + b"\r\n\r\n",
    ],
    ids=["two hosts", "no host", "no request", "too big"],
)
def test_request_that_is_none_is_refused(request_: bytes, base: str) -> None:
    said = raw(base, request_)
    assert said == b"" or b" 400 " in said.split(b"\r\n")[0]
    assert get(f"{base}/").ok, "others are served on"


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py",
                                  "/static/..%2fapp.py", "/static/%2fetc%2fpasswd"])  # fmt: skip
def test_nothing_but_assets_lies_among_them(path: str, base: str) -> None:
    said = raw(
        base, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    assert b" 404 " in said.split(b"\r\n")[0] and b"make_app" not in said and b"root:" not in said


def test_text_of_others_is_shown_as_text(snapshot: Snapshot) -> None:
    hostile = "<script>alert(1)</script> \" onclick='x' \u202e\x1b]0;x\x07 {{ 7*'seven' }}"
    told = Story.of(test=rule())
    told.deployed("test", release(1), end="failed", summary="fine")
    record = told.records[-1]
    told.records[-1] = replace(record, body={**record.body, "summary": hostile})
    shelf = Shelf(snapshot_of(told.records, ("test",), None, told.now))
    with served(shelf.sources()) as base:
        for page in ("/", "/environments/test", f"/releases/{release(1).version}", "/records"):
            text = get(base + page).text
            assert "alert(1)" in text and "<script>alert" not in text
            assert "\u202e" not in text and "\x1b" not in text
            assert "sevenseven" not in text and "onclick='x'" not in text
            raw = get(f"{base}{page}?format=json").content
            assert raw.isascii() and b"\x1b" not in raw


def test_trouble_with_the_ledger_stands_on_every_page(shelf: Shelf, base: str) -> None:
    trouble = Trouble("cannot fetch the ledger from elsewhere", "check the network")
    shelf.snapshot = replace(again(shelf.snapshot), trouble=trouble)
    for page in pages(shelf):
        assert "cannot fetch the ledger" in get(base + page).text
        reading = get(base + page, headers=AS_JSON).json()["reading"]
        assert reading["trouble"] == trouble.text and reading["remedy"] == trouble.remedy


def test_everything_that_pages_load_is_of_here(shelf: Shelf, base: str) -> None:
    for page in pages(shelf):
        text = get(base + page).text
        loaded = re.findall(r'(?:src|href)="([^"]+)"', text)
        assert [one for one in loaded if not one.startswith(("/", "#"))] in ([], [DORA])
        assert " style=" not in text and "<style" not in text
        for asset in (one for one in loaded if one.startswith("/static/")):
            assert get(base + asset).ok, asset


DORA = "https://dora.dev/guides/dora-metrics-four-keys/"  # a link, which loads nothing


def test_ids_of_a_page_are_there_once_and_every_label_leads_somewhere(
    shelf: Shelf, base: str
) -> None:
    for page in pages(shelf):
        text = get(base + page).text
        ids = re.findall(r' id="([^"]+)"', text)
        assert len(ids) == len(set(ids)), page
        labels = {
            one for words in re.findall(r'aria-labelledby="([^"]+)"', text) for one in words.split()
        }
        assert labels <= set(ids), page
        # What has the focus is found again by its id when the page is renewed.
        inside = text.partition("<main")[2]
        assert [one for one in re.findall(r"<a [^>]+>", inside) if " id=" not in one] == [], page
