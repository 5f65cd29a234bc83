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
    """Note the dependencies that are not among `roles`: ansible-galaxy would get them."""
    names = {role.place.removeprefix("roles/") for role in roles}
    for role in roles:
        try:
            files = repositories.look(source, role.git, role.branch, _meta_files)
            needed = [name for file, data in files for name in _role_names(Source(file, data))]
        except Stopped:
            raise
        except GitshelfError:
            at = Location(role.at.file, role.at.line)
            meta = f"{_META}{_SUFFIXES[0]}"
            translation.leave_out(at, f"what {role.place} depends on, as its {meta} cannot be read")
            continue
        for name in dict.fromkeys(needed):
            if name not in names:
                translation.lose(
                    role.at,
                    f"it depends on the role {name}, which ansible-galaxy would get, too: add it "
                    "with its repository",
                )


def _meta_files(tree: repositories.Tree) -> list[tuple[str, bytes]]:
    names = [f"{name}{suffix}" for name in (_META, _REQUIREMENTS) for suffix in _SUFFIXES]
    files = [(name, tree.file(name)) for name in names]
    return [(name, content) for name, content in files if content is not None]


def _role_names(file: Source) -> Iterator[str]:
    """The names of the roles that a file asks for, without those that Ansible takes for roles
    beside this one: they have no dot."""
    root = document.compose(file.text(), file.file)
    if root is not None and type(root).__name__ == "MappingNode":
        root = file.values(root, file.file).get("dependencies")
    for node in document.sequence(root, file.at(root), "dependencies") if root is not None else ():
        name, src, scm = _requirement(file, node)
        if "." in name or "." in src or scm:
            yield name


def _requirement(file: Source, node: Node) -> tuple[str, str, str]:
    if type(node).__name__ == "ScalarNode":
        src, _, name = [*str(node.value).split(","), "", ""][:3]
        return name.strip() or tail(src), src, ""
    values = file.values(node, "a role")
    name = file.scalar(values, "role") or file.scalar(values, "name")
    src = file.scalar(values, "src") or name
    return name or tail(src), src, file.scalar(values, "scm")
