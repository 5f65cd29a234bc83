"""vcstool's and vcs2l's `.repos`, and the rosinstall files that both read as well.

Format: vcs2l's README ("Import set of repositories", "Import with extends functionality") and
rosinstall's "rosinstall file format".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from gitshelf.importers import including, revisions
from gitshelf.importers.keys import Fate, Vocabulary, carried, refused, unique_values
from gitshelf.importers.model import Imported, Source, Translation
from gitshelf.manifest import document
from gitshelf.manifest.document import Node

KEYS = Vocabulary(
    {
        "": {
            "repositories": carried("what is below it"),
            "extends": carried(
                "the repositories of that file, or of each in a list; a later one and this file "
                "win. A file outside the repository, and a circle, are refused"
            ),
        },
        "repositories.PATH.": {
            "type": carried("`git`; `hg`, `svn`, `bzr`, `tar` and `zip` are refused"),
            "url": carried("`git`"),
            "version": carried(
                "`branch`; without it `HEAD`, as vcstool does; `heads/…`, `tags/…` and `origin/…` "
                "in full"
            ),
        },
        "rosinstall ": {
            "git": carried("a book"),
            **{kind: refused("it is not git") for kind in ("hg", "svn", "bzr", "tar", "other")},
        },
        "rosinstall git.": {
            "local-name": carried("`book`"),
            "uri": carried("`git`"),
            "version": carried("`branch`, as above"),
        },
    }
)


_Repository = Callable[[], Imported | None]
"""Makes the book of a repository, or notes why there is none, if it is not overridden."""


def read(source: Source) -> Translation:
    """The books of a file and of those that it extends."""
    translation = Translation()
    for repository in _repositories(source, translation).values():
        with translation.losing():
            book = repository()
            if book:
                translation.books.append(book)
    return translation


def _repositories(source: Source, translation: Translation) -> dict[str, _Repository]:
    root = source.yaml()
    if type(root).__name__ == "SequenceNode":
        return dict(_rosinstall(source, root, translation))
    top = KEYS.fields(translation, source, "", root)
    if "repositories" not in top:
        raise source.missing("repositories", root, "the file")
    repositories: dict[str, _Repository] = {}
    if "extends" in top:
        for inner in _extended_files(source, top["extends"], translation):
            with translation.losing():
                repositories.update(_repositories(inner, translation))
    node = top["repositories"]
    for path, (_, value) in unique_values(translation, source, node, "repositories").items():
        repositories[path] = partial(_repository, source, path, value, translation)
    return repositories


def _extended_files(source: Source, node: Node, translation: Translation) -> Iterator[Source]:
    names = source.texts(node, "extends")
    for number, name in enumerate(names):
        with translation.losing():
            at = source.at(node.value[number] if isinstance(node.value, list) else node)
            if name in names[:number]:
                raise at.error(f"`extends` names {name} twice", "take one of them out")
            folder = Path(source.file).parent
            yield including.Inclusion(folder, name, at, "`extends`").read(source)


def _repository(source: Source, path: str, node: Node, translation: Translation) -> Imported | None:
    location = source.at(node, path)
    fields = KEYS.fields(translation, source, "repositories.PATH.", node)
    kind = source.required(fields, "type", node, path)
    if kind != "git":
        translation.lose(location, f"its type is {kind}, not git")
        return None
    url = source.required(fields, "url", node, path)
    branch = revisions.of_server(source.scalar(fields, "version", "HEAD"))
    return Imported(path, location, url, branch)


def _rosinstall(
    source: Source, root: Node, translation: Translation
) -> Iterator[tuple[str, _Repository]]:
    for item in document.sequence(root, source.at(root), "the file"):
        with translation.losing():
            kinds = unique_values(translation, source, item, "a repository")
            for kind, (key_node, node) in kinds.items():
                fate = KEYS.meet(translation, "rosinstall ", kind, source.at(key_node))
                if fate is Fate.CARRIED:
                    fields = KEYS.fields(translation, source, "rosinstall git.", node)
                    path = source.required(fields, "local-name", node, "the repository")
                    url = source.required(fields, "uri", node, path)
                    branch = revisions.of_server(source.scalar(fields, "version", "HEAD"))
                    book = Imported(path, source.at(key_node, path), url, branch)
                    yield path, lambda book=book: book  # type: ignore[misc]
