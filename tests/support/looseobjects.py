"""Objects that git itself would not write, put into a repository as they are."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path


def write_object(repository: Path, kind: str, content: bytes) -> str:
    """Write an object into a bare repository of SHA-1, and return its id."""
    raw = b"%b %d\0%b" % (kind.encode(), len(content), content)
    object_id = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
    file = repository / "objects" / object_id[:2] / object_id[2:]
    file.parent.mkdir(exist_ok=True)
    if not file.exists():
        file.write_bytes(zlib.compress(raw, 1))
    return object_id
