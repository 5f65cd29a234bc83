"""Salt states of what a command brings about or is asked (lib/command.jinja, lib/health.jinja).

Salt's `cmd.run` answers `unless` by loading every module it has, most of a second for each state.
These ask in bash and nothing of Salt. Commands get no input, and the minion's environment; what a
command leaves running when it ends is not waited for. Secrets for it are named by their place in
pillar (`env_pillar`): what stands in a state itself is kept in the minion's cache on disk.

A line of several steps ends at the first that fails (`bash -e`), also in the middle of a pipe where
it brings something about. bash forgets that within `{ …; } ||`, `if …;` and before `&&`, so steps
do not stand there (tests/support/shellsteps.py).
"""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import IO, Any

# Salt's loader puts them here.
__opts__: dict[str, Any]
__pillar__: Mapping[str, Any]

ASKING = ("/bin/bash", "-e", "-c")
# `grep -q` ends before whoever speaks to it: that is no failure where something is only asked.
ACTING = ("/bin/bash", "-e", "-o", "pipefail", "-c")
TOLD = 2000  # bytes of what a command printed that become a comment: its end, where the reason is
PAUSE = 0.3  # seconds between two questions
GRACE = 15  # seconds that the last question may take beyond the time of waiting


class Late(Exception):
    """The command did not end in its time; it was killed, with all it had started."""


class Unable(Exception):
    """The command could not be started; the text says why."""


Places = Mapping[str, str | Mapping[str, str]]


def ensured(
    name: str,
    check: str,
    act: str,
    told: str = "brought about",
    runas: str = "root",
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
    env_pillar: Places | None = None,
) -> dict[str, Any]:
    """`check` succeeds: where it does not, `act` runs, and then it counts as done.

    Both are lines of bash, run as the account `runas` with `env` and `env_pillar` (see `_secret`)
    beside what is there; together they may take `timeout` seconds. `told` says in one or two words
    what `act` did; the end of what it printed stands behind that, or says why it failed.
    """
    until = time.monotonic() + timeout
    try:
        env = {**(env or {}), **_secret(env_pillar)}
        if _bash(ASKING, check, runas, env, until)[0] == 0:
            return _answer(name, True, "as wanted")
        if __opts__["test"]:
            return _answer(name, None, f"would be {told}", {name: told})
        status, said = _bash(ACTING, act, runas, env, until)
    except Late:
        return _answer(name, False, f"it takes longer than {timeout:g} s")
    except Unable as error:
        return _answer(name, None if __opts__["test"] else False, str(error))
    if status != 0:
        return _answer(name, False, said or f"it ended with status {status} and said nothing")
    return _answer(name, True, f"{told}: {said}" if said else told, {name: told})


def answers(
    name: str,
    check: str,
    seconds: float,
    env: Mapping[str, str] | None = None,
    env_pillar: Places | None = None,
) -> dict[str, Any]:
    """`check`, a line of bash, succeeds within `seconds`. Never a change.

    A test asks once, and does not call it a failure. `env_pillar` as for `ensured`.
    """
    began = time.monotonic()
    try:
        env = {**(env or {}), **_secret(env_pillar)}
    except Unable as error:
        return _answer(name, False, str(error))

    def silence() -> str:
        try:
            status, said = _bash(ASKING, check, "root", env, began + seconds + GRACE)
        except Late:
            return "the question itself takes too long"
        if status == 0:
            return ""
        return said.splitlines()[-1] if said else f"status {status}"

    return awaited(name, silence, seconds)


def awaited(name: str, silence: Callable[[], str], seconds: float) -> dict[str, Any]:
    """What asks gets its answer within `seconds`: `silence` returns why there is none, else ''.

    Never a change. A test asks once, and does not call it a failure. For state modules (`unit`);
    no file of states can hand over a function.
    """
    until = time.monotonic() + seconds
    while why := silence():
        if __opts__["test"]:
            return _answer(name, None, f"no healthy answer yet: {why}")
        if time.monotonic() >= until:
            return _answer(name, False, f"no healthy answer within {seconds:g} s: {why}")
        time.sleep(PAUSE)
    return _answer(name, True, "it answers")


def _answer(
    name: str, result: bool | None, comment: str, changes: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What a state function returns; `result` None is a test that is not as wanted."""
    return {"name": name, "result": result, "comment": comment, "changes": dict(changes or {})}


def _bash(
    bash: tuple[str, ...], line: str, runas: str, env: Mapping[str, str] | None, until: float
) -> tuple[int, str]:
    """(exit status, end of what was printed) of a line that `bash` may run `until`, monotonic.

    Raises Late, and Unable where there is no such account.
    """
    account = _account(runas)
    other = account.pw_uid != os.geteuid()
    home = {"HOME": account.pw_dir, "USER": runas, "LOGNAME": runas, "SHELL": "/bin/bash"}
    with tempfile.TemporaryFile() as printed:  # a pipe would be held by what is left running
        process = subprocess.Popen(
            [*bash, line],
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={**os.environ, "LC_ALL": "C.UTF-8", **home, **_texts(env)},
            start_new_session=True,
            user=account.pw_uid if other else None,
            group=account.pw_gid if other else None,
            extra_groups=os.getgrouplist(runas, account.pw_gid) if other else None,
        )
        try:
            status = process.wait(max(0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise Late from None
        return status, _end(printed)


def _account(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise Unable(f"there is no account '{name}' on this node") from None


def _secret(places: Places | None) -> dict[str, str]:
    """The variables of `places`: variable -> place in pillar, as `secrets:keystone_admin`.

    With a mapping in the place of a place, JSON of an object with the text of each of its places.
    Raises Unable where pillar has nothing there.
    """
    return {
        variable: _in_pillar(place)
        if isinstance(place, str)
        else json.dumps({key: _in_pillar(one) for key, one in place.items()})
        for variable, place in (places or {}).items()
    }


def _in_pillar(place: str) -> str:
    found: Any = __pillar__
    for key in place.split(":"):
        if not isinstance(found, Mapping) or key not in found:
            raise Unable(f"pillar has no {place} for this node")
        found = found[key]
    return str(found)


def _texts(env: Mapping[str, str] | None) -> dict[str, str]:
    """YAML's numbers as the words that an environment holds."""
    return {key: str(value) for key, value in (env or {}).items()}


def _end(printed: IO[bytes]) -> str:
    printed.seek(max(0, printed.seek(0, os.SEEK_END) - TOLD))
    return printed.read().decode(errors="replace").strip()
