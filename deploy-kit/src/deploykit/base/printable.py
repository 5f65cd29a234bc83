"""Texts of others, made fit to be printed: nothing in them moves a cursor or hides a line."""

from __future__ import annotations

CUT = "…"


def printable(text: str, most: int = 1000) -> str:
    """`text` as one line of at most `most` characters.

    Tabs and ends of lines become spaces; every other character that is not printable in the sense
    of str.isprintable (controls, escape sequences, marks that turn the direction of writing) is
    shown by its number, as in '\\x1b'.
    """
    shown = "".join(_shown(character) for character in text[: most + 1])
    return shown if len(shown) <= most and len(text) <= most else f"{shown[: most - 1]}{CUT}"


def printable_lines(text: str, most: int = 8000) -> str:
    """As `printable`, but the ends of lines stay."""
    shown = "\n".join(printable(line, most) for line in text[: most + 1].splitlines())
    return shown if len(shown) <= most and len(text) <= most else f"{shown[: most - 1]}{CUT}"


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if character in "\t\n\r\v\f\x85\u2028\u2029\xa0":
        return " "
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
