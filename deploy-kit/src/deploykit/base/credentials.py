"""Files that hold a password or a token: only their owner may read them."""

from __future__ import annotations

import re
from pathlib import Path

from deploykit.base.errors import InputError


def read_credentials(file: Path, holds: str) -> str:
    """The text in `file` without the space around it; `holds` says what it holds, for people.

    Raises InputError, never with the text, if it cannot be read or is not UTF-8, or if others may
    read it.
    """
    try:
        if file.stat().st_mode & 0o077:
            raise InputError(f"others may read {file}", f"chmod 600 {file}")
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{file}: {reason}", f"it holds {holds}") from None


def read_token(file: Path | None, of: str) -> str:
    """The token that is alone in `file`; '' without a file. `of` says whose it is, for people.

    Raises InputError as `read_credentials` does, and for anything but one word of ASCII.
    """
    if file is None:
        return ""
    token = read_credentials(file, f"the token of {of}")
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise InputError(f"{file} is not one line with a token", "write the token alone into it")
    return token


def read_login(file: Path, of: str, form: str = "USER:PASSWORD") -> tuple[str, str]:
    """User and password of a `file` with the one line `form`; `of` says whose login it is.

    Raises InputError as `read_credentials` does, and for any other text.
    """
    user, colon, password = read_credentials(file, f"{form} of {of}").partition(":")
    if not (user and colon and password) or not (user + password).isprintable():
        raise InputError(f"{file} is not one line {form}", f"write the login of {of} into it")
    return user, password
