"""west's `west.yml` (Zephyr's documentation, "West Manifests")."""

from __future__ import annotations

from gitshelf.importers.model import Imported, Source, Translation
from gitshelf.manifest import document
from gitshelf.manifest.document import Node


def read(source: Source) -> Translation:
    """The projects of a west manifest; the manifest's own repository is not among them."""
    root = source.yaml()
    top = source.values(root, "the file")
    if "manifest" not in top:
        raise source.missing("manifest", root, "the file")
    body = source.values(top["manifest"], "manifest")
    translation = Translation()
    defaults = source.values(body["defaults"], "defaults") if "defaults" in body else {}
    remotes: dict[str, str] = {}
    for node in _list(source, body, "remotes"):
        one = source.values(node, "a remote")
        name = source.required(one, "name", node, "the remote")
        remotes[name] = source.required(one, "url-base", node, "the remote")
    if "group-filter" in body:
        translation.lose(
            source.at(body["group-filter"]), "a filter of groups; all projects are taken"
        )
    if "self" in body:
        own = source.values(body["self"], "self")
        if "import" in own:
            translation.lose(source.at(own["import"]), "`self` imports other manifests")
    for node in _list(source, body, "projects"):
        _project(source, node, remotes, defaults, translation)
    return translation


def _list(source: Source, body: dict[str, Node], key: str) -> list[Node]:
    return document.sequence(body[key], source.at(body[key]), key) if key in body else []


def _project(
    source: Source,
    node: Node,
    remotes: dict[str, str],
    defaults: dict[str, Node],
    translation: Translation,
) -> None:
    one = source.values(node, "a project")
    name = source.required(one, "name", node, "the project")
    path = source.scalar(one, "path", name)
    location = source.at(node, path)
    url = source.scalar(one, "url")
    if not url:
        remote = source.scalar(one, "remote") or source.scalar(defaults, "remote")
        if remote not in remotes:
            known = ", ".join(remotes) or "none"
            raise location.error(
                f"there is no remote {remote}" if remote else "it has neither `url` nor `remote`",
                f"name one of the remotes ({known})",
            )
        url = remotes[remote].rstrip("/") + "/" + source.scalar(one, "repo-path", name)
    if "import" in one and source.scalar_or_more(one, "import") not in ("", "false"):
        translation.lose(
            source.at(one["import"], path), "it imports the projects of its own manifest"
        )
    submodules = source.scalar_or_more(one, "submodules") not in ("", "false")
    revision = source.scalar(one, "revision") or source.scalar(defaults, "revision", "master")
    translation.books.append(Imported(path, location, url, revision, submodules=submodules))
