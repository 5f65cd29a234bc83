"""Salt states of systemd's units: as new as the files that they run on (lib/service.jinja).

Salt's `watch` forgets: a run that is cut off between a changed file and the restart would leave a
service with its old configuration for good. Here the restart follows from what is there: the time
of a unit's last start or reload, and those of its files.
"""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

__opts__: dict[str, Any]  # Salt's loader puts both here
__states__: dict[str, Callable[..., dict[str, Any]]]

RUNS = ("active", "activating", "reloading")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Failed(Exception):
    """What was asked of systemd was not done; the text says why."""


def current(
    name: str,
    files: Sequence[str],
    packages: str = "",
    verb: str = "restart",
    by: str = "",
    timeout: float = 180,
) -> dict[str, Any]:
    """No file of `files` is newer than the last start or reload of the unit `name`.

    Else `systemctl VERB` makes it so and is waited for, or `by`, a line of bash in its place.
    `packages` is the note of how new the packages are that the unit runs on, which need not be
    there (vendor/files/newest.py). `timeout` in seconds. The comment says which file was newer.
    """

    def reasons(systemd: Systemd) -> list[str]:
        return _older(files, packages, systemd.show(name))

    def act(systemd: Systemd) -> None:
        if by:
            _run(name, by, timeout)
        else:
            systemd.tell(verb, name)

    return _so(name, f"{verb}ed", timeout, reasons, act)


def started(
    name: str, files: Sequence[str], packages: str = "", by: str = "", timeout: float = 60
) -> dict[str, Any]:
    """The unit `name` is enabled, runs or begins to, and is as new as `files` and `packages`.

    Else it is unmasked, enabled and restarted, or `by` (a line of bash) runs. The end of the start
    is not waited for: this is for units that take seconds, or wait for others first.
    """

    def reasons(systemd: Systemd) -> list[str]:
        found = [] if systemd.enabled(name) else ["it is not enabled"]
        seen = systemd.show(name)
        if seen["ActiveState"] not in RUNS:
            return [*found, f"it is {seen['ActiveState']}"]
        return found + _older(files, packages, seen)

    def act(systemd: Systemd) -> None:
        if by:
            _run(name, by, timeout)
            return
        systemd.tell("unmask", name)
        systemd.tell("enable", name)
        systemd.tell("restart", "--no-block", name)

    return _so(name, "started", timeout, reasons, act)


def loaded(
    name: str, units: Sequence[str], settings: str = "", timeout: float = 60
) -> dict[str, Any]:
    """systemd knows `units` as their files are now; else it reads all files again.

    `settings` names a file that is in each unit's folder of settings: systemd overlooks a new
    folder when it is asked whether it needs a reload.
    """

    def reasons(systemd: Systemd) -> list[str]:
        return [
            f"the files of {unit} are newer"
            for unit in units
            for seen in [systemd.show(unit)]
            if seen["LoadState"] == "not-found"
            or seen["NeedDaemonReload"] == "yes"
            or settings not in seen["DropInPaths"]
        ]

    return _so(name, "loaded", timeout, reasons, lambda systemd: systemd.tell("daemon-reload"))


def answers(
    name: str,
    url: str,
    seconds: float,
    files: Sequence[str] = (),
    packages: str = "",
    patience: float = 20,
) -> dict[str, Any]:
    """The unit `name` answers 2xx at `url` within `seconds`, as new as `files`. Never a change.

    What was running before a restart may answer, too, as long as the restart goes on: so no job of
    systemd's may wait for the unit, and the process that it has before the question has to be the
    one that it has after it. One answer may take `patience` seconds; redirects are followed. A test
    asks once, and does not call it a failure.
    """
    newest = (files, packages)
    return __states__["command.awaited"](
        name, lambda: _silence(name, url, newest, patience), seconds
    )


def _silence(name: str, url: str, newest: tuple[Sequence[str], str], patience: float) -> str:
    """Why the unit's own process did not answer at `url`; empty where it did."""
    systemd = Systemd(patience)
    try:
        before = systemd.show(name)
        if before["ActiveState"] != "active":
            return f"it is {before['ActiveState']}"
        if before.get("Job", "0") not in ("", "0"):
            return "it is about to be restarted"
        if older := _older(*newest, before):
            return ", ".join(older)
        # Not by way of a proxy: it is this node itself that is asked.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(url, timeout=patience).close()
        now = Systemd(patience).show(name)
    except (Failed, OSError) as error:
        return str(error)
    same = all(now[key] == before[key] for key in ("ActiveState", "MainPID"))
    return "" if same else "it was restarted meanwhile"


def _older(files: Sequence[str], packages: str, seen: dict[str, str]) -> list[str]:
    """Why a unit, as systemd shows it, is older than what it runs on; empty where it is not."""
    since = _moment(seen["StateChangeTimestamp"])
    if since is None:
        return ["it was never started"]
    found = []
    for file in files:
        try:
            if Path(file).lstat().st_mtime_ns > since:
                found.append(f"{file} is newer")
        except FileNotFoundError:
            found.append(f"{file} is missing")
    if packages and Path(packages).exists() and Path(packages).stat().st_mtime_ns > since:
        found.append("a package that it runs on is newer")
    return found


def _moment(told: str) -> int | None:
    """systemd's 'Sat 2026-11-28 15:31:30.123456 UTC' as ns since 1970; None where it tells none."""
    words = told.split()
    if len(words) != 4:
        return None
    when = datetime.fromisoformat(f"{words[1]} {words[2]}+00:00")
    return (when - EPOCH) // timedelta(microseconds=1) * 1000


class Systemd:
    """Asks and tells systemd, all within `timeout` seconds. Raises Failed where that is over."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._until = time.monotonic() + timeout

    def show(self, unit: str) -> dict[str, str]:
        """What systemd says of a unit, as far as this module asks."""
        asked = (
            "ActiveState,StateChangeTimestamp,LoadState,NeedDaemonReload,DropInPaths,Job,MainPID"
        )
        words = ["show", unit, f"--property={asked}", "--timestamp=us+utc"]
        return dict(line.split("=", 1) for line in self._call(words).stdout.splitlines())

    def enabled(self, unit: str) -> bool:
        return self._call(["-q", "is-enabled", unit], good=range(256)).returncode == 0

    def tell(self, *words: str) -> None:
        self._call(["-q", *words])

    def _call(
        self, words: Sequence[str], good: Sequence[int] = (0,)
    ) -> subprocess.CompletedProcess[str]:
        try:
            done = subprocess.run(
                ["systemctl", *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=max(0, self._until - time.monotonic()),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"it takes longer than {self._timeout:g} s") from None
        if done.returncode not in good:
            said = (done.stderr or done.stdout).strip()
            raise Failed(said or f"systemctl {' '.join(words)} ended with {done.returncode}")
        return done


def _run(name: str, line: str, timeout: float) -> None:
    done = __states__["command.ensured"](name, check="false", act=line, timeout=timeout)
    if not done["result"]:
        raise Failed(done["comment"])


def _so(
    name: str,
    told: str,
    timeout: float,
    reasons: Callable[[Systemd], list[str]],
    act: Callable[[Systemd], None],
) -> dict[str, Any]:
    """What a state function returns: as wanted where there are no `reasons`, else by `act`."""
    systemd, test = Systemd(timeout), bool(__opts__["test"])
    answer: dict[str, Any] = {"name": name, "result": True, "changes": {}, "comment": "as wanted"}
    try:
        why = reasons(systemd)
        if why and not test:
            act(systemd)
    except Failed as error:
        return {**answer, "result": False, "comment": str(error)}
    if why:
        answer["result"] = None if test else True
        answer["changes"] = {name: told}
        answer["comment"] = f"{'would be ' if test else ''}{told}: {', '.join(why)}"
    return answer
