"""What comes with a release where another runs: read in the background, as it asks repositories."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from gitshelf.base.errors import GitshelfError

from deploykit.base.errors import DeployKitError, InputError
from deploykit.board.edge import read_whole_page
from deploykit.ledger import Ledger
from deploykit.release import Release, Unbuilt, release_of
from deploykit.release.page import Page
from deploykit.site import Site
from deploykit.web.kept import Answer, Kept

KEPT = 64  # edges that are known at the same time
SECONDS = 600.0  # for which one is not read again: what it says never changes, only errors end

# The digests of what runs (None: nothing) and of what would come, and the environment.
Edge = tuple[str | None, str, str]


class Edges:
    """The fixed parts of approval pages, by their edge; `read` takes long, and is never waited
    for."""

    def __init__(self, read: Callable[[Edge], Page]) -> None:
        self._read = read
        self._known: OrderedDict[Edge, Kept[Page]] = OrderedDict()
        self._lock = threading.Lock()
        self._reading = threading.Lock()  # whoever looks may ask for many at once

    def latest(self, edge: Edge) -> Answer[Page]:
        """What is known of `edge` by now, which may be nothing yet."""
        with self._lock:
            if edge not in self._known:
                self._known[edge] = Kept(lambda: self._one(edge), SECONDS)
                if len(self._known) > KEPT:
                    self._known.popitem(last=False)
            known = self._known[edge]
        return known.latest()

    def _one(self, edge: Edge) -> Page:
        with self._reading:
            return self._read(edge)


def edges_of(site: Site, ledger: Ledger) -> Edges:
    """Those of a site. Kits that are not here are not built for a page: commands do that."""

    def stored(digest: str) -> Release:
        found = release_of(site, ledger.known, digest)
        if isinstance(found, Unbuilt):
            raise InputError(
                f"the kit of {found.version} is not on this machine",
                f"deploy-kit release diff {found.version} {found.version} builds it",
            )
        return found

    def read(edge: Edge) -> Page:
        over, release, environment = edge
        try:
            old = stored(over) if over is not None else None
            return read_whole_page(site, old, stored(release), environment)
        except GitshelfError as error:
            raise DeployKitError(error.message, error.remedy) from None

    return Edges(read)
