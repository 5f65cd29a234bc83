"""A west manifest and those that it imports, resolved in the order and by the rules of west's
manifest.py: what is imported by `self` comes first, then a manifest's own projects, then what these
import; of two projects with one name the first counts."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Stopped
from gitshelf.git import urls
from gitshelf.importers import including, repositories, west_values
from gitshelf.importers.keys import Vocabulary
from gitshelf.importers.model import Imported, Source, Translation
from gitshelf.importers.west_values import ImportMap
from gitshelf.manifest import document
from gitshelf.manifest.document import Location, Node

_MANIFEST = "west.yml"
_SUFFIXES = (".yml", ".yaml")
_CHANGE = re.compile(r"(pull|merge-requests)/\d+/(head|merge)|changes/\d\d/\d+/\d+")


@dataclass(frozen=True, slots=True)
class _Context:
    """What the manifests that import this one say of its projects, and the project in whose
    repository it is (None: in that of the first file)."""

    prefix: str = ""
    filters: tuple[ImportMap, ...] = ()
    project: _Project | None = None


@dataclass(frozen=True, slots=True)
class _Body:
    """One manifest: what its projects need, and what this one is imported by."""

    source: Source
    context: _Context
    remotes: Mapping[str, str]
    defaults: Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class _Project:
    book: Imported
    groups: tuple[str, ...]
    imports: tuple[ImportMap, ...]
    name: str = ""


@dataclass(slots=True)
class Manifests:
    """Reads a manifest into a translation."""

    keys: Vocabulary
    translation: Translation
    _projects: dict[str, _Project] = field(default_factory=dict)
    _filters: list[Sequence[str]] = field(default_factory=list)

    def read(self, source: Source) -> None:
        """Note the projects of a manifest and of those that it imports. Raises GitshelfError if
        the file is no west manifest."""
        self._manifest(source, _Context())
        off: set[str] = set()
        # Those of the manifests that were read first count most.
        for group_filter in reversed(self._filters):
            for group in group_filter:
                (off.add if group.startswith("-") else off.discard)(group[1:])
        for project in self._projects.values():
            if project.groups and off.issuperset(project.groups):
                self.translation.leave_out(
                    project.book.at,
                    f"the project {project.name}, whose groups ({', '.join(project.groups)}) are "
                    "off, as west leaves it out",
                )
            else:
                self.translation.books.append(project.book)

    def _fields(self, source: Source, section: str, node: Node) -> dict[str, Node]:
        return self.keys.fields(self.translation, source, section, node)

    def _manifest(self, source: Source, context: _Context) -> None:
        root = source.yaml()
        top = self._fields(source, "", root)
        if "manifest" not in top:
            raise source.missing("manifest", root, "the file")
        content = self._fields(source, "manifest.", top["manifest"])
        if "self" in content:
            with self.translation.losing():
                self._self(source, content["self"], context)
        if "group-filter" in content:
            with self.translation.losing():
                self._filters.append(west_values.group_filter(source, content["group-filter"]))
        body = _Body(source, context, *self._remotes(source, content))
        for project in self._own_projects(body, content):
            for import_map in project.imports:
                with self.translation.losing():
                    self._import_project(source, context, project, import_map)

    def _self(self, source: Source, node: Node, context: _Context) -> None:
        fields = self._fields(source, "self.", node)
        if "import" not in fields:
            return
        for import_map in self._imports(source, fields["import"], ""):
            with self.translation.losing():
                if import_map.file is None:
                    raise import_map.at.error("`self` cannot import `true`", "name the file")
                if context.project:
                    self._import_project(source, context, context.project, import_map)
                else:
                    self._import_files(source, context, import_map)

    def _import_files(self, source: Source, context: _Context, import_map: ImportMap) -> None:
        """The projects of the files of the manifest's own repository that it imports."""
        top = including.top_of(source)
        name = import_map.file or _MANIFEST
        inclusion = including.Inclusion(top, name, import_map.at, "`self` imports")
        for file in inclusion.files(source, _SUFFIXES):
            with self.translation.losing():
                self._manifest(file.read(source), _inner_context(context, import_map))

    def _imports(self, source: Source, node: Node, book: str) -> list[ImportMap]:
        return list(west_values.imports(self.keys, self.translation, source, node, book))

    def _remotes(
        self, source: Source, content: dict[str, Node]
    ) -> tuple[dict[str, str], dict[str, Node]]:
        remotes: dict[str, str] = {}
        for node in self._list(source, content, "remotes"):
            with self.translation.losing():
                fields = self._fields(source, "remotes[].", node)
                name = source.required(fields, "name", node, "the remote")
                remotes[name] = source.required(fields, "url-base", node, "the remote")
        defaults: dict[str, Node] = {}
        if "defaults" in content:
            with self.translation.losing():
                defaults = self._fields(source, "defaults.", content["defaults"])
                default = source.scalar(defaults, "remote")
                if default and default not in remotes:
                    at = source.at(defaults["remote"])
                    self.translation.lose(at, f"the default remote {default} is not defined")
        return remotes, defaults

    def _list(self, source: Source, content: dict[str, Node], key: str) -> list[Node]:
        if key in content:
            with self.translation.losing():
                return document.sequence(content[key], source.at(content[key]), key)
        return []

    def _own_projects(self, body: _Body, content: dict[str, Node]) -> list[_Project]:
        """The projects of a manifest that are new, and so may import others."""
        new: dict[str, _Project] = {}
        names: set[str] = set()
        filters = body.context.filters
        for node in self._list(body.source, content, "projects"):
            with self.translation.losing():
                project = self._project(body, node)
                place = project.book.place
                if not all(import_map.takes(project.name, place) for import_map in filters):
                    continue
                if project.name in names:
                    raise project.book.at.error(
                        f"the name {project.name} is used twice", "give one another name"
                    )
                names.add(project.name)
                if project.name not in self._projects:
                    self._projects[project.name] = new[project.name] = project
        return list(new.values())

    def _project(self, body: _Body, node: Node) -> _Project:
        source = body.source
        fields = self._fields(source, "projects[].", node)
        name = source.required(fields, "name", node, "the project")
        imports: list[ImportMap] = []
        path = source.scalar(fields, "path", name)
        if "import" in fields:
            imports = self._imports(source, fields["import"], path)
            if type(fields["import"]).__name__ == "MappingNode":
                # The prefix of a project's own import holds for the project, too.
                path = posixpath.join(imports[0].prefix, path)
        path = posixpath.normpath(posixpath.join(body.context.prefix, path))
        at = source.at(node, path)
        if name == "manifest" or re.search(r"[/\\]", name):
            raise at.error(f"a project cannot be called {name}", "give it another name")
        groups = tuple(source.texts(fields["groups"], "groups")) if "groups" in fields else ()
        if groups and imports:
            raise at.error("it has both `groups` and `import`", "west takes only one of them")
        revision = source.scalar(fields, "revision") or source.scalar(
            body.defaults, "revision", "master"
        )
        book = Imported(
            path,
            at,
            self._url(body, fields, name, at),
            f"refs/{revision}" if _CHANGE.fullmatch(revision) else revision,
            submodules=self._submodules(source, fields, path),
        )
        return _Project(book, groups, tuple(imports), name)

    def _url(self, body: _Body, fields: Mapping[str, Node], name: str, at: Location) -> str:
        source = body.source
        url = source.scalar(fields, "url")
        if url:
            for key in ("remote", "repo-path"):
                if source.scalar(fields, key):
                    raise at.error(f"it has both `url` and `{key}`", "west takes only one of them")
            return url
        remote = source.scalar(fields, "remote") or source.scalar(body.defaults, "remote")
        if remote not in body.remotes:
            names = ", ".join(body.remotes) or "none"
            raise at.error(
                f"there is no remote {remote}" if remote else "it has neither `url` nor `remote`",
                f"name one of the remotes ({names})",
            )
        return body.remotes[remote].rstrip("/") + "/" + source.scalar(fields, "repo-path", name)

    def _submodules(self, source: Source, fields: Mapping[str, Node], path: str) -> bool:
        if "submodules" not in fields:
            return False
        node = fields["submodules"]
        if type(node).__name__ != "SequenceNode":
            return west_values.flag(source, node, "submodules")
        submodules = [self._fields(source, "submodules[].", item) for item in node.value]
        names = [source.scalar(item, "path") for item in submodules]
        if names:
            self.translation.lose(
                source.at(node, path),
                f"only the submodules {', '.join(names)} are wanted; a book has all of its "
                "submodules or none (imported with all)",
            )
        return bool(names)

    def _import_project(
        self, source: Source, context: _Context, project: _Project, import_map: ImportMap
    ) -> None:
        """The projects of the manifests in the repository of a project that it imports."""
        book = project.book
        name = import_map.file or _MANIFEST

        def manifest_files(tree: repositories.Tree) -> list[tuple[str, bytes]]:
            content = tree.file(name)
            if content is not None:
                return [(name, content)]
            names = tree.folder(name)
            if not names:
                raise GitshelfError(f"it has no {name}")
            files = [posixpath.join(name, file) for file in names if file.endswith(_SUFFIXES)]
            members = [(file, tree.file(file)) for file in files]
            return [(file, content) for file, content in members if content is not None]

        try:
            manifests = repositories.look(source, book.git, book.branch, manifest_files)
        except Stopped:
            raise
        except GitshelfError as error:
            raise import_map.at.error(
                f"it imports the projects of its own manifest, which cannot be read: "
                f"{error.message}",
                "make that repository reachable, or import that manifest by itself",
            ) from None
        inner_context = replace(_inner_context(context, import_map), project=project)
        # What comes from elsewhere must not lead to folders of this machine.
        origin = source.origin or (book.git if urls.local_path(book.git) is None else "")
        for file, content in manifests:
            label = f"{project.name}@{book.branch}:{file}"
            with self.translation.losing():
                inner = including.join(source, label, content, import_map.at, f"{book.git} {label}")
                self._manifest(replace(inner, origin=origin), inner_context)


def _inner_context(context: _Context, import_map: ImportMap) -> _Context:
    prefix = posixpath.join(context.prefix, import_map.prefix)
    return replace(context, prefix=prefix, filters=(*context.filters, import_map))
