"""Why people had tests run again: the bug that each `recheck bug NNN` names, counted once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from deploykit.base import files
from deploykit.base.errors import InputError
from deploykit.base.filelock import locked

FILE = "rechecks.json"
LOCK = 30.0  # seconds


class Rechecks:
    """The comments that name a bug, and which; kept in `folder`, beside the runs."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    def note(self, bugs: Mapping[str, str]) -> None:
        """Keep the bugs of comments, by the comments' ids; one that is kept already stays.

        Raises OSError, and DeployKitError as `bugs_by_comment` and if others hold the file.
        """
        if not bugs.keys() - self.bugs_by_comment().keys():
            return
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self._file.with_name(f".{FILE}.lock"), LOCK):
            files.write(self._file, json.dumps({**bugs, **self.bugs_by_comment()}), mode=0o600)

    def counts(self) -> dict[str, int]:
        """How often each bug was named, the most first. Raises InputError for a damaged file."""
        return dict(Counter(self.bugs_by_comment().values()).most_common())

    def bugs_by_comment(self) -> dict[str, str]:
        """The bug of each comment that names one. Raises InputError for a damaged file."""
        try:
            bugs: dict[str, str] = json.loads(self._file.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            raise InputError(f"{self._file}: damaged", "remove it; the counts begin anew") from None
        return bugs
