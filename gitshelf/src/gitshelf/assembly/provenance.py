"""How a kit was made: an in-toto statement with SLSA provenance v1, beside the kit.

This is where URLs are written down; `{here}` stays `{here}`, so that no path of the machine is.
There are no times, so that equal builds give equal files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from gitshelf.base.version import __version__
from gitshelf.kit.lock import LockedBook

BUILD_TYPE = "urn:gitshelf:kit:1"
BUILDER = "urn:gitshelf:builder"


def render(
    name: str,
    file_digest: str,
    kit_digest: str,
    *,
    manifest: bytes,
    environment: str,
    books: Iterable[LockedBook],
) -> bytes:
    """The statement about the file `name`; digests are SHA-256, `kit_digest` of the plain tar."""
    subjects = [{"name": name, "digest": {"sha256": file_digest}}]
    if kit_digest != file_digest:
        subjects.append({"name": "kit.tar", "digest": {"sha256": kit_digest}})
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "manifest": {"sha256": hashlib.sha256(manifest).hexdigest()},
                    "environment": environment,
                },
                "resolvedDependencies": [
                    {
                        "name": book.book,
                        "uri": f"git+{book.url}@{book.commit}",
                        "digest": {"gitCommit": book.commit},
                    }
                    for book in books
                ],
            },
            "runDetails": {
                "builder": {"id": BUILDER, "version": {"gitshelf": __version__}},
            },
        },
    }
    return (json.dumps(statement, indent=1, sort_keys=True) + "\n").encode("ascii")
