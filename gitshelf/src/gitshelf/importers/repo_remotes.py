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
        for remote in remotes:
            with self._translation.losing():
                earlier = self._remotes.setdefault(remote.required("name"), remote)
                if earlier.values != remote.values:
                    raise remote.at().error(
                        f"the remote {remote.get('name')} is there with other values "
                        f"({str(earlier.at()).rstrip(': ')})",
                        "keep one of them",
                    )
        for default in defaults:
            with self._translation.losing():
                if self.default.values and default.values and self.default.values != default.values:
                    raise default.at().error(
                        f"there is another <default> ({str(self.default.at()).rstrip(': ')})",
                        "keep one of them",
                    )
                self.default = default if default.values else self.default

    def remote(self, name: str, at: Location) -> Element:
        """The remote `name`, the default one for "". Raises GitshelfError if there is none."""
        name = name or self.default.get("remote")
        if name not in self._remotes:
            names = ", ".join(self._remotes) or "none"
            raise at.error(
                f"there is no remote {name}" if name else "it has no `remote`",
                f"name one of the remotes ({names})",
            )
        return self._remotes[name]

    def url(self, remote: Element, project: str, place: str) -> str:
        """The URL of a project; "" if its remote has none, which `finish` says."""
        name = remote.get("name")
        if name in self._unusable:
            self._unusable[name][1].append(place)
            return ""
        try:
            return f"{self._fetch_url(remote).rstrip('/')}/{project}"
        except GitshelfError as error:
            self._unusable[name] = (error, [place])
            return ""

    def finish(self) -> None:
        """Note the remotes that have no URL, with the projects that are lost with them."""
        for error, places in self._unusable.values():
            lost = f"; lost with it: {', '.join(places)}"
            self._translation.losses.append(shown(f"{error.message}; {error.remedy}{lost}"))

    def _fetch_url(self, remote: Element) -> str:
        fetch = _normal(remote.required("fetch"))
        if ":" in fetch or (fetch.startswith("/") and not self._base):
            return fetch
        if not self._base:
            raise remote.at().error(
                f"the remote {remote.get('name')} is relative ({fetch or '.'})",
                "say with --base URL which repository holds this manifest",
            )
        scheme, separator, host_and_path = self._base.partition("://")
        if not separator:
            raise remote.at().error(f"--base {self._base} has no scheme", "write it, like ssh://")
        # urljoin knows http, and does not know ssh.
        return (
            scheme + separator + urljoin(f"http://{host_and_path}", fetch).removeprefix("http://")
        )


def _normal(url: str) -> str:
    """A URL as repo sees it: without slashes at its end, and `user@host:path` with a scheme."""
    url = url.rstrip("/")
    if "://" not in url and _SCP.match(url):
        return "ssh://" + url.replace(":", "/", 1)
    return url
