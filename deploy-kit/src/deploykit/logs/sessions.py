"""Sessions' logs, taken into the store: what calls of deploy-kit leave in folders of their own.

A folder is named `TIME-COMMAND-PID`, and gets a file `ending.json` when its call ends.
"""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path

from deploykit.base import files, times
from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.printable import one_line
from deploykit.base.processes import is_gone
from deploykit.logs.masking import masked
from deploykit.logs.runs import Ending, Run, read_log
from deploykit.logs.store import Store
from deploykit.site import Site

ENDING = "ending.json"
FOLDER = re.compile(r"(?P<time>\d{8}T\d{6})-(?P<command>[a-z-]+)-(?P<pid>\d+)(?:-\d+)?")


def write_ending(folder: Path, error: BaseException | None) -> None:
    """Write down how the call with this folder of logs ended: `error` is what ended it, if any.

    What cannot be written is left: the call's own end is what counts.
    """
    ending = _ending_of(error)
    message = one_line(masked(getattr(error, "message", "") or str(error or "")), 2000)
    outcome = {"ending": ending, "error": "" if ending is Ending.PASSED else message}
    with contextlib.suppress(OSError):
        text = json.dumps({**outcome, "ended": times.iso(times.utc_now())})
        files.write(folder / ENDING, text, mode=0o600)


def _ending_of(error: BaseException | None) -> Ending:
    """How a call ended that `error` ended; an exit that says 0 is none."""
    if error is None or getattr(error, "exit_code", None) == 0:
        return Ending.PASSED
    if isinstance(error, KeyboardInterrupt):
        return Ending.STOPPED
    return Ending.FAILED


def take_in(site: Site) -> int:
    """Take the site's sessions that ended into the store; how many were new."""
    store = Store(site.runs)
    there = store.ids()
    folders = [folder for folder in _folders(site.logs) if folder.name not in there]
    return sum(_take(store, folder) for folder in sorted(folders))


def take_in_one(site: Site, folder: Path) -> None:
    """Take the session of this folder in, if it ended. Never fails: its logs lie there as well."""
    store = Store(site.runs)
    with contextlib.suppress(OSError, DeployKitError):
        if not store.has(folder.name):
            _take(store, folder)


def _folders(logs: Path) -> list[Path]:
    if not logs.is_dir():
        return []
    return [
        folder
        for folder in logs.iterdir()
        if FOLDER.fullmatch(folder.name) and not folder.is_symlink()
    ]


def _take(store: Store, folder: Path) -> bool:
    run = run_in(folder)
    if run is None:
        return False
    logs = []
    for file in sorted(folder.glob("*.log")):
        with contextlib.suppress(InputError):  # another call may be clearing the folder away
            logs.append(read_log(file))
    return store.put(run, logs)


def run_in(folder: Path) -> Run | None:
    """The run that left its logs in `folder`; None while it goes on, or if it left none."""
    named = FOLDER.fullmatch(folder.name)
    if named is None:
        return None
    began = datetime.strptime(named["time"], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    ended, ending, error = _read_ending(folder)
    if ended is None:
        if not is_gone(int(named["pid"])):
            return None
        newest = max((log.stat().st_mtime for log in folder.glob("*.log")), default=None)
        ended = began if newest is None else datetime.fromtimestamp(int(newest), UTC)
    return Run(folder.name, named["command"], began, max(began, ended), ending, error)


def _read_ending(folder: Path) -> tuple[datetime | None, Ending, str]:
    """When and how the call ended, and what was told; None, `UNKNOWN` and '' if it did not say."""
    try:
        document = json.loads((folder / ENDING).read_text(encoding="utf-8"))
        return times.parse(document["ended"]), Ending(document["ending"]), str(document["error"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, Ending.UNKNOWN, ""
