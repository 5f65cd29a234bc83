"""gitshelf and its peers, each from pins at commits to one tar, with its own shallow option.

`repo` (Android) is not among them: its launcher downloads the tool itself from a server of its
own, so it cannot be installed from a package registry and run where only those can be reached.
"""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

from measuring import call, program
from repositories import Pin

Url = Callable[[Pin], str]


def over_files(pin: Pin) -> str:
    """The URL of a repository on this machine's disk."""
    return pin.bare.as_uri()


class Tool(ABC):
    """A tool at work in a folder of its own: `want` pins, then `make` the tar of them; again
    after other pins it may keep what it has, after `clear` it starts from nothing."""

    name: str

    def __init__(self, folder: Path, url: Url = over_files) -> None:
        self.folder = folder
        self.url = url
        folder.mkdir(parents=True)

    @abstractmethod
    def want(self, pins: Sequence[Pin]) -> None:
        """Write the tool's manifest."""

    @abstractmethod
    def make(self) -> None:
        """Fetch what is missing and write the tar."""

    @abstractmethod
    def clear(self) -> None:
        """Forget everything but the manifest."""


class Gitshelf(Tool):
    """`gitshelf build`."""

    name = "gitshelf build"

    @property
    def argv(self) -> list[str]:
        manifest, kit = self.folder / "gitshelf.yml", self.folder / "kit.tar"
        return [program("gitshelf"), "build", "--gitshelf", str(manifest), "--output", str(kit)]

    @property
    def cache(self) -> str:
        return str(self.folder / "cache")

    def want(self, pins: Sequence[Pin]) -> None:
        books = [f"- {{book: {p.name}, git: '{self.url(p)}', branch: {p.commit}}}\n" for p in pins]
        text = "defaults: {submodules: omit}\nbooks:\n" + "".join(books)
        (self.folder / "gitshelf.yml").write_text(text)

    def make(self) -> None:
        call(self.argv, XDG_CACHE_HOME=self.cache)

    def clear(self) -> None:
        shutil.rmtree(self.cache, ignore_errors=True)
        (self.folder / "kit.tar").unlink(missing_ok=True)


class Vcs(Tool):
    """`vcs import --shallow` with its default of one worker per processor, then tar."""

    name = "vcs import --shallow + tar"

    def want(self, pins: Sequence[Pin]) -> None:
        books = [
            f"  {p.name}: {{type: git, url: '{self.url(p)}', version: {p.commit}}}\n" for p in pins
        ]
        (self.folder / "books.repos").write_text("repositories:\n" + "".join(books))

    def make(self) -> None:
        tree = self.folder / "tree"
        tree.mkdir(exist_ok=True)
        argv = ["import", "--shallow", "--input", str(self.folder / "books.repos"), str(tree)]
        call([program("vcs"), *argv])
        call(["tar", "--exclude=.git", "-cf", str(self.folder / "vcs.tar"), "-C", str(tree), "."])

    def clear(self) -> None:
        shutil.rmtree(self.folder / "tree", ignore_errors=True)


class West(Tool):
    """`west update` of exactly the pinned commits at depth 1, asking the server only for those
    that it does not have, then tar."""

    name = "west update + tar"

    def want(self, pins: Sequence[Pin]) -> None:
        books = [
            f"  - {{name: {p.name.replace('/', '-')}, path: {p.name}, url: '{self.url(p)}', "
            f"revision: {p.commit}}}\n"
            for p in pins
        ]
        manifest = self.folder / "tree" / "manifest"
        first = not manifest.exists()
        manifest.mkdir(parents=True, exist_ok=True)
        (manifest / "west.yml").write_text("manifest:\n  projects:\n" + "".join(books))
        if first:
            call([program("west"), "init", "-l", str(manifest)])

    def make(self) -> None:
        tree = self.folder / "tree"
        update = ["update", "--narrow", "--fetch", "smart", "-o=--depth=1"]
        call([program("west"), *update], cwd=tree)
        without = ["--exclude=.git", "--exclude=./.west", "--exclude=./manifest"]
        call(["tar", *without, "-cf", str(self.folder / "west.tar"), "-C", str(tree), "."])

    def clear(self) -> None:
        for path in (self.folder / "tree").glob("*"):
            if path.name not in (".west", "manifest"):
                shutil.rmtree(path)
