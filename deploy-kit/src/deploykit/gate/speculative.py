"""The manifest of a speculative state: the site's, at the state's commits."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deploykit.gate.config import Config
from deploykit.gate.sources import project_of
from deploykit.gate.trees import Tips, Trees
from deploykit.release.cutting import HERE, here_tokens
from deploykit.site import Site

if TYPE_CHECKING:
    from gitshelf.manifest import Manifest
    from gitshelf.manifest.books import Book

HEAD = "HEAD"


@dataclass(frozen=True, slots=True)
class Projects:
    """The projects of a state: `commits` of a queue's branch, fetched from the gate's own stores.

    `hosts` are the names of the server that people fetch them from, `home` the project that holds
    the site ('' if none does).
    """

    commits: Tips
    store: Callable[[str], Path]
    hosts: frozenset[str]
    home: str

    def source(self, book: Book) -> tuple[str, str]:
        """URL and commit, or branch, of a book: the state's if it follows a branch of the state.

        What is of another server or branch, or pinned to a commit of no branch, stays as it is.
        """
        project = self._project(book)
        for (name, branch), commit in self.commits.items():
            if name == project and (book.track or book.branch) in (branch, HEAD):
                return f"file://{self.store(name).resolve()}", commit
        return book.url, book.branch

    def _project(self, book: Book) -> str:
        if book.origin == HERE:
            return self.home
        address = urlsplit(book.url)
        if address.hostname not in self.hosts:
            return ""
        return project_of(address.path, [name for name, _ in self.commits])


def state_manifest(site: Site, config: Config, commits: Tips, trees: Trees) -> str:
    """The manifest of the state `commits`, with its books at its commits.

    It is the one that the state itself has, if the site lies in a project (`home`). Raises
    gitshelf's errors.
    """
    from gitshelf.resolution import load

    hosts = {urlsplit(config.access.url).hostname, config.access.ssh_host}
    home, path = config.home or ("", "")
    projects = Projects(commits, trees.store, frozenset(filter(None, hosts)), home)
    own = next((commit for (name, _), commit in commits.items() if name == home), "")
    name = PurePosixPath(path).with_name(site.manifest.name).as_posix() if own else ""
    text = trees.text(home, own, name) if own else None
    if text is None:
        return manifest_text(load(site.manifest, tokens=here_tokens(site)), projects)
    with tempfile.TemporaryDirectory(prefix="manifest-") as folder:
        file = Path(folder) / site.manifest.name
        file.write_text(text, encoding="utf-8")
        here = {"here": str(trees.store(home).resolve())}
        return manifest_text(load(file, tokens=here), projects)


def manifest_text(manifest: Manifest, projects: Projects) -> str:
    """The books of a manifest, each from its source in `projects`, as YAML."""
    lines = ["books:"]
    for book in manifest.books:
        url, commit = projects.source(book)
        fields = {"book": book.written, "git": url, "branch": commit, **book.policies.to_json()}
        if book.path:
            fields["path"] = book.path
        lines += _entry(fields)
    for link in manifest.links:
        lines += _entry({"book": link.written, "link": link.written_target})
    return "\n".join([*lines, ""])


def _entry(fields: dict[str, str]) -> list[str]:
    # JSON's strings are YAML's, too.
    texts = [f"{key}: {json.dumps(value)}" for key, value in fields.items()]
    return [f"  {'- ' if n == 0 else '  '}{text}" for n, text in enumerate(texts)]
