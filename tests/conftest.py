"""For every test: what it needs must be there in CI, and where the checkout is."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

CHECKOUT = Path(__file__).resolve().parent.parent

# How fast this machine makes examples, beside other work, says nothing of the code.
settings.register_profile(
    "unhurried",
    parent=settings.get_profile("ci" if os.environ.get("CI") else "default"),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The top of the checkout that these tests belong to."""
    return CHECKOUT


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With CI=true a test that skips for want of its input fails: green must mean tested.

    What the product's errors say beside their message is shown where one ends a test.
    """
    report = yield
    remedy = getattr(call.excinfo.value, "remedy", "") if call.excinfo else ""
    if report.failed and remedy:
        report.sections.append(("the error's remedy", str(remedy)))
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} would skip, which CI does not accept: {reason}"
    return report
