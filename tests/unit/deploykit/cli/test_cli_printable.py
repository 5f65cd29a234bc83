"""Text of others on its way to a terminal or a log: whole commands, and each edge by itself."""

from __future__ import annotations

import ast
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import deploykit
import pytest
from deploykit.base.console import PrintableConsole
from deploykit.base.printable import FIELD, LINE, Output, one_line, printable
from deploykit.base.process import run
from deploykit.base.progress import Shown
from deploykit.ledger import Ledger
from deploykit.ledger.records import Record
from deploykit.rollout import Failure, Narrator
from hypothesis import given
from hypothesis import strategies as st
from ledgerbook import Call

# A line up and cleared, the clipboard, a title, C1's CSI, text from right to left, and a line that
# nobody wrote.
HOSTILE = (
    "\x1b[1A\x1b[2K\x1b]52;c;cm0gLXJm\x07\x1b]0;title\x07\x9b2J\u202eevil\u2066\u200b\x7f\r"
    "\n7 2026-11-28 12:00:00 admin unhold production\u2028"
)
BAD = {*map(chr, [*range(9), *range(11, 32), *range(127, 160)]), *"\u202e\u2066\u200b\u2028"}
PACKAGE = Path(deploykit.__file__).parent


@pytest.fixture
def hostile_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever people and programs wrote into the ledger's records holds `HOSTILE`."""
    known = Ledger.known.fget  # type: ignore[attr-defined]

    def tampered(record: Record) -> Record:
        body = {key: HOSTILE + value if key in ("reason", "summary") else value
                for key, value in record.body.items()}  # fmt: skip
        return replace(record, body=body)

    monkeypatch.setattr(Ledger, "known", property(lambda self: tuple(map(tampered, known(self)))))


@pytest.mark.parametrize(
    "words",
    ["status", "status --json", "history", "history production --json", "ledger show 1",
     "deploy latest production", "approve latest production", "hold test --reason HOSTILE"],
)  # fmt: skip
def test_nothing_that_a_record_says_moves_a_readers_cursor(
    call: Call, hostile_ledger: None, words: str
) -> None:
    call("release", "cut", "--no-commit")
    call("hold", "production", "--reason", "night")
    call("veto", "latest", "--reason", "bad")
    _, out, err = call(*(word.replace("HOSTILE", "a\x1b[2Jb") for word in words.split()))
    assert not BAD & set(out + err)
    if words == "status":
        assert "evil" in out and "on hold" in out
    if "--json" in words:
        assert "evil" in json.dumps(json.loads(out))
    # A field that is one line stays one: nothing looks like a record, or an answer, of its own.
    assert not any(line.startswith("7 2026") for line in (out + err).splitlines())


def test_what_nodes_and_programs_say_is_printable_in_logs_progress_and_errors(
    tmp_path: Path,
) -> None:
    shown = io.StringIO()
    console = PrintableConsole(file=shown, force_terminal=True, width=4000)
    event: Any = {"minion": HOSTILE, "state": f"[red]{HOSTILE}[/nowhere]", "comment": HOSTILE,
                  "result": False, "changed": False}  # fmt: skip
    for colours in (True, False):
        made = PrintableConsole(file=shown, force_terminal=colours, color_system=None, width=4000)
        progress = Shown(made)
        progress.EVERY = 0.0
        with progress.step(f"orchestration {HOSTILE}") as step:
            Narrator(tmp_path / "states.log", step)(event)
    run(["printf", "%s", HOSTILE], timeout=10, log=tmp_path / "program.log")
    for log in ("states.log", "program.log"):
        assert not BAD & set((tmp_path / log).read_text())
        assert (tmp_path / log).stat().st_mode & 0o777 == 0o600
    assert len((tmp_path / "states.log").read_text().splitlines()) == 2
    console.print(str(Failure("step", HOSTILE, HOSTILE, "why")), markup=False)
    # What is left of control characters are those of rich: its spinner's and colours' own.
    text = shown.getvalue()
    assert "\x1b]" not in text and "\x9b" not in text and "\u202e" not in text
    assert "\x1b[2K\x1b]52" not in text and "evil" in text


@given(st.text())
def test_printable_text_shows_as_its_own_characters_and_nothing_else(text: str) -> None:
    shown = printable(text)
    assert all(character.isprintable() or character in "\n\t" for character in shown)
    assert printable(shown) == shown
    assert "\n" not in one_line(text) and one_line(text).isprintable()


def test_plain_words_stay_as_they_are_and_what_is_long_is_cut() -> None:
    plain = "Grüße, 你好: ✓ done …\n\tnext\n"
    assert printable(plain) == plain and one_line("a\n b\tc") == "a b c"
    assert len(one_line("x" * 10**6)) < FIELD + 50 and "more characters" in one_line("x" * 10**6)
    assert len(printable("y" * 10**6 + "\nz\n")) < LINE + 50
    assert printable("y" * 10**6 + "\nz\n").endswith(")\nz\n")


def test_stream_in_front_of_a_terminal_lets_only_printable_text_through() -> None:
    behind = io.StringIO()
    print(HOSTILE, "done", file=Output(behind))
    assert not BAD & set(behind.getvalue()) and "done" in behind.getvalue()


def test_consoles_and_colours_are_made_where_text_is_made_printable() -> None:
    made: set[str] = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in ("Console", "PrintableConsole", "print", "click.style", "click.secho"):
                    made.add(f"{file.relative_to(PACKAGE)}: {called}")
    # On masters and nodes, whose answer is JSON for us, and for this repository's own CI.
    elsewhere = (
        "affected/",
        "image/first_boot.py",
        "master/remote/",
        "mirror/install_wheels.py",
        "nodes/portraying.py",
        "rollout/keep_packages.py",
    )
    made = {entry for entry in made if not entry.startswith(elsewhere)}
    assert made == {"base/console.py: PrintableConsole", "cli/__init__.py: click.style"}
