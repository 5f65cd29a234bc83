"""What a kit brings, as one digest: every place, mode and blob, whatever its commits were.

So it is found again for the release that is cut of what Gerrit merged.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from deploykit.gate.config import config_file, read_config
from deploykit.gate.speculative import state_manifest
from deploykit.gate.work import BuildPlan, stores_of
from deploykit.release.speculative import build_speculative
from deploykit.site import Site, open_site

if TYPE_CHECKING:
    from gitshelf import Lock


def content_of(lock: Lock) -> str:
    """The digest of place and content of each book of a kit, and of its links."""
    books = {(book.book, book.content) for book in lock.books}
    links = {(link.book, "link", link.link) for link in lock.links}
    return hashlib.sha256(json.dumps(sorted([*books, *links])).encode()).hexdigest()


def state_content(plan: BuildPlan, folder: Path, site: Site | None = None) -> str:
    """The content of the state that the build of `plan` in `folder` tests: its kit is built for it.

    `site` is the one whose gate it is. Raises DeployKitError and gitshelf's errors.
    """
    site = site or open_site(Path(plan.site))
    config = read_config(config_file(site.folder))
    with tempfile.TemporaryDirectory(prefix="content-") as aside:
        manifest = state_manifest(site, config, plan.commits, stores_of(folder))
        release = build_speculative(manifest, plan.build.trees, Path(aside) / "kit")
        return content_of(release.verify(release.signers).lock)
