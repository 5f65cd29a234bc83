"""Files that are whole or not there: written aside, synced, renamed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace `path` by `data`; a reader sees the old file or the new one."""
    aside = path.with_name(f".{path.name}.new")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, readable by root alone; an equal file is left as it is."""
    data = json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"
    if not path.exists() or path.read_bytes() != data:
        write(path, data)


def read_json(path: Path, otherwise: Any) -> Any:
    """The JSON of `path`, or `otherwise` if the file is missing."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return otherwise
