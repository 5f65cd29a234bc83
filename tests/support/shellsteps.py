"""Finds steps of shell whose failure is swallowed, `set -e` or not.

Within a compound command that stands before `||` or `&&`, in the condition of `if`, `while` or
`until`, or behind `!`, the shell ignores `-e`: of `{ one; two; } || exit 1` only the end of `two`
counts; so it does within a function that is called there. And a failure before `&&` in a list that
something else follows: `one && two; three`. This reads as much of the shell's grammar as it needs.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

TOKEN = re.compile(
    r"""(?P<skip>[ \t]+|\\\n|(?<!\S)\#[^\n]*)
    |<<-?[ ]?['"]?(?P<mark>[A-Za-z]\w*)['"]?
    |(?P<control>\|\||&&|;;|[;\n|()]|(?<![<>])&(?!>))
    |(?P<word>(?:[0-9]?[<>&]|\$\(|\$\{[^}]*\}|\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\s;|&()<>'"\\$]|\$)+)""",
    re.X | re.S,
)
ENDS = (";", "\n", "&")
JOINED = ("&&", "||", "|")
CONDITIONS = {"if": "then", "elif": "then", "while": "do", "until": "do"}
TESTS = ("[", "[[", "test", "grep", "command", "shift")  # whose failure is an answer, or none
ASSIGNMENT = re.compile(r"\w+=(?!\$\()")


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its first word, how many steps it has itself, whether `!` turns its end round."""

    name: str
    steps: int = 1
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Commands that `&&`, `||` or `|` join."""

    commands: list[Command]
    joints: list[str]


def swallowed(text: str) -> list[str]:
    """What is wrong with a text of shell, in words; empty where every failure counts."""
    reader = Reader(_tokens(text))
    reader.steps(())
    return list(dict.fromkeys(reader.found))


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    place, awaited = 0, ""
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            place += 1
            continue
        place = match.end()
        if match["mark"]:
            awaited = match["mark"]
        elif not match["skip"]:
            tokens += [part for part in re.split(r"(\$\()", match[0]) if part]
        if match[0] == "\n" and awaited:
            end = re.compile(rf"^\s*{awaited}$", re.M).search(text, place)
            place, awaited = (end.end() if end else len(text)), ""
    return tokens


class Reader:
    """Reads `tokens` from front to end; what it `found` is in words."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.place = tokens, 0
        self.found: list[str] = []
        self.many: set[str] = set()  # functions of several steps

    def next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        self.place += 1
        return self.tokens[self.place - 1] if self.place <= len(self.tokens) else ""

    def steps(self, ends: Collection[str], condition: bool = False) -> int:
        """Read steps until a word of `ends`, which is taken; how many there were."""
        steps: list[Step] = []
        while self.next():
            if self.next() in ENDS:
                self.take()
            elif self.next() in ends:
                break
            else:
                steps.append(self.step())
        self.take()
        if not condition:
            self.judge_order(steps)
        elif len(steps) > 1 or any(command.name in self.many for command in _commands(steps)):
            self.found.append("of several steps of a condition only the last counts")
        return len(steps)

    def step(self) -> Step:
        commands, joints = [self.command()], []
        while self.next() in JOINED:
            joints.append(self.take())
            while self.next() == "\n":
                self.take()
            commands.append(self.command())
        for command, joint in zip(commands, joints, strict=False):
            if joint != "|" and (command.steps > 1 or command.name in self.many):
                self.found.append(f"of several steps before '{joint}' only the last counts")
        for command in commands:
            if command.negated and (command.steps > 1 or command.name in self.many):
                self.found.append("of several steps behind '!' only the last counts")
        return Step(commands, joints)

    def command(self) -> Command:
        word = self.take()
        if word == "!":
            negated_command = self.command()
            return Command(negated_command.name, negated_command.steps, negated=True)
        if word in ("{", "("):
            steps = self.steps(("}" if word == "{" else ")",))
        elif word in CONDITIONS:
            self.steps((CONDITIONS[word],), condition=True)
            steps = self.body(word)
        elif word in ("for", "case"):
            steps = self.loop() if word == "for" else self.case()
        elif self.tokens[self.place : self.place + 2] == ["(", ")"]:
            self.place += 2
            if self.command().steps > 1:
                self.many.add(word)
            return Command("()")
        else:
            if word == "$(":
                self.steps((")",))
            self.words()
            return Command(word)
        self.words()  # redirections
        return Command("", steps)

    def words(self) -> None:
        while (word := self.next()) and word not in (*ENDS, *JOINED, ";;", ")"):
            self.take()
            if word in ("$(", "("):
                self.steps((")",))

    def body(self, begin: str) -> int:
        """The rest of an `if`, `while` or `until`; the most steps that one of its branches has."""
        if begin in ("while", "until"):
            return self.steps(("done",))
        most = 0
        while True:
            most = max(most, self.steps(("elif", "else", "fi")))
            ended = self.tokens[self.place - 1 : self.place]
            if ended == ["elif"]:
                self.steps(("then",), condition=True)
            elif ended != ["else"]:
                return most

    def loop(self) -> int:
        while self.next() and self.take() != "do":
            pass
        return self.steps(("done",))

    def case(self) -> int:
        most = 0
        while self.next() and self.take() != "in":
            pass
        while True:
            while self.next() in ("\n", ";;"):
                self.take()
            if not self.next() or self.next() == "esac":
                self.take()
                return most
            while self.next() and self.take() != ")":
                pass
            most = max(most, self.steps((";;", "esac")))
            if self.tokens[self.place - 1 : self.place] == ["esac"]:
                return most

    def judge_order(self, steps: list[Step]) -> None:
        for step in steps[:-1]:
            first = step.commands[0].name
            is_test = first in TESTS or ASSIGNMENT.match(first) or not first
            if "&&" in step.joints and "||" not in step.joints and not is_test:
                self.found.append(f"what follows '{first} … &&' goes on where that fails")


def _commands(steps: list[Step]) -> list[Command]:
    return [command for step in steps for command in step.commands]
