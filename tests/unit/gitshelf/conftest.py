"""Real git repositories, small and made in no time, for the tests of gitshelf."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lfsbooks import ATTRIBUTES, BIG, SMALL, stored
from submodulebooks import gitmodules, link_to

Content = bytes | tuple[str, bytes]
"""A plain file, or (mode in git, content; for a submodule its commit)."""


def git(*argv: str, cwd: Path | None = None, data: bytes | None = None) -> str:
    """Run git and give what it printed."""
    done = subprocess.run(["git", *argv], cwd=cwd, input=data, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "surrogateescape").strip()


@dataclass
class Repo:
    """A bare repository; commits get a second each, from a fixed time on."""

    path: Path
    clock: int = 1_700_000_000
    commits: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.path.as_uri()

    def commit(
        self, files: dict[bytes, Content], branch: str = "master", *, fresh: bool = True
    ) -> str:
        """Commit these files (all that the commit holds, when fresh) and give the id."""
        self.clock += 1
        stream = b"commit refs/heads/%b\ncommitter T <t@example.org> %d +0000\ndata 4\ntest\n" % (
            branch.encode(),
            self.clock,
        )
        known = subprocess.run(
            ["git", "rev-parse", "-q", "--verify", f"refs/heads/{branch}"],
            cwd=self.path,
            capture_output=True,
        )
        if known.returncode == 0:
            stream += b"from refs/heads/%b^0\n" % branch.encode()
        if fresh:
            stream += b"deleteall\n"
        for path, content in files.items():
            mode, data = content if isinstance(content, tuple) else ("100644", content)
            quoted = b'"' + b"".join(b"\\%03o" % byte for byte in path) + b'"'
            if mode == "160000":
                stream += b"M 160000 %b %b\n" % (data, quoted)
            else:
                stream += b"M %b inline %b\ndata %d\n%b\n" % (
                    mode.encode(),
                    quoted,
                    len(data),
                    data,
                )
        git("fast-import", "--quiet", "--force", cwd=self.path, data=stream)
        self.commits.append(git("rev-parse", f"refs/heads/{branch}", cwd=self.path))
        return self.commits[-1]

    def git(self, *argv: str) -> str:
        return git(*argv, cwd=self.path)


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the user's cache, state or git configuration."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make_repo(tmp_path: Path) -> Callable[..., Repo]:
    """Makes an empty bare repository."""

    def make(name: str = "book", *options: str) -> Repo:
        path = tmp_path / "servers" / f"{name}.git"
        git("init", "-q", "--bare", "-b", "master", *options, str(path))
        return Repo(path)

    return make


@pytest.fixture
def repo(make_repo: Callable[..., Repo]) -> Repo:
    """A repository with two commits of a few ordinary files."""
    made = make_repo()
    made.commit({b"README": b"one\n", b"a/run": ("100755", b"#!/bin/sh\n")})
    made.commit({b"README": b"two\n", b"a/run": ("100755", b"#!/bin/sh\n"), b"a/empty": b""})
    return made


@pytest.fixture
def write_manifest(tmp_path: Path) -> Callable[[str], Path]:
    """Writes gitshelf.yml into a folder of its own and gives its path."""

    def write(text: str) -> Path:
        folder = tmp_path / "site"
        folder.mkdir(exist_ok=True)
        (folder / "gitshelf.yml").write_text(text, "utf-8")
        return folder / "gitshelf.yml"

    return write


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the commands run in."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def run_cli(capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs the command line in this process."""
    from gitshelf.commands.cli import main

    def run(*argv: object) -> Said:
        capfd.readouterr()
        code = 0
        try:
            main([str(arg) for arg in argv])
        except SystemExit as done:
            code = int(done.code or 0)
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Said(code, out, err)

    return run


@pytest.fixture
def signing_key(tmp_path: Path) -> Path:
    """A fresh SSH key."""
    key = tmp_path / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "releaser", "-f", str(key)],
        check=True,
        timeout=60,
    )
    return key


@pytest.fixture
def signers(tmp_path: Path, signing_key: Path) -> Path:
    """An allowed-signers file that knows the key as `releaser@example.org`."""
    file = tmp_path / "allowed_signers"
    file.write_text("releaser@example.org " + signing_key.with_suffix(".pub").read_text())
    return file


@pytest.fixture(scope="session")
def book_bundles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """The third-party bundles as bare repositories."""
    here = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("SHELF_BOOKS", here.parent / "shared" / "books"))
    bundles = sorted(folder.glob("*.bundle"))
    if not bundles:
        message = f"no bundles in {folder}: set SHELF_BOOKS to the folder that holds them"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    target = tmp_path_factory.mktemp("books")
    made = []
    for bundle in bundles:
        made.append(target / f"{bundle.stem}.git")
        git("clone", "-q", "--bare", str(bundle), str(made[-1]))
    yield made


@pytest.fixture
def three_books(make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path]) -> Path:
    """A manifest of three books of about half a megabyte each."""
    lines = []
    for number in range(3):
        repo = make_repo(f"r{number}")
        chance = random.Random(number)
        repo.commit({b"%d/%d" % (number, i): chance.randbytes(3000) for i in range(150)})
        lines.append(f"- {{book: b{number}, git: '{repo.url}', branch: {repo.commits[0]}}}\n")
    return write_manifest("books:\n" + "".join(lines))


@pytest.fixture
def big(make_repo: Callable[..., Repo]) -> Repo:
    repo = make_repo()
    repo.commit(
        {
            b".gitattributes": ATTRIBUTES,
            b"a.bin": stored(repo, SMALL),
            b"d/b.bin": ("100755", stored(repo, BIG)),
            b"d/same.bin": stored(repo, BIG),
            b"d/link": ("120000", b"b.bin"),
            b"plain": b"x",
        }
    )
    return repo


@pytest.fixture
def nested(make_repo: Callable[..., Repo]) -> dict[str, Repo]:
    """outer has vendor/mid, and mid has deep/inner; their pins are not the newest commits."""
    repos = {name: make_repo(name) for name in ("outer", "mid", "inner")}
    repos["inner"].commit({b"x": b"1", b"l": ("120000", b"x")})
    repos["inner"].commit({b"x": b"newer"})
    repos["mid"].commit(
        {
            b".gitmodules": gitmodules(deep__inner="../inner.git"),
            b"deep/inner": link_to(repos["inner"], 0),
            b"deep/y": ("100755", b"2"),
        }
    )
    repos["outer"].clock += 500
    repos["outer"].commit(
        {
            b".gitmodules": gitmodules(vendor__mid="../mid.git"),
            b"vendor/mid": link_to(repos["mid"]),
            b"a": b"3",
            b"vendor/mid.txt": b"4",
            b"z/link": ("120000", b"../vendor/mid/deep/y"),
        }
    )
    return repos
