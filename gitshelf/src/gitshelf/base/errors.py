"""The errors of gitshelf: one root, each with what happened and what to do about it."""

from __future__ import annotations


class GitshelfError(Exception):
    """Something the caller can act on: a wrong call, a wrong input, a missing tool.

    `message` says what and where, `remedy` what to do; the command line prints both once, without
    a traceback, and exits with `exit_code`. `located` says whether `message` has begun with the
    location of what is at fault.
    """

    exit_code = 2
    located = False

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class Refused(GitshelfError):
    """The answer is no: a kit that is not what it says it is, a signature nobody knows."""

    exit_code = 1
