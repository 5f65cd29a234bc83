"""The part of gitshelf that verifies and unpacks, as one zip for machines that have only Python.

`python3 gitshelf-verifier.zip verify KIT` and `... extract KIT FOLDER` work there, and so does
`import gitshelf` with the zip on the path. Python >= 3.11, .tar and .tar.gz.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

# The rooms that need nothing but the standard library.
ROOMS = ("base", "formats", "kit")
_MAIN = "import sys\n\nfrom gitshelf.kit.verifier import main\n\nsys.exit(main())\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def verifier_zip() -> bytes:
    """The zip; the same modules always give the same bytes."""
    package = Path(__file__).parents[1]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        files = [
            package / "__init__.py",
            *(f for room in ROOMS for f in package.glob(f"{room}/*.py")),
        ]
        sources = {f"gitshelf/{f.relative_to(package)}": f.read_text("utf-8") for f in files}
        for name, source in sorted({**sources, "__main__.py": _MAIN}.items()):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.create_system = 3
            member.external_attr = 0o644 << 16
            archive.writestr(member, source)
    return out.getvalue()
