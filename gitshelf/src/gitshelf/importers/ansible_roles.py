"""What an Ansible role depends on, by its `meta` folder (Galaxy developer guide)."""

from __future__ import annotations

from collections.abc import Iterator

from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Stopped
from gitshelf.importers import repositories
from gitshelf.importers.credentials import tail
from gitshelf.importers.model import Imported, Source, Translation
from gitshelf.manifest import document
from gitshelf.manifest.document import Location, Node

_META, _REQUIREMENTS = "meta/main", "meta/requirements"
_SUFFIXES = (".yml", ".yaml")


def note_dependencies(source: Source, roles: list[Imported], translation: Translation) -> None:
    """Note what roles depend on that is not among them, which ansible-galaxy would get."""
    names = {one.place.removeprefix("roles/") for one in roles}
    for one in roles:
        try:
            files = repositories.look(source, one.git, one.branch, _see)
            needed = [name for file, data in files for name in _names(Source(file, data))]
        except Stopped:
            raise
        except GitshelfError:
            at = Location(one.at.file, one.at.line)
            meta = f"{_META}{_SUFFIXES[0]}"
            translation.leave_out(at, f"what {one.place} depends on, as its {meta} cannot be read")
            continue
        for name in dict.fromkeys(needed):
            if name not in names:
                translation.lose(
                    one.at,
                    f"it depends on the role {name}, which ansible-galaxy would get, too: add it "
                    "with its repository",
                )


def _see(tree: repositories.Tree) -> list[tuple[str, bytes]]:
    names = [f"{name}{suffix}" for name in (_META, _REQUIREMENTS) for suffix in _SUFFIXES]
    found = [(name, tree.file(name)) for name in names]
    return [(name, content) for name, content in found if content is not None]


def _names(file: Source) -> Iterator[str]:
    """The names of the roles that a file asks for, but for those without a dot, which Ansible
    takes for roles beside this one."""
    root = document.compose(file.text(), file.file)
    if root is not None and type(root).__name__ == "MappingNode":
        root = file.values(root, file.file).get("dependencies")
    for node in document.sequence(root, file.at(root), "dependencies") if root is not None else ():
        name, src, scm = _asked(file, node)
        if "." in name or "." in src or scm:
            yield name


def _asked(file: Source, node: Node) -> tuple[str, str, str]:
    if type(node).__name__ == "ScalarNode":
        src, _, name = [*str(node.value).split(","), "", ""][:3]
        return name.strip() or tail(src), src, ""
    one = file.values(node, "a role")
    name = file.scalar(one, "role") or file.scalar(one, "name")
    src = file.scalar(one, "src") or name
    return name or tail(src), src, file.scalar(one, "scm")
