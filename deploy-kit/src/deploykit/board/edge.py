"""The whole page of an edge: pins and declarations compared, and what Salt would make of it."""

from __future__ import annotations

from dataclasses import replace

from deploykit.base.progress import Progress
from deploykit.preview.states import read_states
from deploykit.release import Release
from deploykit.release.page import Page, read_edge
from deploykit.site import Site


def read_whole_page(
    site: Site,
    over: Release | None,
    release: Release,
    environment: str | None,
    progress: Progress | None = None,
) -> Page:
    """The page of the edge between two releases whose kits are here, as `environment` is by its
    file; None, or where there is no such file, as environments are in general.

    Takes half a minute where the states were not rendered before. Raises InputError, GitshelfError.
    """
    found = site.read_environments().environments.get(environment or "")
    page = read_edge(site, over, release, found.roles if found else None)
    return replace(page, states=read_states(site, over, release, found, progress))
