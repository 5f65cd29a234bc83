"""gitshelf and its peers, each from pins at commits to one tar, with its own shallow option."""

from __future__ import annotations

import os
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

from measuring import call, program
from repositories import GIT, Pin

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


class AndroidRepo(Tool):
    """`repo sync` of exactly the pinned commits at depth 1, with one worker per processor, asking
    the server only for those that it does not have, then tar.

    repo is in no package registry: it is taken from a checkout of its sources, which its launcher
    clones into each tree. That, and reading the manifest's repository, is not measured.
    """

    name = "repo sync + tar"
    checkout: Path
    """The sources of repo: whoever makes an AndroidRepo sets this first."""

    def want(self, pins: Sequence[Pin]) -> None:
        manifest = self.folder / "manifest"
        if not manifest.exists():
            call([*GIT, "init", "-q", "-b", "main", str(manifest)])
        (manifest / "default.xml").write_text(self._manifest(pins))
        call([*GIT, "-C", str(manifest), "add", "default.xml"])
        call([*GIT, "-C", str(manifest), "commit", "-q", "--allow-empty", "-m", "pins"])
        (self.folder / "tree").mkdir(exist_ok=True)
        commit = call(["git", "-C", str(self.checkout), "rev-parse", "HEAD"]).strip()
        tool = ["--repo-url", self.checkout.as_uri(), "--repo-rev", commit, "--no-repo-verify"]
        books = ["-u", manifest.as_uri(), "-b", "main", "--depth=1", "-c", "--no-tags"]
        self._repo("init", "-q", *tool, *books, "--no-clone-bundle")

    def make(self) -> None:
        workers = len(os.sched_getaffinity(0))
        options = ["-c", "--no-tags", "--no-clone-bundle", "--optimized-fetch"]
        self._repo("sync", "-q", f"-j{workers}", "--no-manifest-update", *options)
        without = ["--exclude=.git", "--exclude=./.repo"]
        tree = str(self.folder / "tree")
        call(["tar", *without, "-cf", str(self.folder / "repo.tar"), "-C", tree, "."])

    def clear(self) -> None:
        tree = self.folder / "tree"
        told = ("manifest.xml", "manifests", "manifests.git", "repo")
        kept = {tree / ".repo", *(tree / ".repo" / name for name in told)}
        for path in {*tree.iterdir(), *(tree / ".repo").iterdir()} - kept:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def _repo(self, *words: str) -> None:
        argv = [sys.executable, str(self.checkout / "repo"), *words]
        call(argv, cwd=self.folder / "tree", REPO_CONFIG_DIR=str(self.folder))

    def _manifest(self, pins: Sequence[Pin]) -> str:
        """repo puts a URL together from a remote's and a project's name."""
        urls = [self.url(pin).rsplit("/", 1) for pin in pins]
        servers = sorted({server for server, _ in urls})
        remotes = [f'<remote name="r{i}" fetch="{server}"/>\n' for i, server in enumerate(servers)]
        projects = [
            f'<project remote="r{servers.index(server)}" name="{name}" path="{pin.name}" '
            f'revision="{pin.commit}"/>\n'
            for pin, (server, name) in zip(pins, urls, strict=True)
        ]
        return "<manifest>\n" + "".join(remotes + projects) + "</manifest>\n"
