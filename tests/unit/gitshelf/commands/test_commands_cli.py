"""The command line as a product: help, exit codes, JSON, completion, progress."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from gitshelf.base import process
from gitshelf.base import threads as pool
from gitshelf.commands.cli import commands as root
from gitshelf.commands.common import Progress

import gitshelf

Repo = Any
Said = Any
Cli = Callable[..., Said]


def every_command() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """All commands with their names, those in groups too."""

    def walk(
        group: click.Group, names: tuple[str, ...]
    ) -> Iterator[tuple[tuple[str, ...], click.Command]]:
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield (*names, name), command
            if isinstance(command, click.Group):
                yield from walk(command, (*names, name))

    yield from walk(root, ())


COMMANDS = dict(every_command())
# It prints a script for a shell, which is no report.
WITHOUT_JSON = {("completion",)}


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_examples_that_name_its_options(
    names: tuple[str, ...], run_cli: Cli
) -> None:
    said = run_cli(*names, "--help")
    assert said.code == 0
    command = COMMANDS[names]
    assert command.help
    assert "Examples:" in said.out
    shown = said.out.partition("Examples:")[2]
    lines = [line for line in shown.splitlines() if f"gitshelf {names[0]}" in line]
    assert len(lines) >= 2 or names == ("completion",)
    known = {option for one in COMMANDS.values() for p in one.params for option in p.opts}
    for line in lines:
        assert {word for word in line.split() if word.startswith("--")} <= known
    assert all(p.help for p in command.params if isinstance(p, click.Option))


def test_help_says_of_every_command_what_it_does_in_whole_sentences(run_cli: Cli) -> None:
    lines = run_cli("--help").out.splitlines()
    for (name,) in [names for names in COMMANDS if len(names) == 1]:
        (line,) = [one for one in lines if re.match(rf"  {name}  +[A-Z]", one)]
        assert line.endswith(".")
        assert not line.endswith("...")


def test_manifest_that_help_shows_pins_and_builds(
    run_cli: Cli, make_repo: Callable[..., Any], shelf: Path
) -> None:
    repo = make_repo()
    pin = repo.commit({b"x": b"1"}, branch="main")
    shown = run_cli("--help").out.partition("lists the books:\n")[2].partition("\n\n")[0]
    text = shown.replace("https://git.example.org/salt/states", repo.url)
    (shelf / "gitshelf.yml").write_text(text + "\n")
    assert run_cli("pin").code == 0
    assert f"branch: {pin}" in (shelf / "gitshelf.yml").read_text()
    assert run_cli("build", "--output", "kit.tar").code == 0
    assert run_cli("verify", "kit.tar").code == 0


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_command_that_reports_has_json(names: tuple[str, ...]) -> None:
    command = COMMANDS[names]
    has_json = any("--json" in parameter.opts for parameter in command.params)
    assert has_json != (isinstance(command, click.Group) or names in WITHOUT_JSON)


@pytest.fixture
def site(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path, monkeypatch: Any
) -> Path:
    """A folder with a manifest of one book, its kit, and a shelf that lacks it."""
    manifest = write_manifest(f"books:\n- {{book: b, git: '{repo.url}', branch: master}}\n")
    gitshelf.build(manifest, manifest.parent / "kit.tar")
    (manifest.parent / "bad.tar").write_bytes((manifest.parent / "kit.tar").read_bytes()[:-1])
    (manifest.parent / "bad.yml").write_text("books: [{book: b}]\n")
    (manifest.parent / "one.repos").write_text(
        "repositories: {a: {type: git, url: 'https://h/a', version: main}}\n"
    )
    (manifest.parent / "odd.repos").write_text("repositories: {a: {type: svn, url: 'u'}}\n")
    (manifest.parent / "shelf").mkdir()
    monkeypatch.chdir(manifest.parent)
    return manifest.parent


DONE, NO, WRONG = 0, 1, 2
TABLE = [
    (DONE, "build --output new.tar"),
    (WRONG, "build"),
    (WRONG, "build --output new.zip"),
    (WRONG, "build --output new.tar --gitshelf none.yml"),
    (WRONG, "build --output new.tar --gitshelf bad.yml"),
    (WRONG, "build --output new.tar --token novalue"),
    (WRONG, "build --output new.tar --environment unknown"),
    (WRONG, "build --output new.tar --timeout never"),
    (DONE, "verify kit.tar"),
    (NO, "verify bad.tar"),
    (NO, "verify --digest 00 kit.tar"),
    (WRONG, "verify none.tar"),
    (DONE, "show kit.tar"),
    (NO, "show bad.tar"),
    (DONE, "extract kit.tar out"),
    (NO, "extract bad.tar out"),
    (WRONG, "extract none.tar out"),
    (DONE, "pin"),
    (NO, "pin --check"),
    (WRONG, "pin --gitshelf bad.yml"),
    (WRONG, "update unknown-book"),
    (DONE, "changes kit.tar kit.tar"),
    (DONE, "changes kit.tar gitshelf.yml"),
    (WRONG, "changes kit.tar none.yml"),
    (NO, "lint"),
    (DONE, "lint --rule exists"),
    (WRONG, "lint --rule unknown"),
    (DONE, "lint --list"),
    (DONE, "install"),
    (WRONG, "install --gitshelf bad.yml"),
    (NO, "status"),
    (NO, "diff"),
    (WRONG, "status --gitshelf none.yml"),
    (DONE, "discover shelf"),
    (WRONG, "discover none"),
    (WRONG, "discover --gitshelf bad.yml shelf"),
    (DONE, "import vcstool one.repos"),
    (NO, "import vcstool odd.repos"),
    (DONE, "import --partial vcstool odd.repos"),
    (WRONG, "import vcstool none.repos"),
    (WRONG, "import unknown one.repos"),
    (DONE, "cache show"),
    (DONE, "cache prune --dry-run"),
    (DONE, "cache prune --yes --older-than 0"),
    (WRONG, "cache prune --older-than -1"),
    (WRONG, "cache unknown"),
    (DONE, "completion bash"),
    (WRONG, "completion csh"),
    (WRONG, "unknown"),
    (WRONG, "build --unknown"),
    (DONE, "--version"),
]


@pytest.mark.parametrize(("code", "line"), TABLE, ids=[line for _, line in TABLE])
def test_exit_code_says_done_no_or_wrong(site: Path, run_cli: Cli, code: int, line: str) -> None:
    said = run_cli(*line.split())
    assert said.code == code, said.err
    if code == WRONG:
        assert said.err
        assert said.out == ""


JSON_LINES = [
    "build --output new.tar", "verify kit.tar", "show kit.tar", "extract kit.tar out", "pin",
    "pin --check", "update", "changes kit.tar kit.tar", "lint", "lint --list", "install",
    "install --dry-run", "status", "diff", "discover shelf", "import vcstool one.repos",
    "cache show", "cache prune --dry-run",
]  # fmt: skip


@pytest.mark.parametrize("line", JSON_LINES)
def test_json_is_one_object_and_nothing_else(site: Path, run_cli: Cli, line: str) -> None:
    said = run_cli(*line.split(), "--json")
    assert said.code in (DONE, NO)
    assert isinstance(json.loads(said.out), dict)
    assert said.err == ""


def completed(line: str, folder: Path) -> list[str]:
    """What bash offers for a line, through the script that `gitshelf completion bash` prints."""
    script = (
        'eval "$(gitshelf completion bash)"\n'
        "COMP_WORDS=($1); [[ $1 == *' ' ]] && COMP_WORDS+=('')\n"
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
        "entry=$(complete -p gitshelf); entry=${entry##*-F }; ${entry%% *} gitshelf\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    binary = folder / "bin"
    binary.mkdir(exist_ok=True)
    (binary / "gitshelf").write_text(f'#!/bin/sh\nexec {sys.executable} -m gitshelf "$@"\n')
    (binary / "gitshelf").chmod(0o755)
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", line],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PATH": f"{binary}:{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not here")
def test_bash_completes_commands_options_and_choices(tmp_path: Path) -> None:
    assert completed("gitshelf ver", tmp_path) == ["verify"]
    assert {"build", "cache", "completion", "import"} <= set(completed("gitshelf ", tmp_path))
    assert completed("gitshelf cache pr", tmp_path) == ["prune"]
    assert completed("gitshelf build --off", tmp_path) == ["--offline"]
    assert completed("gitshelf completion z", tmp_path) == ["zsh"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_for_its_shell(shell: str, run_cli: Cli) -> None:
    said = run_cli("completion", shell)
    assert f"_GITSHELF_COMPLETE={shell}_complete" in said.out


def on_a_terminal(argv: list[str], answer: bytes, env: dict[str, str]) -> tuple[int, bytes]:
    """Run a program with a terminal as its standard input and give its exit code and output."""
    ours, theirs = pty.openpty()
    try:
        run = subprocess.Popen(
            argv, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env
        )
        os.write(ours, answer)
        said, _ = run.communicate(timeout=60)
        return run.returncode, said
    finally:
        os.close(ours)
        os.close(theirs)


def test_prune_asks_on_a_terminal_unless_told_not_to(site: Path) -> None:
    argv = [sys.executable, "-m", "gitshelf", "cache", "prune", "--older-than", "0"]
    env = {**os.environ}
    code, said = on_a_terminal(argv, b"n\n", env)
    assert code == 130
    assert b"Remove " in said
    code, said = on_a_terminal([*argv, "--dry-run"], b"", env)
    assert (code, b"Remove " in said) == (0, False)
    assert b"would be removed" in said
    assert not said.startswith(b"0 things")
    code, said = on_a_terminal([*argv, "--yes"], b"", env)
    assert code == 0
    assert not said.startswith(b"0 things")
    code, said = on_a_terminal(argv, b"", env)
    assert (code, said[:8]) == (0, b"0 things")


def test_progress_names_the_book_that_takes_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr(pool, "_TICK", 0.02)
    lines: list[str] = []
    enough = threading.Event()

    def report(line: str) -> None:
        lines.append(line)
        if "1 of 2 done" in line:
            enough.set()

    tasks = [("slow/book", lambda: enough.wait(30)), ("quick", lambda: True)]
    assert pool.run_all(tasks, 2, process.Running(), report) == [True, True]
    assert "1 of 2 done, longest: slow/book (0 s)" in lines


def test_progress_is_shown_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert Progress().report is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("gitshelf.commands.common._QUIET_SECONDS", -1.0)
    with Progress() as progress:
        assert progress.report is not None
        progress.report("1 of 2 done, longest: slow/book (3 s)")
    assert "slow/book (3 s)" in capfd.readouterr().err
