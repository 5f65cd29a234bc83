"""Which Ansible collections a repository holds, by its `galaxy.yml` files (collection structure
in Ansible's developer guide)."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field

from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Stopped
from gitshelf.importers import repositories
from gitshelf.importers.model import Source
from gitshelf.manifest import document
from gitshelf.manifest.document import Location

_GALAXY = "galaxy.yml"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection in the folder `path` of a repository, asked for at a line."""

    namespace: str
    short: str
    path: str
    at: Location
    dependencies: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """Its full name."""
        return f"{self.namespace}.{self.short}"

    @property
    def place(self) -> str:
        """Where Ansible finds it, if `collections` is one of the folders it looks into."""
        return f"collections/ansible_collections/{self.namespace}/{self.short}"


def collections_of(
    source: Source, url: str, branch: str, folder: str, at: Location
) -> list[Collection]:
    """The collection in a folder of a repository, or those in its subfolders, as ansible-galaxy
    looks for them. Raises GitshelfError, with the line, if that cannot be read."""

    def galaxy_files(tree: repositories.Tree) -> list[tuple[str, bytes]]:
        content = tree.file(posixpath.join(folder, _GALAXY))
        if content is not None:
            return [(folder, content)]
        paths = [posixpath.join(folder, name) for name in tree.folder(folder)]
        files = [(path, tree.file(posixpath.join(path, _GALAXY))) for path in paths]
        return [(path, content) for path, content in files if content is not None]

    try:
        files = repositories.look(source, url, branch, galaxy_files)
        if not files:
            raise GitshelfError(f"there is no {_GALAXY} in it" + (f" ({folder})" if folder else ""))
        return [_collection(content, path, at) for path, content in files]
    except Stopped:
        raise
    except GitshelfError as error:
        raise at.error(
            f"the namespace and name of the collection {url} are in its {_GALAXY}, which cannot "
            f"be read: {error.message}",
            "write `name: NAMESPACE.NAME` and the URL as `source`",
        ) from None


def _collection(content: bytes, path: str, at: Location) -> Collection:
    galaxy = Source(posixpath.join(path, _GALAXY), content)
    root = galaxy.yaml()
    values = {k: v for k, (_, v) in document.mapping(root, galaxy.at(root), _GALAXY).items()}
    namespace = galaxy.required(values, "namespace", root, _GALAXY)
    name = galaxy.required(values, "name", root, _GALAXY)
    if not _NAME.fullmatch(namespace) or not _NAME.fullmatch(name):
        raise galaxy.at(root).error(f"{namespace}.{name} is no name of a collection")
    needs = values.get("dependencies")
    dependencies = document.mapping(needs, galaxy.at(needs), "dependencies") if needs else {}
    return Collection(namespace, name, path, at, tuple(dependencies))
