"""The part of gitshelf that verifies and unpacks, as one zip for machines that have only Python.

`python3 gitshelf-verifier.zip verify KIT` and `... extract KIT FOLDER` work there, and so does
`import gitshelf` with the zip on the path. Python >= 3.11, .tar and .tar.gz.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

MODULES = (
    "__init__",
    "compression",
    "errors",
    "extraction",
    "files",
    "gitobjects",
    "inventory",
    "links",
    "lock",
    "owners",
    "pointers",
    "portable",
    "process",
    "signatures",
    "tar",
    "tarreader",
    "verification",
)
_MAIN = "import sys\n\nfrom gitshelf.portable import main\n\nsys.exit(main())\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def verifier_zip() -> bytes:
    """The zip; the same modules always give the same bytes."""
    folder = Path(__file__).parent
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        sources = {f"gitshelf/{m}.py": (folder / f"{m}.py").read_text("utf-8") for m in MODULES}
        for name, source in sorted({**sources, "__main__.py": _MAIN}.items()):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.create_system = 3
            member.external_attr = 0o644 << 16
            archive.writestr(member, source)
    return out.getvalue()
