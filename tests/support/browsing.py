"""Chromium for tests: Debian's own, driven by Playwright, with axe-core to judge what it shows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from npmpackages import npm_packages
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

AXE = Path(__file__).parent / "axe"
DESKTOP, PHONE = (1280, 900), (390, 844)  # pixels
VIEWS = {
    "desktop": (DESKTOP, False), "phone": (PHONE, False), "dark": (DESKTOP, True),
    "dark-phone": (PHONE, True),
}  # fmt: skip
PICTURES = Path(__file__).resolve().parents[2] / "docs" / "img"
STATES_PICTURE = "web-entry-states.png"
MOST = 150_000  # bytes of a picture
PROGRAMS = ("chromium-headless-shell", "chromium")
PATIENCE = 60_000.0  # milliseconds, on a busy machine


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window. Skips the test where there is none."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("there is no Chromium: deploy-kit/setup --tests installs it")
    with sync_playwright() as playwright:
        # Its sandbox wants user namespaces, which a container may not have; pages are our own.
        yield playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])


@contextmanager
def context(
    browser: Browser,
    size: tuple[int, int] = DESKTOP,
    *,
    dark: bool = False,
    scripts: bool = True,
) -> Iterator[BrowserContext]:
    """What one person has open: a screen of `size`, light or dark, with scripts or without."""
    width, height = size
    made = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
    )
    made.set_default_timeout(PATIENCE)
    try:
        yield made
    finally:
        made.close()


def complaints(page: Page) -> list[str]:
    """What the browser will say of a page's faults: refused assets, errors of scripts. A list that
    grows."""
    faults: list[str] = []

    def note_error(message: Any) -> None:
        if message.type == "error":
            faults.append(message.text)

    page.on("console", note_error)
    page.on("pageerror", lambda error: faults.append(str(error)))
    return faults


def seen_focus(page: Page) -> bool:
    """Whether what has the focus is marked by a frame, and lies on the screen."""
    found: bool = page.evaluate(
        "() => { const one = document.activeElement, box = one.getBoundingClientRect(),"
        " style = getComputedStyle(one);"
        " return style.outlineStyle !== 'none' && box.left >= 0 && box.right <= innerWidth"
        " && box.bottom >= 0 && box.top <= innerHeight }"
    )
    return found


def serious_findings(page: Page) -> list[str]:
    """What axe-core finds on a page that is serious or critical, one line each."""
    source = (npm_packages(AXE) / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    page.evaluate(source)
    report: dict[str, Any] = page.evaluate("() => axe.run(document)")
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]}"
        for violation in report["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
