"""Files of test results as others write them, and pytest's own of a session that is not over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from _pytest.junitxml import LogXML

OUTCOMES = {"passed": "", "failed": "<failure/>", "error": "<error/>", "skipped": "<skipped/>"}


def write(
    file: Path,
    outcomes: Sequence[str] = ("passed", "passed"),
    began: datetime | None = None,
    seconds: float = 1.0,
) -> Path:
    """JUnit XML of tests with these outcomes, numbered; they began now, where nothing is said."""
    stamp = (began or datetime.now(UTC)).isoformat()
    cases = "".join(
        f'<testcase classname="suite" name="test_{n}">{OUTCOMES[outcome]}</testcase>'
        for n, outcome in enumerate(outcomes)
    )
    file.write_text(f'<testsuite timestamp="{stamp}" time="{seconds}">{cases}</testsuite>')
    return file


class SoFar:
    """What the tests of this session find from now on, until it is written: by pytest's writer."""

    NAME = "results-so-far"

    def __init__(self, config: pytest.Config, file: Path) -> None:
        self._config, self._file = config, file
        self._log = LogXML(file, None)
        self._log.pytest_sessionstart()
        config.pluginmanager.register(self._log, self.NAME)

    def end(self) -> None:
        """Listen no more; the test that calls this is not among the results."""
        if self._config.pluginmanager.has_plugin(self.NAME):
            self._config.pluginmanager.unregister(name=self.NAME)

    def written(self) -> Path:
        """The file with the results."""
        self.end()
        self._log.pytest_sessionfinish()
        return self._file
