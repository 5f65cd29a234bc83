"""The one error root of deploy-kit: a message, what to do about it, and an exit code."""

from __future__ import annotations

REFUSED = 1
WRONG_CALL = 2


class DeployKitError(Exception):
    """Something that a person must hear about, told once at the CLI edge without a traceback.

    `message` says what happened and where; `remedy` what to do, one line per possibility.
    `exit_code` is 1 if the answer is no, 2 if the call or its input was wrong.
    """

    exit_code = REFUSED

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class InputError(DeployKitError):
    """A file or argument that cannot be used as it is."""

    exit_code = WRONG_CALL


class Refused(DeployKitError):
    """A rule said no; every reason is in the message."""


class CommandFailed(DeployKitError):
    """A subprocess ended badly, or did not end in time."""


class NodeUnreachable(DeployKitError):
    """A node did not answer in time; the message names it."""
