"""The ledger's git plumbing: a bare clone that is only fetched into, and commits made by hand."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import CommandFailed
from deploykit.base.git import environment, options
from deploykit.base.process import Result, Runner, last_line, run
from deploykit.base.waiting import wait_until
from deploykit.ledger.records import LedgerError

BRANCH = "refs/heads/ledger"
RESTORE = "restore the ledger from a clone that verifies; nobody pushes to its branch by hand"
SEEN = "refs/seen/ledger"
FOLDER = "records"
NETWORK_TIMEOUT = 30.0  # seconds for one fetch or push
LOCAL_TIMEOUT = 60.0
LOCK_WAIT = 10.0  # seconds to wait for another git's lock file
LOCK_STALE = 5.0  # a lock file this old belongs to a git that was killed
LOCK_FILE = re.compile(r"Unable to create '(.+?\.lock)': File exists")
# Nothing of a person's own configuration takes part: no hooks, no signed pushes, no tags.
CLONE_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.logAllRefUpdates": "false",
    "fetch.fsckObjects": "true",
    "gc.autoDetach": "false",
    "push.followTags": "false",
    "push.gpgSign": "false",
}
PROTOCOLS = {"GIT_ALLOW_PROTOCOL": "file:ssh:https"}


@dataclass(frozen=True, slots=True)
class RawCommit:
    """A commit as git stores it, with the text of the one record it adds."""

    id: str
    parents: tuple[str, ...]
    author_time: str
    committer_time: str
    payload: str
    signature: str
    changes: str
    record: str


class Clone:
    """A bare repository that mirrors the branch `ledger` of `remote`.

    `owned` says that the remote is a bare repository of this site's own, made on first use.
    """

    def __init__(self, folder: Path, remote: str, owned: bool, runner: Runner = run) -> None:
        self.folder = folder
        self.remote = remote
        self._owned = Path(remote) if owned else None
        self._run = runner

    def prepare(self) -> None:
        """Make what is missing: the clone, and the remote where it is this site's own."""
        strict = {"receive.denyNonFastForwards": "true", "receive.denyDeletes": "true"}
        if self._owned is not None:
            # What receives reads a person's settings, too: their hooksPath would count there.
            hooks = {"core.hooksPath": str(self._owned / "hooks")}
            self._make(self._owned, {**strict, **hooks, "gc.autoDetach": "false"})
        self._make(self.folder, CLONE_CONFIG)

    def fetch(self) -> str | None:
        """The remote's newest commit, fetched; None when it has no such branch.

        Raises LedgerError where the remote cannot be reached.
        """
        words = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", self.remote]
        result = self._patient([*words, f"+{BRANCH}:{SEEN}"])
        if result.returncode == 0:
            return self._git(["rev-parse", "--verify", SEEN]).stdout.strip()
        if "couldn't find remote ref" in result.stderr:
            return None
        raise LedgerError(
            f"cannot fetch the ledger from {self.remote}: {_said(result)}",
            "check 'ledger:' in site.yml, the network, and that git can log in without asking",
        )

    def push(self, commit: str) -> Result:
        """Offer `commit` as the branch's new end, fast-forward only; the result tells."""
        return self._patient(["push", "--quiet", "--", self.remote, f"{commit}:{BRANCH}"])

    def history(self, after: str | None, tip: str) -> list[str]:
        """The commits of `tip` that `after` does not have, oldest first."""
        span = f"{after}..{tip}" if after else tip
        return self._git(["rev-list", "--reverse", "--topo-order", span]).stdout.split()

    def follows(self, commit: str, tip: str) -> bool:
        """Whether `commit` is `tip` or among what it follows."""
        words = ["merge-base", "--is-ancestor", commit, tip]
        return self._git(words, check=False).returncode == 0

    def read(self, commits: Sequence[str], first: int) -> list[RawCommit]:
        """The raw commits with the records that they add, `first` being the first one's number.

        Raises LedgerError where an object is not what its name says, or is missing.
        """
        wanted = list(commits)
        wanted += [f"{commit}:{_file(first + i)}" for i, commit in enumerate(commits)]
        listing = "".join(f"{name}\n" for name in wanted)
        batch = self._git(["cat-file", "--batch"], input=listing).stdout.encode()
        titles = [
            f"record {first + i} of the ledger (commit {c[:12]})" for i, c in enumerate(commits)
        ]
        objects = _split(batch, titles * 2)
        changes = self._changes(commits)
        return [
            _commit(commit, objects[i], changes.get(commit, ""), objects[len(commits) + i])
            for i, commit in enumerate(commits)
        ]

    def payload(self, texts: Sequence[str], parent: str | None, header: str, message: str) -> str:
        """Store the tree of all records, the new one last; returns the commit text to sign.

        `header` is the author and the committer line.
        """
        blob = self._git(["hash-object", "-w", "--stdin"], input=texts[-1]).stdout.strip()
        names = [_blob_id(text) for text in texts]
        if names[-1] != blob:
            raise LedgerError("git stored a record under another name than its content's")
        listing = "".join(f"100644 blob {name}\t{n}.json\n" for n, name in enumerate(names))
        records = self._git(["mktree", "--missing"], input=listing).stdout.strip()
        tree = self._git(["mktree"], input=f"040000 tree {records}\t{FOLDER}\n").stdout.strip()
        above = f"parent {parent}\n" if parent else ""
        return f"tree {tree}\n{above}{header}\n{message}\n"

    def store(self, payload: str, signature: str) -> str:
        """Store the commit `payload` with its signature, as git itself would; returns its id."""
        head, _, message = payload.partition("\n\n")
        signed = "gpgsig " + signature.rstrip("\n").replace("\n", "\n ")
        text = f"{head}\n{signed}\n\n{message}"
        return self._git(
            ["hash-object", "-t", "commit", "-w", "--stdin"], input=text
        ).stdout.strip()

    def _changes(self, commits: Sequence[str]) -> dict[str, str]:
        """What each commit changes against its parent, as git's raw diff lines."""
        listing = "".join(f"{commit}\n" for commit in commits)
        words = ["diff-tree", "--stdin", "--root", "-r", "-m", "--raw", "--no-abbrev"]
        found: dict[str, str] = {}
        current = ""
        for line in self._git([*words, "--no-renames"], input=listing).stdout.splitlines():
            if line.startswith(":"):
                found[current] = f"{found.get(current, '')}{line}\n"
            else:
                current = line.split()[0] if line else current
        return found

    def _patient(self, words: Sequence[str]) -> Result:
        """Run a git command that takes lock files; locks of killed gits of our own are removed."""
        results: list[Result] = []

        def done() -> bool:
            result = self._git(words, check=False, timeout=NETWORK_TIMEOUT)
            results.append(result)
            blocked = LOCK_FILE.search(result.stderr)
            if result.returncode == 0 or not blocked:
                return True
            self._clear(Path(blocked[1]))
            return False

        wait_until(done, LOCK_WAIT, pause=0.2)
        return results[-1]

    def _clear(self, lock: Path) -> None:
        ours = [place for place in (self.folder, self._owned) if place is not None]
        if not any(lock.is_relative_to(place.resolve()) for place in ours):
            return
        try:
            if time.time() - lock.stat().st_mtime > LOCK_STALE:
                lock.unlink()
        except FileNotFoundError:
            pass

    def _make(self, folder: Path, config: dict[str, str]) -> None:
        """Make a bare repository aside and rename it into place; callers are alone here."""
        if folder.exists():
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".new-{folder.name}-"
        for left in folder.parent.glob(f"{prefix}*"):
            shutil.rmtree(left, ignore_errors=True)
        aside = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
        try:
            words = [
                "git",
                *options(),
                "init",
                "--quiet",
                "--bare",
                "--template=",
                "--object-format=sha1",
            ]
            self._run(
                [*words, "--initial-branch=ledger", aside],
                timeout=LOCAL_TIMEOUT,
                env=environment(),
            )
            with (aside / "config").open("a", encoding="utf-8") as file:
                for key, value in config.items():
                    section, _, name = key.partition(".")
                    file.write(f"[{section}]\n\t{name} = {value}\n")
            try:
                aside.rename(folder)
            except OSError:
                if not folder.exists():
                    raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _git(
        self,
        words: Sequence[str],
        *,
        input: str | None = None,
        check: bool = True,
        timeout: float = LOCAL_TIMEOUT,
    ) -> Result:
        try:
            return self._run(
                ["git", f"--git-dir={self.folder}", *options(), *words],
                timeout=timeout,
                input=input,
                env={**environment(), **PROTOCOLS},
                check=check,
            )
        except CommandFailed as error:
            raise LedgerError(
                f"the ledger in {self.remote}: {error.message}", error.remedy
            ) from None


def _file(n: int) -> str:
    return f"{FOLDER}/{n}.json"


def _said(result: Result) -> str:
    last = last_line(result.stderr).removeprefix("fatal: ")
    return last or f"git's exit was {result.returncode}"


def _object_id(kind: str, data: bytes) -> str:
    """git's name of an object (gitformat-pack: SHA-1 of type, size, NUL and content)."""
    whole = f"{kind} {len(data)}\0".encode() + data
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest()


def _blob_id(text: str) -> str:
    return _object_id("blob", text.encode())


def _split(batch: bytes, titles: Sequence[str]) -> list[bytes]:
    """The contents in the output of `cat-file --batch`, each checked against its id.

    `titles` are what errors call them. What is no UTF-8 text does not survive the way here, so
    that its id does not fit.
    """
    contents: list[bytes] = []
    place = 0
    for title in titles:
        end = batch.find(b"\n", place)
        head = batch[place:end].split()
        if end < 0 or len(head) != 3 or not head[2].isdigit():
            raise LedgerError(f"{title}: the record is not there", RESTORE)
        size = int(head[2])
        data = batch[end + 1 : end + 1 + size]
        if _object_id(head[1].decode(), data) != head[0].decode():
            raise LedgerError(f"{title}: it is damaged, or no plain text", RESTORE)
        contents.append(data)
        place = end + 1 + size + 1
    return contents


def _commit(commit: str, data: bytes, changes: str, record: bytes) -> RawCommit:
    """Take a raw commit apart: its headers, and payload and signature as git signs them."""
    head, _, message = data.decode().partition("\n\n")
    kept: list[str] = []
    signature: list[str] = []
    inside = False
    for line in head.split("\n"):
        if line.startswith("gpgsig "):
            inside = True
            signature.append(line.removeprefix("gpgsig "))
        elif inside and line.startswith(" "):
            signature.append(line[1:])
        else:
            inside = False
            kept.append(line)
    fields = [line.partition(" ") for line in kept]
    times = {key: rest.rpartition("> ")[2] for key, _, rest in fields}
    return RawCommit(
        id=commit,
        parents=tuple(rest for key, _, rest in fields if key == "parent"),
        author_time=times.get("author", ""),
        committer_time=times.get("committer", ""),
        payload="\n".join(kept) + "\n\n" + message,
        signature="\n".join(signature) + "\n" if signature else "",
        changes=changes,
        record=record.decode(),
    )
