"""Every command that gitshelf's pages show is run as shown, and prints what they show."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import consoledoc
import pytest
from gitshelf.manifest import parse

PACKAGE = Path(__file__).resolve().parents[3] / "gitshelf"
PAGES = [PACKAGE / "README.md", *sorted((PACKAGE / "docs").glob("*.md"))]


def check(page: Path, folder: Path, env: Mapping[str, str]) -> None:
    """Run a page in a folder and fail with all that is not as it shows."""
    shown = consoledoc.commands(page.read_text("utf-8"))
    assert shown
    ran = consoledoc.run(shown, folder, {**consoledoc.ENVIRONMENT, **env})
    pairs = zip(shown, ran, strict=False)
    wrong = [text for one, became in pairs if (text := consoledoc.wrong(one, became))]
    if wrong and "pip install" in wrong[0] and re.search("ReadTimeout|No matching distr", wrong[0]):
        message = "no package index can be reached from here"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    assert not wrong, f"{page}: " + "\n\n".join(wrong)
    assert len(ran) == len(shown)


@pytest.mark.lengthy
@pytest.mark.timeout(660)
def test_readme_is_true_from_its_installation_on(tmp_path: Path) -> None:
    consoledoc.copy_package(PACKAGE, tmp_path)
    check(PAGES[0], tmp_path, {"PYTHONPATH": "", "VIRTUAL_ENV": ""})


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.name)
def test_other_pages_are_true(page: Path, tmp_path: Path) -> None:
    binary = tmp_path / ".bin"
    binary.mkdir()
    (binary / "gitshelf").write_text(f'#!/bin/sh\nexec {sys.executable} -m gitshelf "$@"\n')
    (binary / "gitshelf").chmod(0o755)
    check(page, tmp_path, {"PATH": f"{binary}:{os.environ['PATH']}"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_manifests_that_are_shown_can_be_read(page: Path) -> None:
    for text in re.findall(r"^```yaml\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S):
        if re.search("^books:", text, re.M):
            assert parse(text.encode(), page).books
        elif text.startswith("lint:"):
            assert parse((text + "books: []\n").encode(), page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        other = page.parent / path if path else page
        assert other.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", other.read_text("utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles}


def test_page_that_shows_something_else_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```console\n$ echo one\none\n$ echo 12345678\n1234…\n$ false # exits with 1\n```\n"
    )
    check(page, tmp_path, {})
    for old, new in [("\none\n", "\ntwo\n"), ("1234…", "1234"), ("with 1", "with 2")]:
        (tmp_path / "wrong.md").write_text(page.read_text().replace(old, new))
        with pytest.raises(AssertionError, match="line "):
            check(tmp_path / "wrong.md", tmp_path, {})
