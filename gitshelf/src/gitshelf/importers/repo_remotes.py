"""Where the projects of an Android repo manifest come from: <remote> and <default>."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urljoin

from gitshelf.base.errors import GitshelfError
from gitshelf.importers.model import Translation, shown
from gitshelf.importers.repo_xml import Element
from gitshelf.manifest.document import Location

_SCP = re.compile(r"[^/:]+@[^/:]+:[^/]+")


class Remotes:
    """The remotes of a manifest, and what holds for projects that do not say it themselves.
    `base` is the URL of the manifest's repository, "" if it is not known."""

    def __init__(self, base: str, translation: Translation) -> None:
        self._base = _normal(base)
        self._translation = translation
        self._remotes: dict[str, Element] = {}
        self._unusable: dict[str, tuple[GitshelfError, list[str]]] = {}
        self.default = Element("default", {}, "", 1)

    def read(self, remotes: Sequence[Element], defaults: Sequence[Element]) -> None:
        """Take the elements in; of two that contradict each other the second is noted as lost."""
        for one in remotes:
            with self._translation.losing():
                known = self._remotes.setdefault(one.required("name"), one)
                if known.values != one.values:
                    raise one.at().error(
                        f"the remote {one.get('name')} is there with other values "
                        f"({str(known.at()).rstrip(': ')})",
                        "keep one of them",
                    )
        for one in defaults:
            with self._translation.losing():
                if self.default.values and one.values and self.default.values != one.values:
                    raise one.at().error(
                        f"there is another <default> ({str(self.default.at()).rstrip(': ')})",
                        "keep one of them",
                    )
                self.default = one if one.values else self.default

    def named(self, name: str, at: Location) -> Element:
        """A remote, the default one for "". Raises GitshelfError if there is none."""
        name = name or self.default.get("remote")
        if name not in self._remotes:
            known = ", ".join(self._remotes) or "none"
            raise at.error(
                f"there is no remote {name}" if name else "it has no `remote`",
                f"name one of the remotes ({known})",
            )
        return self._remotes[name]

    def url(self, remote: Element, project: str, place: str) -> str:
        """The URL of a project; "" if its remote has none, which `finish` says."""
        name = remote.get("name")
        if name in self._unusable:
            self._unusable[name][1].append(place)
            return ""
        try:
            return f"{self._fetch(remote).rstrip('/')}/{project}"
        except GitshelfError as error:
            self._unusable[name] = (error, [place])
            return ""

    def finish(self) -> None:
        """Note the remotes that have no URL, with the projects that are lost with them."""
        for error, places in self._unusable.values():
            lost = f"; lost with it: {', '.join(places)}"
            self._translation.losses.append(shown(f"{error.message}; {error.remedy}{lost}"))

    def _fetch(self, remote: Element) -> str:
        fetch = _normal(remote.required("fetch"))
        if ":" in fetch or (fetch.startswith("/") and not self._base):
            return fetch
        if not self._base:
            raise remote.at().error(
                f"the remote {remote.get('name')} is relative ({fetch or '.'})",
                "say with --base URL which repository holds this manifest",
            )
        scheme, separator, rest = self._base.partition("://")
        if not separator:
            raise remote.at().error(f"--base {self._base} has no scheme", "write it, like ssh://")
        # urljoin knows http, and does not know ssh.
        return scheme + separator + urljoin(f"http://{rest}", fetch).removeprefix("http://")


def _normal(url: str) -> str:
    """A URL as repo sees it: without slashes at its end, and `user@host:path` with a scheme."""
    url = url.rstrip("/")
    if "://" not in url and _SCP.match(url):
        return "ssh://" + url.replace(":", "/", 1)
    return url
