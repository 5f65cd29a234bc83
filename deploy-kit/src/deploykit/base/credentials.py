"""Files that hold a password or a token: only their owner may read them."""

from __future__ import annotations

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
