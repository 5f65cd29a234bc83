"""Gated: a release has the content of a state that the gate's jobs passed on.

The gate's evidence is about content (every place, mode and blob; no commit times), so it is found
again for the release that is cut later, and recorded for it by the name of the item.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from deploykit.base.errors import DeployKitError
from deploykit.checks import PASSED, Occasion, Outcome
from deploykit.gate.builds import Status
from deploykit.gate.config import Config, config_file, read_config
from deploykit.gate.speculative import state_manifest
from deploykit.gate.trees import Remote, Trees
from deploykit.gate.work import Kept, Work
from deploykit.jobs.local import for_site
from deploykit.release.speculative import build_speculative
from deploykit.rollout import work as rollout
from deploykit.site import Site

if TYPE_CHECKING:
    from gitshelf import Lock

MOST = 50  # passed builds that are looked at, the newest first
Content = frozenset[tuple[str, ...]]


class Gated:
    """Nothing is deployed that the gate did not see as a whole."""

    name = "gated"
    summary = "the gate's jobs passed on a state with the very content of the release"
    on_copy = True  # it is about no nodes at all

    def run(self, work: rollout.Work, occasion: Occasion) -> Outcome:
        release = occasion.release
        with work.progress.step(f"{release.version}: the state that the gate passed"):
            content = content_of(release.verify(occasion.signers).lock)
            kept = passed_with(work.site, content)
        if kept is None:
            raise DeployKitError(
                f"no state that the gate of this machine passed has the content of "
                f"{release.version}",
                "run it where the gate runs, on a release of what the gate merged",
            )
        jobs = ", ".join(job.name for job in kept.jobs)
        where = f"{kept.build.pipeline}, build {kept.build.id[:12]}"
        return Outcome(PASSED, f"item {kept.item} passed on this content ({where}): {jobs}", {})


def content_of(lock: Lock) -> Content:
    """What a kit brings: place and content of each book, and the links."""
    books = {(book.book, book.content) for book in lock.books}
    return frozenset({*books, *((link.book, "link", link.link) for link in lock.links)})


def passed_with(site: Site, content: Content) -> Kept | None:
    """The newest build with jobs that passed on a state with `content`; None if there is none.

    Raises InputError for a site without a gate.
    """
    config = read_config(config_file(site.folder))
    folder = site.state / "gate"
    trees = Trees(folder / "stores", Remote(""))
    builds = Work(folder / "builds", for_site(site), trees)
    passed = [build for build, status in builds.statuses().items() if status is Status.PASSED]
    newest = sorted(passed, key=lambda build: -builds.written(build))
    for build in newest[:MOST]:
        kept = builds.kept(build)
        if kept is not None and kept.jobs and _content(site, config, kept, trees) == content:
            return kept
    return None


def _content(site: Site, config: Config, kept: Kept, trees: Trees) -> Content | None:
    """The content of a build's state; None if it cannot be made any more."""
    from gitshelf import GitshelfError

    with tempfile.TemporaryDirectory(prefix="gated-") as folder:
        try:
            manifest = state_manifest(site, config, kept.commits, trees)
            release = build_speculative(manifest, kept.build.trees, Path(folder) / "kit")
            return content_of(release.verify(release.signers).lock)
        except GitshelfError:
            return None
