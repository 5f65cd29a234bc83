"""Ansible's `requirements.yml`: roles and collections that come from git.

Format: Ansible's Galaxy user guide, "Installing multiple roles/collections from a file", and
ansible-core's cli/galaxy.py, playbook/role/requirement.py and galaxy/collection, which read it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Stopped
from gitshelf.importers import credentials, including, revisions
from gitshelf.importers.ansible_collections import Collection, collections_of
from gitshelf.importers.ansible_roles import note_dependencies
from gitshelf.importers.keys import Vocabulary, carried, left_out
from gitshelf.importers.model import Imported, Source, Translation
from gitshelf.manifest import document
from gitshelf.manifest.document import Location, Node

KEYS = Vocabulary(
    {
        "": {
            "roles": carried("books below `roles/`; a list at the top is one of roles"),
            "collections": carried("books below `collections/ansible_collections/`"),
        },
        "roles[].": {
            "name": carried("`book: roles/NAME`, else the end of `src`"),
            "role": carried("as `name`, which it beats"),
            "src": carried("`git`; refused if it is not git: what is from Galaxy or a tarball"),
            "scm": carried("nothing to write: `git`; `hg` is refused"),
            "version": carried("`branch`; without it `HEAD`; `origin/…` in full"),
            "include": carried("the roles of that file; outside the repository it is refused"),
        },
        "collections[].": {
            "name": carried(
                "`book: collections/ansible_collections/NAMESPACE/NAME`, by the repository's "
                "`galaxy.yml`; a URL is `git`: refused if that file cannot be read"
            ),
            "source": carried("`git`, where `type` is `git`"),
            "type": carried("nothing to write: `git`; others are refused"),
            "version": carried(
                "`branch`; without it, or `*`, `HEAD`; `origin/…` in full; a range is refused"
            ),
            "signatures": left_out("for collections from Galaxy; a kit has its own"),
        },
    }
)
_FULL_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\.([A-Za-z_][A-Za-z0-9_]*)")
_RANGE = re.compile(r"[<>=!]|.*,")


def read(source: Source) -> Translation:
    """Roles as `roles/NAME`, collections as `collections/ansible_collections/NAMESPACE/NAME`."""
    translation = Translation()
    root = source.yaml()
    top: dict[str, Node] = {"roles": root}
    if type(root).__name__ != "SequenceNode":
        top = KEYS.fields(translation, source, "", root)
        if not top:
            raise source.missing("roles", root, "the file")
    for node in _items(source, top, "roles", translation):
        with translation.losing():
            translation.books += _roles(source, node, translation)
    # What a role depends on that is not carried anyway does not matter.
    roles = [book for book in translation.books if not credentials.problem(book.git)]
    note_dependencies(source, roles, translation)
    collections: list[tuple[Collection, Imported]] = []
    for node in _items(source, top, "collections", translation):
        with translation.losing():
            collections += _collections(source, node, translation)
    translation.books += [book for _, book in collections]
    _check_dependencies([collection for collection, _ in collections], translation)
    return translation


def _items(source: Source, top: dict[str, Node], key: str, translation: Translation) -> list[Node]:
    if key in top:
        with translation.losing():
            return document.sequence(top[key], source.at(top[key]), key)
    return []


def _roles(source: Source, node: Node, translation: Translation) -> Iterator[Imported]:
    if type(node).__name__ == "ScalarNode":
        fields = [part.strip() for part in str(node.value).split(",")]
        if len(fields) > 3:
            raise source.at(node).error(
                "a role of more than three parts", "write SRC[,VERSION[,NAME]]"
            )
        src, version, name = [*fields, "", ""][:3]
        yield from _role(source.at(node), src, name, version, "")
        return
    role = KEYS.fields(translation, source, "roles[].", node)
    if "include" in role:
        for key in role.keys() - {"include"}:
            translation.lose(source.at(role[key]), f"`roles[].{key}` beside `include`")
        yield from _included_roles(source, role, translation)
        return
    name = source.scalar(role, "role") or source.scalar(role, "name")
    src = source.scalar(role, "src") or name
    if not src:
        raise source.missing("src", node, "the role")
    version, scm = source.scalar(role, "version"), source.scalar(role, "scm")
    yield from _role(source.at(node), src, name, version, scm)


def _role(at: Location, src: str, name: str, version: str, scm: str) -> Iterator[Imported]:
    prefix, plus, url = src.partition("+")
    if plus and prefix.isalpha():
        scm = prefix
    else:
        url = src
    if scm not in ("", "git") or not (scm == "git" or _is_git(src)):
        raise at.error(
            f"the role {src} does not come from git", "name the repository that it is made from"
        )
    place = "roles/" + (name if name and name != src else credentials.tail(url))
    yield Imported(
        place, Location(at.file, at.line, place), url, revisions.of_server(version or "HEAD")
    )


def _included_roles(
    source: Source, role: dict[str, Node], translation: Translation
) -> Iterator[Imported]:
    name = source.scalar(role, "include")
    at = source.at(role["include"])
    # Ansible takes it from where it is run, which is mostly the folder of the file.
    folders = (Path(source.file).parent, Path())
    folder = next((f for f in folders if os.path.isfile(f / name)), folders[0])  # noqa: PTH113
    inner = including.Inclusion(folder, name, at, "`include`").read(source)
    root = inner.yaml()
    for node in document.sequence(root, inner.at(root), "the included file"):
        with translation.losing():
            yield from _roles(inner, node, translation)


def _collections(
    source: Source, node: Node, translation: Translation
) -> Iterator[tuple[Collection, Imported]]:
    source_url = kind = version = ""
    at = source.at(node)
    if type(node).__name__ == "ScalarNode":
        name = str(node.value)
    else:
        values = KEYS.fields(translation, source, "collections[].", node)
        name, source_url = source.scalar(values, "name"), source.scalar(values, "source")
        kind, version = source.scalar(values, "type"), source.scalar(values, "version")
        if not name and not source_url:
            raise source.missing("name", node, "the collection")
    full = _FULL_NAME.fullmatch(name)
    url = source_url if kind == "git" and source_url else name
    if not (kind == "git" or (not kind and _is_git(url))) or (full and url == name):
        raise at.error(
            f"the collection {name or source_url} does not come from git",
            "name the repository that it is made from",
        )
    if source_url and url != source_url:
        translation.leave_out(at, "`collections[].source`, as `name` is a URL already")
    url, comma, after_comma = url.removeprefix("git+").partition(",")
    version = after_comma if comma else version
    url, _, folder = url.partition("#")
    branch = revisions.of_server("HEAD" if version in ("", "*") else version)
    if _RANGE.match(branch):
        raise at.error(f"{branch} is a range of versions, not one of git", "name a branch or tag")
    reason = credentials.problem(url)
    if reason:
        raise at.error(f"the URL {url} {reason}")
    try:
        collections = collections_of(source, url, branch, folder.strip("/"), at)
    except GitshelfError as error:
        if not full or isinstance(error, Stopped):
            raise
        translation.leave_out(at, f"what {name} depends on, as its galaxy.yml cannot be read")
        collections = [Collection(full[1], full[2], folder.strip("/"), at)]
    if full and name not in {collection.name for collection in collections}:
        translation.leave_out(at, f"the name {name}, as its galaxy.yml has another, which counts")
    for collection in collections:
        here = Location(at.file, at.line, collection.place)
        yield (
            collection,
            Imported(collection.place, here, url, branch, collection.path),
        )


def _check_dependencies(collections: list[Collection], translation: Translation) -> None:
    """Note the dependencies that are not among `collections`: ansible-galaxy would get them."""
    names = {collection.name for collection in collections}
    for collection in collections:
        for name in collection.dependencies:
            if name not in names:
                translation.lose(
                    collection.at,
                    f"{collection.name} depends on {name}, which ansible-galaxy would get, too: "
                    "add it with its repository",
                )


def _is_git(url: str) -> bool:
    """Whether Ansible itself takes it for git without being told, or its name says so."""
    plain = url.partition("#")[0].partition(",")[0]
    if url.startswith(("git+", "git@")) or plain.endswith(".git"):
        return True
    return plain.startswith("http") and "github.com" in plain and not plain.endswith(".tar.gz")
