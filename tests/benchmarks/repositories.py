"""Bare repositories for the benchmarks: third-party bundles, and generated ones."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from measuring import call

ROOT = Path(__file__).resolve().parents[2]
GIT = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0"]
_IMPORT = [*GIT, "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"]
_FIRST = 1_700_000_000


@dataclass(frozen=True)
class Pin:
    """A bare repository, the commit to take of it, and its place on the shelf."""

    name: str
    bare: Path
    commit: str


def bundles(folder: Path) -> list[Pin]:
    """The seven bundles as bare repositories, ten first-parent commits below their heads; none
    where the bundles are not there."""
    pins = []
    source = Path(os.environ.get("SHELF_BOOKS", ROOT.parent / "shared" / "books"))
    for bundle in sorted(source.glob("*.bundle")):
        bare = folder / f"{bundle.stem}.git"
        call([*GIT, "clone", "-q", "--bare", str(bundle), str(bare)])
        commit = call([*GIT, "-C", str(bare), "rev-parse", "HEAD~10"]).strip()
        pins.append(Pin(bundle.stem, bare, commit))
    return pins


def corpus(folder: Path, repositories: int = 24, files: int = 14_000) -> list[Pin]:
    """Generated repositories with history: text of real-looking sizes, edited commit by commit."""
    chance = random.Random(20260101)
    words = [
        "".join(chance.choices("abcdefghijklmnopqrstuvwxyz_", k=chance.randint(2, 11)))
        for _ in range(4000)
    ]
    per = files // repositories
    pins = []
    for number in range(repositories):
        bare = _bare(folder / f"corpus{number:02}.git")
        stream = _history(chance, words, per + (number < files % repositories))
        subprocess.run(_IMPORT, cwd=bare, input=b"".join(stream), check=True)
        call([*GIT, "-C", str(bare), "repack", "-q", "-a", "-d"])
        commit = call([*GIT, "-C", str(bare), "rev-parse", "refs/heads/main~3"]).strip()
        pins.append(Pin(bare.stem, bare, commit))
    return pins


def thousand(folder: Path, count: int = 1000, files: int = 20) -> tuple[list[Pin], list[Pin]]:
    """So many small repositories of three commits, pinned at the second; and the same pins with
    three of them at the third."""

    def make(number: int) -> tuple[Pin, Pin]:
        bare = _bare(folder / f"book{number:04}.git")
        stream = b""
        for commit in range(3):
            stream += _commit(commit)
            for file in range(files if commit == 0 else 4):
                data = b"file %d of book %d, version %d\n" % (file, number, commit) * 30
                stream += _file(b"d%d/f%d" % (file % 4, file), data)
        marks = bare / "marks"
        subprocess.run([*_IMPORT, f"--export-marks={marks}"], cwd=bare, input=stream, check=True)
        ids = dict(line.split() for line in marks.read_text().splitlines())
        name = f"g{number % 10}/b{number:04}"
        return Pin(name, bare, ids[":2"]), Pin(name, bare, ids[":3"])

    with ThreadPoolExecutor(2) as pool:
        pairs = list(pool.map(make, range(count)))
    bumped = {count // 7, count // 2, count - 9}
    return (
        [old for old, _ in pairs],
        [new if number in bumped else old for number, (old, new) in enumerate(pairs)],
    )


def plain(folder: Path, name: str, files: int, size: int) -> Pin:
    """One repository of so many files of `size` random bytes, a hundred to a folder."""
    bare = _bare(folder / f"{name}.git")
    chance = random.Random(1)
    base = chance.randbytes(1 << 20)

    def stream() -> Iterator[bytes]:
        yield _commit(0)
        for file in range(files):
            yield b"M 644 inline d%d/f%d\ndata %d\n" % (file // 100, file, size)
            left = size
            while left:
                piece = (b"%016d" % chance.getrandbits(50) + base)[: min(left, len(base))]
                yield piece
                left -= len(piece)
            yield b"\n"

    argv = [*GIT, "-c", "core.bigFileThreshold=8m", "-c", "core.compression=0", "-c"]
    argv += ["fastimport.unpackLimit=1", "fast-import", "--quiet"]
    with subprocess.Popen(argv, cwd=bare, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.writelines(stream())
        process.stdin.close()
        if process.wait():
            raise SystemExit("git fast-import failed")
    return Pin(name, bare, call([*GIT, "-C", str(bare), "rev-parse", "main"]).strip())


def _bare(path: Path) -> Path:
    for folder in ("objects/pack", "objects/info", "refs/heads"):
        (path / folder).mkdir(parents=True)
    (path / "HEAD").write_text("ref: refs/heads/main\n")
    (path / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
    return path


def _commit(number: int) -> bytes:
    time = _FIRST + number * 3600
    return b"commit refs/heads/main\nmark :%d\ncommitter b <b@localhost> %d +0000\ndata 1\nx\n" % (
        number + 1,
        time,
    )


def _file(path: bytes, data: bytes) -> bytes:
    return b"M 644 inline %b\ndata %d\n%b\n" % (path, len(data), data)


def _history(chance: random.Random, words: list[str], files: int) -> Iterator[bytes]:
    """A fast-import stream: all files at first, then a dozen of them changed per commit."""

    def text() -> bytes:
        lines = int(chance.lognormvariate(3.9, 1.0)) + 1
        said = [" ".join(chance.choices(words, k=chance.randint(1, 9))) for _ in range(lines)]
        return "\n".join(said).encode() + b"\n"

    paths = [
        f"{chance.choice(words)}/{chance.choice(words)}/{chance.choice(words)}{i}.yml"
        for i in range(files)
    ]
    for commit in range(30):
        yield _commit(commit)
        for path in paths if commit == 0 else chance.sample(paths, min(12, files)):
            yield _file(path.encode(), text())


def copies(folder: Path, name: str, files: int, size: int) -> Pin:
    """One repository of so many files of `size` bytes, each the one before with a line changed:
    its server keeps them, and sends them, as deltas."""
    bare = _bare(folder / f"{name}.git")
    lines = [b"%064x\n" % random.Random(number).getrandbits(256) for number in range(size // 65)]
    stream = _commit(0)
    for file in range(files):
        lines[file] = b"of file %d\n" % file
        stream += _file(b"f%d" % file, b"".join(lines))
    subprocess.run(_IMPORT, cwd=bare, input=stream, check=True)
    call([*GIT, "-C", str(bare), "repack", "-q", "-a", "-d", "-f"])
    return Pin(name, bare, call([*GIT, "-C", str(bare), "rev-parse", "main"]).strip())
