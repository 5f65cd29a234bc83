"""Ansible's `requirements.yml`: roles and collections that come from git.

Format: Ansible's Galaxy user guide, "Installing multiple roles/collections from a file".
"""

from __future__ import annotations

import re

from gitshelf.importers.model import Imported, Source, Translation
from gitshelf.manifest import document
from gitshelf.manifest.document import Node

_FULL_NAME = re.compile(r"([a-z_][a-z0-9_]*)\.([a-z_][a-z0-9_]*)")


def read(source: Source) -> Translation:
    """Roles as `roles/NAME`, collections as `collections/ansible_collections/NAMESPACE/NAME`, or
    `collections/REPOSITORY` if only their URL is known."""
    root = source.yaml()
    translation = Translation()
    if type(root).__name__ == "SequenceNode":
        top: dict[str, Node] = {"roles": root}
    else:
        top = source.values(root, "the file")
    if not {"roles", "collections"} & set(top):
        raise source.missing("roles", root, "the file")
    for key, one in (("roles", _role), ("collections", _collection)):
        if key in top:
            for node in document.sequence(top[key], source.at(top[key]), key):
                one(source, node, translation)
    return translation


def _role(source: Source, node: Node, translation: Translation) -> None:
    if type(node).__name__ == "ScalarNode":
        fields = [*(part.strip() for part in str(node.value).split(",")), "", ""]
        src, version, name, scm = fields[0], fields[1], fields[2], ""
    else:
        one = source.values(node, "a role")
        if "include" in one:
            translation.lose(source.at(node), f"it includes {source.scalar(one, 'include')}")
            return
        name = source.scalar(one, "name") or source.scalar(one, "role")
        src = source.scalar(one, "src") or name
        version, scm = source.scalar(one, "version"), source.scalar(one, "scm")
    if not src:
        raise source.missing("src", node, "the role")
    url = src.removeprefix("git+")
    if not (scm == "git" or (not scm and _is_git(src))):
        translation.lose(source.at(node), f"the role {src} does not come from git")
        return
    place = "roles/" + (name if name and name != src else _tail(url))
    translation.books.append(Imported(place, source.at(node, place), url, version or "HEAD"))


def _collection(source: Source, node: Node, translation: Translation) -> None:
    if type(node).__name__ == "ScalarNode":
        name, where, kind, version = str(node.value), "", "", ""
    else:
        one = source.values(node, "a collection")
        name = source.required(one, "name", node, "the collection")
        where, kind = source.scalar(one, "source"), source.scalar(one, "type")
        version = source.scalar(one, "version")
    url = where if kind == "git" and where else name
    if not (kind == "git" or (not kind and _is_git(url))):
        translation.lose(source.at(node), f"the collection {name} does not come from git")
        return
    url, _, tail = url.removeprefix("git+").partition(",")
    url, _, folder = url.partition("#")
    full = _FULL_NAME.fullmatch(name)
    place = f"ansible_collections/{full[1]}/{full[2]}" if full else _tail(url)
    branch = version or tail
    translation.books.append(
        Imported(
            f"collections/{place}",
            source.at(node, f"collections/{place}"),
            url,
            "HEAD" if branch in ("", "*") else branch,
            folder.strip("/"),
        )
    )


def _is_git(url: str) -> bool:
    """Whether Ansible itself takes it for git without being told."""
    plain = url.partition("#")[0].partition(",")[0]
    if url.startswith(("git+", "git@")) or plain.endswith(".git"):
        return True
    return plain.startswith("http") and "github.com" in plain and not plain.endswith(".tar.gz")


def _tail(url: str) -> str:
    return re.split(r"[/:]", url.rstrip("/"))[-1].removesuffix(".git")
