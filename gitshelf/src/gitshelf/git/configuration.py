"""What of a person's git configuration counts for gitshelf: how servers are reached, nothing else.

A setting that decides what git prints, fetches or writes would let the same command mean something
else for each person. So git is given, as its only global configuration, a file with the settings
that name servers, proxies, certificates and credentials. Format and keys: git-config(1).

The file is in memory (`memfd_create`), for it may hold tokens, and is there as long as this
process.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from gitshelf.base import process
from gitshelf.base.errors import GitshelfError
from gitshelf.git.urls import server_of

Setting = tuple[str, str | None]
"""A key as git lists it, section and variable in small letters, and its value; None for `key`
without `=`."""

_TIMEOUT = 30.0
# Texts, as patterns of this size take a millisecond to compile, which only those pay who ask git.
_COUNTS = (
    r"(?s)"
    r"(url|http|credential)\..*|core\.(sshcommand|gitproxy)|ssh\.variant|safe\.directory|"
    r"lfs\.(activitytimeout|dialtimeout|tlstimeout|keepalive|concurrenttransfers|maxretries)|"
    r"lfs\.(transfer|customtransfer|ssh)\..*|lfs\.(.*\.)?(access|standalonetransferagent)|"
    # What git-lfs sets up for a user: without it git would take each object for a change.
    r"filter\.lfs\.(clean|smudge|process|required)"
)
_FOR_ANY_SERVER = (
    r"http\.(extraheader|cookiefile|savecookies|sslcert|sslkey|sslcertpasswordprotected|"
    r"emptyauth|delegation)|credential\.(helper|username)"
)
"""Settings that hand a credential to any server that is asked, as they name none."""
_BASE = r"(?s)url\.(.*)\.(?:push)?insteadof"
_NOTHING = "[core]\n\tattributesFile = /dev/null\n\texcludesFile = /dev/null\n"
_lock = threading.Lock()
_read: dict[object, tuple[Setting, ...]] = {}
_files: dict[str, int] = {}


def settings(env: Mapping[str, str]) -> tuple[Setting, ...]:
    """What counts of the configuration that git finds with the environment `env`, in its order.

    Conditions on a repository (`includeIf`) are never fulfilled. Read again only if one of the
    person's files has changed. Raises GitshelfError if git cannot read it.
    """
    key = (tuple(sorted(p for p in env.items() if p[0].startswith("GIT_CONFIG_"))), _state(env))
    with _lock:
        if key not in _read:
            counting = [
                setting for setting in _list_settings(env) if re.fullmatch(_COUNTS, setting[0])
            ]
            _read[key] = tuple(variant for setting in counting for variant in _both_paths(setting))
        return _read[key]


def _both_paths(setting: Setting) -> tuple[Setting, ...]:
    """A `safe.directory` by the path of its work tree and by that of its `.git`: git compares the
    first in a work tree, and the second for a fetch. Any other setting as it is."""
    key, value = setting
    if key != "safe.directory" or not (value or "").startswith("/"):
        return (setting,)
    plain = str(value).removesuffix("/.git").rstrip("/")
    return (setting, (key, plain), (key, f"{plain}/.git")) if plain else (setting,)


def _state(env: Mapping[str, str]) -> tuple[object, ...]:
    """What tells whether a person's own files are as they were."""
    home = env.get("HOME", "")
    places = [env.get("GIT_CONFIG_GLOBAL", ""), f"{home}/.gitconfig"]
    places += [(env.get("XDG_CONFIG_HOME") or f"{home}/.config") + "/git/config"]
    state: list[object] = [*places]
    for place in places:
        with suppress(OSError):
            stat = Path(place).stat()
            state.append((place, stat.st_ino, stat.st_mtime_ns, stat.st_size))
    return tuple(state)


def _list_settings(env: Mapping[str, str]) -> list[Setting]:
    result = process.run(
        ["git", "config", "--list", "-z"],
        timeout=_TIMEOUT,
        # No repository, so that none's own configuration is among it.
        env={**env, "GIT_DIR": os.devnull},
    )
    if not result.ok:
        raise GitshelfError(
            f"git cannot read its configuration: {process.last_line(result.err)}",
            "look with: git config --list --show-origin",
        )
    entries: list[Setting] = []
    for entry in os.fsdecode(result.out).split("\0")[:-1]:
        key, equals, value = entry.partition("\n")
        entries.append((key, value if equals else None))
    return entries


def value_of(entries: Iterable[Setting], key: str) -> str:
    """The value of a key that holds one, "" if it is not set."""
    return next((value or "" for name, value in reversed(tuple(entries)) if name == key), "")


def scoped(entries: Iterable[Setting], servers: Iterable[str]) -> list[Setting]:
    """The settings with those that hand a credential to any server bound to `servers` (URLs), and
    to the servers that a person maps other URLs to (`url.<base>.insteadOf`)."""
    entries = tuple(entries)
    bases = [match[1] for key, _ in entries if (match := re.fullmatch(_BASE, key))]
    origins = sorted({server_of(url) for url in (*servers, *bases)} - {""})
    bound: list[Setting] = []
    for key, value in entries:
        if re.fullmatch(_FOR_ANY_SERVER, key):
            section, _, variable = key.partition(".")
            bound += [(f"{section}.{origin}.{variable}", value) for origin in origins]
        else:
            bound.append((key, value))
    return bound


def render(entries: Iterable[Setting]) -> str:
    """The settings as a configuration file."""
    lines = [_NOTHING]
    for key, value in entries:
        section, _, name = key.partition(".")
        subsection, dot, variable = name.rpartition(".")
        lines.append(f'[{section} "{_escaped(subsection)}"]\n' if dot else f"[{section}]\n")
        shown = "" if value is None else f' = "{_escaped(value)}"'.replace("\n", "\\n")
        lines.append(f"\t{variable}{shown}\n")
    return "".join(lines)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def file_of(content: str) -> str:
    """The path of a file with this content, for programs that this process starts."""
    with _lock:
        handle = _files.get(content)
        if handle is None:
            handle = os.memfd_create("gitconfig")
            data = memoryview(os.fsencode(content))
            while data:
                data = data[os.write(handle, data) :]
            _files[content] = handle
    return f"/proc/{os.getpid()}/fd/{handle}"
