"""Android repo's manifests (its docs/manifest-format.md)."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from urllib.parse import urljoin
from xml.parsers import expat

from gitshelf.base.errors import GitshelfError
from gitshelf.formats.gitobjects import is_id
from gitshelf.importers.model import Imported, Source, Translation

_HARMLESS = ("annotation", "notice", "superproject", "contactinfo", "manifest-server", "repo-hooks")


@dataclass(frozen=True, slots=True)
class _Element:
    tag: str
    values: dict[str, str]
    line: int
    above: str


def read(source: Source) -> Translation:
    """The projects of a manifest. A relative `fetch` begins at `source.base`, the URL of the
    repository that holds the manifest. Projects of the group `notdefault` are left out, as repo
    does."""
    elements = _elements(source)
    translation = Translation()
    remotes = {one.values.get("name", ""): one for one in elements if one.tag == "remote"}
    default = next((one.values for one in elements if one.tag == "default"), {})
    for one in elements:
        if one.tag == "project":
            _project(source, one, remotes, default, translation)
        elif one.tag == "linkfile":
            _link(source, one, translation)
        elif one.tag not in ("manifest", "remote", "default", *_HARMLESS):
            name = one.values.get("name") or one.values.get("dest") or one.values.get("path", "")
            translation.lose(source.at(one.line), f"<{one.tag}> {name}".rstrip())
    return translation


def _elements(source: Source) -> list[_Element]:
    """All elements in order; `above` is the path of the project that an element lies in."""
    elements: list[_Element] = []
    projects: list[str] = []
    parser = expat.ParserCreate()

    def start(tag: str, values: dict[str, str]) -> None:
        elements.append(_Element(tag, values, parser.CurrentLineNumber, "".join(projects[-1:])))
        if tag == "project":
            projects.append(values.get("path") or values.get("name", ""))

    def end(tag: str) -> None:
        if tag == "project":
            projects.pop()

    def doctype(*_: object) -> None:
        raise source.at(parser.CurrentLineNumber).error("a document type", "remove it")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    # Entities could grow without bounds.
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(source.data, True)
    except expat.ExpatError as error:
        reason = expat.errors.messages.get(error.code, "it cannot be parsed")
        raise source.at(error.lineno).error(f"not XML: {reason}", "correct the line") from None
    if not elements or elements[0].tag != "manifest":
        raise source.at(1).error("the file has no <manifest>", "name a manifest of repo")
    return elements


def _project(
    source: Source,
    one: _Element,
    remotes: dict[str, _Element],
    default: dict[str, str],
    translation: Translation,
) -> None:
    values = one.values
    name = values.get("name", "")
    if not name:
        raise source.missing("name", one.line, "the project")
    path = values.get("path") or name
    location = source.at(one.line, path)
    if "notdefault" in values.get("groups", "").replace(",", " ").split():
        translation.lose(location, "it is in the group notdefault, which repo leaves out")
        return
    remote_name = values.get("remote") or default.get("remote", "")
    if remote_name not in remotes:
        known = ", ".join(remotes) or "none"
        raise location.error(
            f"there is no remote {remote_name}" if remote_name else "it has no `remote`",
            f"name one of the remotes ({known})",
        )
    remote = remotes[remote_name]
    fetch = remote.values.get("fetch", "")
    if "://" not in fetch and ":" not in fetch and not fetch.startswith("/"):
        if not source.base:
            raise source.at(remote.line).error(
                f"the remote {remote_name} is relative ({fetch or '.'})",
                "say with --base URL which repository holds this manifest",
            )
        fetch = _joined(source.base, fetch)
    revision = (
        values.get("revision") or remote.values.get("revision") or default.get("revision", "")
    )
    upstream = values.get("upstream") or default.get("upstream", "")
    track = upstream.removeprefix("refs/heads/") if is_id(revision) else ""
    wanted = values.get("sync-s") or default.get("sync-s", "false")
    submodules = wanted in ("true", "1", "yes")
    url = f"{fetch.rstrip('/')}/{name}"
    translation.books.append(
        Imported(path, location, url, revision or "HEAD", track=track, submodules=submodules)
    )


def _joined(base: str, relative: str) -> str:
    """As urljoin, for schemes too that it does not know."""
    scheme, separator, rest = base.rstrip("/").partition("://")
    if not separator:
        raise GitshelfError(f"--base {base} has no scheme", "write it with one, like ssh://")
    joined = urljoin(f"http://{rest}", relative or ".")
    return scheme + separator + joined.removeprefix("http://")


def _link(source: Source, one: _Element, translation: Translation) -> None:
    src, dest = one.values.get("src", ""), one.values.get("dest", "")
    if not src or not dest:
        raise source.missing("src" if not src else "dest", one.line, "the linkfile")
    if not any(book.place == one.above for book in translation.books):
        return
    if any(character in src for character in "*?["):
        translation.lose(source.at(one.line, dest), f"a link to each of {src}")
        return
    target = posixpath.relpath(posixpath.join(one.above, src), posixpath.dirname(dest) or ".")
    translation.books.append(Imported(dest, source.at(one.line, dest), link=target))
