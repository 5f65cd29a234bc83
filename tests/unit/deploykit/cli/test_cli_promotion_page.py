"""docs/promotion.md: every command is run, and prints what the page shows."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from consoledoc import ENVIRONMENT, Ran, Shown, commands, run, wrong
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import evidence_body, policy_body
from deploykit.release import cutting
from ledgerbook import deploy, make_key, rule

BIN = Path(sys.executable).parent
PRODUCTION = "promotion:\n  from: test\n  checks: {smoke: {}}\n"


@pytest.fixture
def site_of_the_page(checkout_with_site: Any) -> Any:
    """test and production run 2026.46.1, test alone 2026.47.1, which somebody else wrote."""
    checkout = checkout_with_site
    folder = checkout.site.folder / "environments"
    (folder / "staging.yml").unlink()
    text = (folder / "test.yml").read_text()
    (folder / "production.yml").write_text(text.replace("test", "production") + PRODUCTION)
    checkout.git("add", "-A")
    checkout.git("commit", "-qm", "two environments")
    ledger = Ledger.open(checkout.site)
    policy = {"test": rule(), "production": rule("test", smoke=(1, 1))}
    authors = {**policy, "production": rule("test", without=["author"], smoke=(1, 1))}
    ledger.append(lambda records, now: policy_body(authors))
    for version in ("2026.46.1", "2026.47.1"):
        checkout.change(f"version: {version}\n")
        done = cutting.cut(
            checkout.site, ledger, commit=False, version=version, today=date(2026, 11, 21)
        )
        deploy(ledger, done.release, "test")
        passed = evidence_body(
            check="smoke", release=done.release.digest, over=None, environment="test",
            result="passed", attempt=1, seconds=4,
        )  # fmt: skip
        ledger.append(lambda records, now, passed=passed: passed)
        if version == "2026.46.1":
            deploy(ledger, done.release, "production")
    ledger.append(lambda records, now: policy_body(policy))
    checkout.change("fixed: true\n")
    key = make_key(checkout.folder.parent / "jo", "jo@example.org")
    for name in ("jo@example.org", "jo@example.org.pub"):
        target = checkout.folder / name.replace("@example.org", "")
        (key.file.parent / name).rename(target)
    return checkout


def run_page(page: Path, checkout: Any) -> tuple[list[Shown], list[Ran]]:
    """The commands of the page and what became of them, in a clone that holds the site."""
    shown = commands(page.read_text("utf-8"))
    env = {**ENVIRONMENT, "PATH": f"{BIN}:{os.environ['PATH']}", "TZ": "UTC", "USER": "kim"}
    return shown, run(shown, checkout.folder, env)


@pytest.mark.timeout(300)
def test_every_command_of_the_page_prints_what_it_shows(
    checkout: Path, site_of_the_page: Any
) -> None:
    shown, ran = run_page(checkout / "docs" / "promotion.md", site_of_the_page)
    assert len(ran) == len(shown) > 10
    assert [told for pair in zip(shown, ran, strict=True) if (told := wrong(*pair))] == []
