"""The projects of an Android repo manifest: added, changed and removed in its order."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field

from gitshelf.base.errors import GitshelfError
from gitshelf.formats.gitobjects import is_id
from gitshelf.importers.model import Imported, Translation
from gitshelf.importers.repo_remotes import Remotes
from gitshelf.importers.repo_xml import Element
from gitshelf.manifest.document import Location

_HEADS = "refs/heads/"


@dataclass(slots=True)
class _Project:
    name: str
    path: str
    at: Location
    remote: Element
    revision: str
    upstream: str
    groups: set[str]
    submodules: bool
    links: dict[str, tuple[str, Location]] = field(default_factory=dict)


class Projects:
    """The projects so far. Each method takes an element in, and raises GitshelfError, with its
    line, if repo would not take it."""

    def __init__(self, remotes: Remotes, translation: Translation) -> None:
        self._remotes = remotes
        self._translation = translation
        self._projects: list[_Project] = []

    def add(self, element: Element, parent: _Project | None = None) -> None:
        """A <project>, and those below it, whose names and paths are below its own."""
        try:
            name, path = self._name_and_path(element, parent)
            project = self._project(element, name, path)
        except GitshelfError:
            self._lose_below(element)
            raise
        self._projects.append(project)
        self._links(project, element)
        for child in element.children:
            if child.tag == "project":
                with self._translation.losing():
                    self.add(child, project)

    def _name_and_path(self, element: Element, parent: _Project | None) -> tuple[str, str]:
        name = element.path("name").rstrip("/")
        if parent:
            name = posixpath.join(parent.name, name)
        # Without a path, the name counts with those above it: that is how repo reads it.
        path = (element.path("path", dot=True) if element.get("path") else name).rstrip("/")
        return name, posixpath.join(parent.path, path) if parent else path

    def _project(self, element: Element, name: str, path: str) -> _Project:
        at = element.at(path)
        default = self._remotes.default
        flag = element.flag("sync-s")
        remote = self._remotes.remote(element.get("remote"), at)
        revision = element.get("revision") or remote.get("revision") or default.get("revision")
        if not revision:
            raise at.error(
                "it has no `revision`, and neither has its remote nor <default>", "write one"
            )
        return _Project(
            name=name,
            path=path,
            at=at,
            remote=remote,
            revision=revision,
            upstream=element.get("upstream") or default.get("upstream"),
            groups=element.words("groups"),
            submodules=bool(default.flag("sync-s") if flag is None else flag),
        )

    def _lose_below(self, element: Element) -> None:
        for child in element.children:
            self._translation.lose(child.at(), f"{child.name()}, with the project it is in")
            self._lose_below(child)

    def extend(self, element: Element) -> None:
        """An <extend-project>."""
        name = element.required("name")
        candidates = [project for project in self._projects if project.name == name]
        if not candidates:
            self._lose_below(element)
            raise element.at().error(f"<extend-project> {name}: there is no such project")
        if element.get("dest-path") and not element.get("path") and len(candidates) > 1:
            raise element.at().error(
                f"<extend-project> {name}: there are several, which cannot all go to "
                f"{element.get('dest-path')}",
                "say with `path` which one",
            )
        extended = [project for project in candidates if element.get("path") in ("", project.path)]
        for project in extended:
            self._change(project, element)
        if not extended:
            self._translation.leave_out(
                element.at(),
                f"<extend-project> {name}, as none of that name is at {element.get('path')}",
            )

    def _change(self, project: _Project, element: Element) -> None:
        if element.get("revision"):
            _check_base(project, element)
            project.revision = element.get("revision")
        if element.get("remote"):
            project.remote = self._remotes.remote(element.get("remote"), element.at(project.path))
        project.upstream = element.get("upstream") or project.upstream
        project.groups |= element.words("groups")
        if element.get("dest-path"):
            project.path = element.path("dest-path", dot=True).rstrip("/")
            project.at = Location(project.at.file, project.at.line, project.path)
        self._links(project, element)

    def remove(self, element: Element) -> None:
        """A <remove-project>."""
        name, path = element.get("name"), element.get("path")
        if not name and not path:
            raise element.at().error("<remove-project> has neither `name` nor `path`", "write one")
        removed = [
            project
            for project in self._projects
            if name in ("", project.name) and path in ("", project.path)
        ]
        if not removed and not element.flag("optional"):
            raise element.at().error(f"<remove-project> {name or path}: there is no such project")
        for project in removed:
            _check_base(project, element)
            self._projects.remove(project)

    def finish(self) -> None:
        """Note the books that the projects are."""
        known_links: set[tuple[str, str]] = set()
        for project in self._projects:
            if "notdefault" in project.groups and "platform-linux" not in project.groups:
                self._translation.leave_out(
                    project.at,
                    f"the project {project.path}, in the group notdefault, as repo leaves it out",
                )
                continue
            url = self._remotes.url(project.remote, project.name, project.path)
            if url:
                self._translation.books.append(self._book(project, url))
            for dest, (src, at) in project.links.items():
                end = posixpath.normpath(posixpath.join(project.path, src))
                target = posixpath.relpath(end, posixpath.dirname(dest) or ".")
                if url and (dest, target) not in known_links:
                    known_links.add((dest, target))
                    self._translation.books.append(Imported(dest, at, link=target))
                elif not url:
                    self._translation.lose(at, f"it leads to {target}, which is not imported")
        self._remotes.finish()

    def _book(self, project: _Project, url: str) -> Imported:
        track = ""
        if is_id(project.revision) and project.upstream:
            track = project.upstream.removeprefix(_HEADS)
        if project.upstream and (not track or track.startswith("refs/") or is_id(track)):
            track = ""
            self._translation.leave_out(project.at, "`<project> upstream`, how a SHA is looked for")
        return Imported(
            project.path,
            project.at,
            url,
            project.revision,
            track=track,
            submodules=project.submodules,
        )

    def _links(self, project: _Project, element: Element) -> None:
        for child in element.children:
            if child.tag == "linkfile":
                with self._translation.losing():
                    src, dest = child.path("src", dot=True), child.path("dest")
                    at = child.at(dest)
                    if dest.endswith("/"):
                        raise at.error("`dest` is a folder", "name the link in it")
                    if any(character in src for character in "*?["):
                        raise at.error(f"a link to each of {src}", "write a linkfile for each")
                    project.links[dest] = (src, at)


def _check_base(project: _Project, element: Element) -> None:
    base = element.get("base-rev")
    if base and base != project.revision:
        raise element.at(project.path).error(
            f"<{element.tag}> is for `base-rev` {base}, and the project is at {project.revision}",
            "bring both together",
        )
