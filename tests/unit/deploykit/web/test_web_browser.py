"""The pages in a browser, as people have them: by keyboard, on a phone, in the dark, scriptless.

The server is the real command, on a site with a real ledger.
`SCREENSHOTS=1` makes those of docs/img anew.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browsing import (
    DESKTOP,
    MOST,
    PHONE,
    PICTURES,
    STATES_PICTURE,
    VIEWS,
    complaints,
    context,
    seen_focus,
    serious_findings,
)
from deploykit.base.times import utc_now
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import decision_body
from deploykit.site import open_site
from ledgerbook import Keys, Named, make_site
from playwright.sync_api import Browser, Page, expect
from webcommand import Web, web
from webworld import cut_last, environment_files, journey, tell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]


@dataclass
class World:
    """A site that is served, and its ledger; `waiting` is held up before production, `newest`
    before staging."""

    web: Web
    ledger: Ledger
    waiting: Named
    newest: Named

    @property
    def entry(self) -> str:
        """The page of who may approve what waits."""
        return f"/environments/production/entry/{self.waiting.version}"

    def pages(self) -> list[str]:
        return ["/", "/releases", f"/releases/{self.waiting.version}", "/environments/production",
                "/environments/staging", self.entry, "/figures", "/queue", "/pods",
                "/records", "/records/7", "/nothing"]  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("web")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.delenv("DEPLOY_KIT_KEY", raising=False)
        make_site(folder)
        site = open_site(folder / "site")
        environment_files(site)
        (site.folder / "gate.yml").write_text("")
        told = journey(utc_now(), weeks=8)
        ledger = tell(site, keys, told.records)
        waiting, newest = told.runs["staging"], told.runs["test"]
        cut_last(site, newest)
        with web(site.folder, folder / "said", "--listen", "127.0.0.1:0") as running:
            assert running.base
            yield World(running, ledger, waiting, newest)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with context(browser) as opened:
        yield opened.new_page()


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious_and_the_browser_no_fault(
    world: World, browser: Browser, view: str
) -> None:
    size, dark = VIEWS[view]
    with context(browser, size, dark=dark) as opened:
        for path in world.pages():
            page = opened.new_page()
            told = complaints(page)
            page.goto(world.web.base + path)
            assert serious_findings(page) == [], path
            assert [one for one in told if "404" not in one] == [], path
            assert not told or path == "/nothing", path
            page.close()


def test_axe_sees_what_is_wrong(page: Page, world: World) -> None:
    page.goto(world.web.base)
    page.evaluate("() => document.querySelector('main').insertAdjacentHTML('afterbegin', "
                  "'<img src=\"/static/icon.svg\"><a href=\"/\"></a>')")  # fmt: skip
    found = serious_findings(page)
    assert any(one.startswith("image-alt") for one in found)
    assert any(one.startswith("link-name") for one in found)


def test_keyboard_alone_finds_why_a_release_is_not_in_production(world: World, page: Page) -> None:
    page.goto(world.web.base)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the page")
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        assert seen_focus(page), page.evaluate("document.activeElement.outerHTML")
        if page.locator(":focus").get_attribute("id") == "next-production":
            break
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(f"Release {world.waiting.version}")
    answer = page.locator(".answer")
    expect(answer.locator("h2")).to_have_text("Why it is not in production")
    expect(answer).to_contain_text("one more approval is needed for production")
    expect(answer).to_contain_text(f"deploy-kit approve {world.waiting.version} production")


def test_every_link_and_table_is_reached_by_keyboard(world: World, page: Page) -> None:
    page.goto(world.web.base + "/figures")
    wanted = page.evaluate("document.querySelectorAll('a, [tabindex=\"0\"]').length")
    reached = set()
    for _ in range(wanted):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.outerHTML"))
    assert len(reached) == wanted


@pytest.mark.parametrize("width", [390, 320])
def test_no_page_is_wider_than_a_phone(world: World, browser: Browser, width: int) -> None:
    with context(browser, (width, 700)) as opened:
        page = opened.new_page()
        for path in world.pages():
            page.goto(world.web.base + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_dark_is_dark_and_light_is_light(world: World, browser: Browser) -> None:
    shades = {}
    for dark in (False, True):
        with context(browser, dark=dark) as opened:
            page = opened.new_page()
            page.goto(world.web.base)
            told = page.evaluate("getComputedStyle(document.body).backgroundColor")
            shades[dark] = sum(map(int, re.findall(r"\d+", told)[:3]))
    assert shades[True] < 150 < 600 < shades[False]


def test_without_scripts_everything_can_be_read(world: World, browser: Browser) -> None:
    with context(browser, scripts=False) as opened:
        page = opened.new_page()
        page.goto(world.web.base)
        expect(page.locator("#station-production")).to_be_visible()
        page.click("#next-production")
        expect(page.locator(".answer")).to_contain_text("one more approval is needed")
        page.goto(world.web.base + "/figures")
        expect(page.locator("svg.chart").first).to_be_visible()
        expect(page.get_by_role("img", name="Deployments per week")).to_be_visible()


def test_new_record_comes_without_a_reload_and_the_focus_stays(world: World, page: Page) -> None:
    page.goto(world.web.base + "/environments/staging")
    statuses: list[int] = []
    page.on("response", lambda answer: statuses.append(answer.status))
    page.focus("#next-staging")
    page.evaluate("window.kept = true")
    body = decision_body("hold", environment="staging", reason="somebody looks at it")
    world.ledger.append(lambda records, now: body)
    expect(page.locator("main")).to_contain_text("somebody looks at it", timeout=60_000)
    assert page.evaluate("window.kept") is True
    expect(page.locator("#next-staging")).to_be_focused()
    page.wait_for_function("() => true", timeout=60_000)
    for _ in range(20):
        if 304 in statuses:
            break
        page.wait_for_timeout(1000)
    assert 304 in statuses, "what did not change is not sent again"
    world.ledger.append(lambda records, now: decision_body("unhold", environment="staging"))


def test_page_that_was_stopped_asks_no_more(world: World, page: Page) -> None:
    page.goto(world.web.base)
    page.click("#pause")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(7000)
    assert asked == []
    expect(page.locator("#pause")).to_have_text("live")


def test_paper_has_no_menu(world: World, page: Page) -> None:
    page.goto(world.web.base)
    page.emulate_media(media="print")
    expect(page.locator("header")).to_be_hidden()
    expect(page.locator("#station-production")).to_be_visible()


def test_pictures_of_the_guide_are_small_and_can_be_made_anew(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    folder = PICTURES if os.environ.get("SCREENSHOTS") else tmp_path
    taken = {
        "web-train.png": ("/", DESKTOP, False),
        "web-release-phone.png": (f"/releases/{world.waiting.version}", PHONE, False),
        "web-entry.png": (world.entry, DESKTOP, False),
        "web-figures-dark.png": ("/figures", DESKTOP, True),
    }
    for name, (path, size, dark) in taken.items():
        with context(browser, size, dark=dark) as opened:
            page = opened.new_page()
            page.goto(world.web.base + path)
            page.screenshot(path=folder / name)
        assert (folder / name).stat().st_size < MOST, name
    assert {file.name for file in PICTURES.iterdir()} == {*taken, STATES_PICTURE}
    assert all(file.stat().st_size < MOST for file in PICTURES.iterdir())


def test_server_that_is_gone_is_said_on_the_page(world: World, page: Page) -> None:
    """The last test: nothing is served afterwards."""
    page.goto(world.web.base)
    expect(page.locator("#lost")).to_be_hidden()
    world.web.process.send_signal(signal.SIGTERM)
    assert world.web.process.wait(60) == 0
    expect(page.locator("#lost")).to_be_visible(timeout=60_000)
    expect(page.locator("#station-production")).to_be_visible()
