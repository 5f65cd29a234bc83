"""`deploy-kit web` as a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.waiting import wait_until

BIN = Path(sys.executable).parent
PATIENCE = 60.0  # seconds that a start may take on a busy machine


@dataclass
class Web:
    """A server that runs, and the file of what it has said."""

    process: subprocess.Popen[str]
    log_file: Path

    @property
    def text(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    @property
    def base(self) -> str:
        """Where it serves, once it says so."""
        assert wait_until(lambda: "until Ctrl-C" in self.text, PATIENCE), self.text
        match = re.search(r"(http://\S+)/ shows", self.text)
        assert match is not None
        return match[1]


@contextmanager
def web(site: Path, log_file: Path, *words: str) -> Iterator[Web]:
    """Serve the pages of `site`, and end that with the block."""
    with log_file.open("w") as log:
        process = subprocess.Popen(
            [BIN / "deploy-kit", "--site", site, "web", *words],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
    try:
        yield Web(process, log_file)
    finally:
        process.kill()
        process.wait()
