"""Runs what the ```console blocks of a Markdown page show, and holds it to the output shown there.

A line `$ …` is a command, lines `> …` below it belong to it, the rest up to the next `$` is what it
prints (output and errors). `…` stands for any text, alone on a line for any lines, and after four
digits for the rest of a hash. A command must succeed, unless its comment says `# exits with N`. All
blocks of a page share one shell. `python consoledoc.py PAGE` writes the real output into a page.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_FENCE = "```"
_MARK = "\x1e"
_EXITS = re.compile(r"# exits with (\d+)$")
_HASH = re.compile(r"\b([0-9a-f]{4})[0-9a-f]{8,60}\b")


@dataclass(frozen=True)
class Shown:
    """A command of a page: the number of its first line, its text, and the output below it."""

    line: int
    command: str
    output: list[str]
    end: int


@dataclass(frozen=True)
class Ran:
    """What became of it."""

    code: int
    output: list[str]


def commands(page: str) -> list[Shown]:
    """All commands of a page, in order."""
    shown: list[Shown] = []
    inside = False
    for number, line in enumerate(page.splitlines(), 1):
        if line.startswith(_FENCE):
            inside = line == f"{_FENCE}console"
        elif not inside:
            continue
        elif line.startswith("$ "):
            shown.append(Shown(number, line[2:], [], number))
        elif line.startswith("> ") or line == ">":
            last = shown.pop()
            shown.append(Shown(last.line, f"{last.command}\n{line[2:]}", [], number))
        else:
            shown[-1].output.append(line)
    return shown


def run(shown: list[Shown], folder: Path, env: Mapping[str, str]) -> list[Ran]:
    """Run the commands one after the other in one shell that begins in `folder`."""
    # Each is parsed by itself, so that a mistake in one is not one of all.
    script = "".join(
        f"{{\n{command.command}\n}} 2>&1\nprintf '{_MARK}%d{_MARK}' $?\n" for command in shown
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=folder,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=600,
    )
    assert not done.stderr, done.stderr.decode()
    parts = done.stdout.decode().split(_MARK)
    pairs = zip(parts[::2], parts[1::2], strict=False)
    return [Ran(int(code), output.splitlines()) for output, code in pairs]


def wrong(shown: Shown, ran: Ran) -> str:
    """What is wrong with it, or ""."""
    exits = _EXITS.search(shown.command.splitlines()[0])
    code = int(exits[1]) if exits else 0
    if ran.code != code:
        output = "\n".join(ran.output)
        return (
            f"line {shown.line}: $ {shown.command}\nexited with {ran.code}, not {code}:\n{output}"
        )
    if not re.fullmatch(_pattern(shown.output), "".join(f"{line}\n" for line in ran.output)):
        output = "\n".join(ran.output)
        return f"line {shown.line}: $ {shown.command}\nprinted something else:\n{output}"
    return ""


def _pattern(output: list[str]) -> str:
    return "".join("(?:.*\n)*?" if line == "…" else _line(line) + "\n" for line in output)


def _line(text: str) -> str:
    escaped = re.escape(text)
    escaped = re.sub(r"\b([0-9a-f]{4})…", "[0-9a-f]{8,64}", escaped)
    return escaped.replace("…", ".*")


def renewed(page: str, shown: list[Shown], ran: list[Ran]) -> str:
    """The page with the real output, hashes shortened, where what it shows does not fit."""
    lines = page.splitlines()
    for command, result in reversed(list(zip(shown, ran, strict=True))):
        if wrong(command, result):
            real = [_HASH.sub(r"\1…", line) for line in result.output]
            lines[command.end : command.end + len(command.output)] = real
    return "\n".join(lines) + "\n"


ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Kim",
    "GIT_AUTHOR_EMAIL": "kim@example.org",
    "GIT_AUTHOR_DATE": "2026-01-05T09:00:00Z",
    "GIT_COMMITTER_NAME": "Kim",
    "GIT_COMMITTER_EMAIL": "kim@example.org",
    "GIT_COMMITTER_DATE": "2026-01-05T09:00:00Z",
    "LC_ALL": "C.UTF-8",
    "COLUMNS": "100",
}
"""Makes the pages' commits the same everywhere."""


def copy_package(package: Path, folder: Path) -> None:
    """Put a copy of a package, where `package` is one, into a folder: what installs it leaves
    nothing in the checkout."""
    if (package / "pyproject.toml").exists():
        waste = shutil.ignore_patterns("__pycache__", "build", "dist", "*.egg-info")
        shutil.copytree(package, folder / package.name, ignore=waste)


def main(page: Path) -> None:
    """Renew one page, with the gitshelf that is on the PATH."""
    page = page.resolve()
    text = page.read_text("utf-8")
    shown = commands(text)
    with tempfile.TemporaryDirectory() as folder:
        copy_package(page.parent, Path(folder))
        env = {
            **ENVIRONMENT,
            "XDG_CACHE_HOME": f"{folder}/.cache",
            "XDG_STATE_HOME": f"{folder}/.s",
        }
        ran = run(shown, Path(folder), env)
    assert len(ran) == len(shown), f"it ended after {len(ran)} of {len(shown)} commands"
    page.write_text(renewed(text, shown, ran), "utf-8")
    for command, result in zip(shown, ran, strict=True):
        if (code := result.code) and f"# exits with {code}" not in command.command:
            print(f"{page}:{command.line}: exits with {code}", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
