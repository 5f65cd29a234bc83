"""What an approver reads of packages and of what Salt would make otherwise, in a browser.

`SCREENSHOTS=1` makes the picture of docs/img anew.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import (
    MOST,
    PICTURES,
    STATES_PICTURE,
    VIEWS,
    complaints,
    context,
    seen_focus,
    serious_findings,
)
from deploykit.base.times import utc_now
from deploykit.board.approval import Live
from deploykit.board.approval_page import page_json, render_page
from deploykit.mirror.difference import SourceChange
from deploykit.release import Release
from deploykit.release.packages import VendorChange
from deploykit.release.page import Page
from deploykit.release.states import StateChange, StatesChange, Unrendered
from deploykit.site.going_back import Move, RollbackClass, way_back
from deploykit.web.kept import Answer
from gitshelf.compare.comparison import Change
from ledgerbook import Named, Story, release, rule
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as Tab
from webpages import Shelf, served, snapshot_of

from gitshelf import BookChanges

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
ONE, TWO = release(1), release(2)
NODES = (
    ("controller", ("database", "messaging", "cache", "identity", "image", "placement",
                    "compute-api", "network-api", "load-balancer")),
    ("compute1", ("hypervisor",)),
)  # fmt: skip
CONF = (
    "   [token]", "-  expiration = 3600", "+  expiration = 7200", "   [cache]",
    "+  memcache_servers = inet6:[fd00:10:20::11]:11211,inet6:[fd00:10:20::12]:11211,"
    "inet6:[fd00:10:20::13]:11211",
)  # fmt: skip
UNIT = ("+[Service]", "+ExecStart=/usr/bin/memcached_exporter --web.listen-address=127.0.0.1:9150")


def built(what: Named) -> Release:
    return Release(what.version, what.digest, Path("kits"), Path("pins.yml"))


def changed(component: str, what: str, *roles: str, **more: object) -> StateChange:
    nodes = ("compute1",) if "hypervisor" in roles else ("controller",)
    told = {"kind": "changed", "lines": CONF, "more": 0, **more}
    return StateChange(component, what, roles=roles, nodes=nodes, digest="d" * 64, **told)  # type: ignore[arg-type]


def whole_page() -> Page:
    """A release with a commit, mended packages, states that differ, one that does not render."""
    before, after = (hashlib.sha1(word.encode()).hexdigest() for word in ("before", "after"))
    commit = Change(after, "Kim", 1_795_000_000, "keystone: tokens hold longer", (), ())
    books = (BookChanges("salt", "changed", before, after, "u", (commit,)),)
    sources = (
        SourceChange("openssl", "3.0.17-1~deb12u2", "3.0.17-1~deb12u3", ("libssl3", "openssl"), (),
                     ("CVE-2025-9230", "CVE-2025-9231", "CVE-2025-9232", "DSA-6015-1")),
        SourceChange("nova", "2:26.2.2-1~deb12u2", "2:26.2.2-1~deb12u3", ("nova-compute",),
                     ("compute-api", "hypervisor"), ("CVE-2024-40767",)),
    )  # fmt: skip
    states = StatesChange(
        "production",
        NODES,
        (
            changed("keystone", "/etc/keystone/keystone.conf", "identity"),
            changed("memcached", "/etc/systemd/system/memcached_exporter.service", "cache",
                    kind="new", lines=UNIT, more=7),
            changed("nova", "nova_config_a_state_with_a_name_that_is_longer_than_a_phone_is_wide_",
                    "hypervisor", kind="gone", lines=("-file.managed: /etc/nova/nova.conf",)),
        ),
        (Unrendered(TWO.version, "compute1", "Jinja variable 'dict object' has no attribute 'x'"),),
    )  # fmt: skip
    vendor = VendorChange("a" * 64, "b" * 64, sources, comes_back=True)
    moves = (Move("the schema of keystone", "zed", "antelope", RollbackClass.RESTORE),)
    return Page(built(ONE), built(TWO), books, moves, vendor, states)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The page of an entry, served."""
    story = Story.of(test=rule(), production=rule("test", approvals=1))
    story.deployed("test", ONE).deployed("production", ONE).deployed("test", TWO)
    shelf = Shelf(snapshot_of(story.records, ("test", "production"), None, story.now))
    edge = (ONE.digest, TWO.digest, "production")
    shelf.edges[edge] = Answer(whole_page(), utc_now())
    with served(shelf.sources()) as base:
        yield f"{base}/environments/production/entry/{TWO.version}"


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `release diff --format html` prints, as a file."""
    page, live = whole_page(), Live((), None, ())
    text = render_page(page, live, page_json(page, live, way_back(page.moves)), "html")
    file = tmp_path_factory.mktemp("printed") / "page.html"
    file.write_text(text, encoding="utf-8")
    return file.as_uri()


@pytest.mark.parametrize("view", VIEWS)
def test_states_and_packages_are_read_without_a_serious_finding(
    address: str, printed: str, browser: Browser, view: str
) -> None:
    size, dark = VIEWS[view]
    for path in (address, printed):
        with context(browser, size, dark=dark) as opened:
            tab = opened.new_page()
            told = complaints(tab)
            tab.goto(path)
            expect(tab.locator("body")).to_contain_text("memcache_servers = inet6:")
            expect(tab.locator("body")).to_contain_text("CVE-2025-9230")
            expect(tab.locator("body")).to_contain_text("compute1: Jinja variable")
            assert serious_findings(tab) == [], path
            assert told == [], path


@pytest.mark.parametrize("width", [390, 320])
def test_long_lines_of_a_difference_make_no_page_wider_than_a_phone(
    address: str, printed: str, browser: Browser, width: int
) -> None:
    with context(browser, (width, 700)) as opened:
        tab = opened.new_page()
        for path in (address, printed):
            tab.goto(path)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, path


def test_keyboard_alone_comes_from_the_top_to_the_digest_and_sees_where_it_is(
    address: str, browser: Browser
) -> None:
    with context(browser) as opened:
        tab = opened.new_page()
        tab.goto(address)
        reached = walk(tab)
        assert {TWO.version, ONE.version, "production"} <= set(reached)
        tab.keyboard.press("End")
        expect(tab.locator("#fixed ~ p code").last).to_be_in_viewport()


def walk(tab: Tab) -> list[str]:
    """What each stop of the tab key shows, to the last one."""
    count = tab.evaluate(
        "[...document.querySelectorAll('a, button, [tabindex=\"0\"]')].filter("
        "one => one.checkVisibility()).length"
    )
    reached = []
    for _ in range(count):
        tab.keyboard.press("Tab")
        assert seen_focus(tab), tab.evaluate("document.activeElement.outerHTML")
        reached.append(tab.locator(":focus").inner_text())
    return reached


def test_without_scripts_states_can_be_read(address: str, browser: Browser) -> None:
    with context(browser, scripts=False) as opened:
        tab = opened.new_page()
        tab.goto(address)
        expect(tab.get_by_role("heading", name="What Salt would make otherwise")).to_be_visible()
        expect(tab.locator("main")).to_contain_text("expiration = 7200")


def test_picture_of_the_guide_is_small_and_can_be_made_anew(
    address: str, browser: Browser, tmp_path: Path
) -> None:
    folder = PICTURES if os.environ.get("SCREENSHOTS") else tmp_path
    with context(browser, (1000, 900)) as opened:
        tab = opened.new_page()
        tab.goto(address)
        tab.locator("section[aria-labelledby=fixed]").screenshot(path=folder / STATES_PICTURE)
    for file in (folder / STATES_PICTURE, PICTURES / STATES_PICTURE):
        assert file.stat().st_size < MOST, file
