"""The ledger's git plumbing: a bare clone that is only fetched into, and commits made by hand."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import CommandFailed
from deploykit.base.git import environment, options
from deploykit.base.process import Result, Runner, last_line, run
from deploykit.base.waiting import wait_until
from deploykit.ledger.records import FOLDER, MOST, LedgerError, path_of

BRANCH = "refs/heads/ledger"
SCRATCH = "refs/heads/ledger-doctor"
RESTORE = "an admin cuts it off: deploy-kit ledger mend; nobody pushes to that branch by hand"
SEEN = "refs/seen/ledger"
NETWORK_TIMEOUT = 30.0  # seconds for one fetch or push
LOCAL_TIMEOUT = 60.0
LOCK_WAIT = 10.0  # seconds to wait for another git's lock file
LOCK_STALE = 5.0  # a lock file this old belongs to a git that was killed
MOST_FETCHED = 512 * 2**20  # bytes of one file that a fetch may write: what others pushed
BYTES_MOST = 4  # of one character in UTF-8
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
QUARANTINE = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")


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


@dataclass(frozen=True, slots=True)
class Tip:
    """The newest commit of a ledger, and its tree."""

    commit: str
    tree: str


class Clone:
    """A bare repository that mirrors the branch `ledger` of `remote`.

    `owned` says that the remote is a bare repository of this site's own, made on first use;
    `quarantined` that git called us while it receives: what is pushed is where it says.
    """

    def __init__(
        self,
        folder: Path,
        remote: str,
        owned: bool,
        runner: Runner = run,
        *,
        quarantined: bool = False,
    ) -> None:
        self.folder = folder
        self.remote = remote
        self._owned = Path(remote) if owned else None
        self._run = runner
        kept = QUARANTINE if quarantined else ()
        self._quarantine = {name: os.environ[name] for name in kept if name in os.environ}

    @property
    def owned(self) -> bool:
        """Whether the remote is a bare repository of this site's own."""
        return self._owned is not None

    def prepare(self) -> None:
        """Make what is missing: the clone, and the remote where it is this site's own."""
        strict = {"receive.denyNonFastForwards": "true", "receive.denyDeletes": "true"}
        if self._owned is not None:
            # What receives reads a person's settings, too: their hooksPath would count there.
            hooks = {"core.hooksPath": str(self._owned / "hooks")}
            self._make(self._owned, {**strict, **hooks, "gc.autoDetach": "false"})
        self._make(self.folder, CLONE_CONFIG)

    def fetch(self) -> Tip | None:
        """The remote's newest commit, fetched; None when it has no such branch.

        Raises LedgerError where the remote cannot be reached.
        """
        words = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", self.remote]
        result = self._patient([*words, f"+{BRANCH}:{SEEN}"], most=MOST_FETCHED)
        if result.returncode == 0:
            return Tip(*self._git(["rev-parse", SEEN, f"{SEEN}^{{tree}}"]).stdout.split())
        if "couldn't find remote ref" in result.stderr:
            return None
        self._sweep()
        raise LedgerError(
            f"cannot fetch the ledger from {self.remote}: {_said(result)}",
            "check 'ledger:' in site.yml, the network, and that git can log in without asking",
        )

    def push(self, commit: str) -> Result:
        """Offer `commit` as the branch's new end, fast-forward only; the result tells."""
        return self._push(f"{commit}:{BRANCH}")

    def _push(self, what: str) -> Result:
        return self._patient(["push", "--quiet", "--", self.remote, what])

    def forced_push_accepted(self) -> bool | None:
        """Whether the remote lets a branch be rewritten, tried on SCRATCH; None if it cannot be.

        A remote that lets no branch be taken away keeps that one, with one commit of nobody's.
        """
        tip = self.fetch()
        if tip is None:
            return None
        listed = self._git(["ls-remote", "--", self.remote, SCRATCH], timeout=NETWORK_TIMEOUT)
        if not listed.stdout.strip():
            nobody = "deploy-kit doctor <doctor@localhost> 0 +0000"
            text = f"tree {tip.tree}\nparent {tip.commit}\nauthor {nobody}\ncommitter {nobody}\n\n"
            words = ["hash-object", "-t", "commit", "-w", "--stdin"]
            made = self._git(words, input=text).stdout.strip()
            if self._push(f"{made}:{SCRATCH}").returncode != 0:
                return None
        if self._push(f"+{tip.commit}:{SCRATCH}").returncode != 0:
            return False
        self._push(f":{SCRATCH}")
        return True

    def history(self, after: str | None, tip: str) -> list[str]:
        """The commits of `tip` that `after` does not have, oldest first.

        By first parents: what a `mend` cut off hangs on its second one, so that its push is a
        fast-forward for everybody.
        """
        span = f"{after}..{tip}" if after else tip
        words = ["rev-list", "--reverse", "--topo-order", "--first-parent", span]
        return self._git(words).stdout.split()

    def tree(self, commit: str) -> str:
        """The tree of a commit; '' if it is not there."""
        words = ["rev-parse", "--quiet", "--verify", f"{commit}^{{tree}}"]
        return self._git(words, check=False).stdout.strip()

    def follows(self, commit: str, tip: str) -> bool:
        """Whether `commit` is `tip` or among what it follows."""
        words = ["merge-base", "--is-ancestor", commit, tip]
        return self._git(words, check=False).returncode == 0

    def read(self, commits: Sequence[str], first: int) -> tuple[list[RawCommit], str]:
        """The raw commits with the records that they add, and what is wrong with the next one.

        They end before the first whose record is not there, is damaged or too big; '' if none is.
        `first` is the first one's number, for that text.
        """
        changes = self._changes(commits)
        listing = "".join(f"{c}:{_added(changes.get(c, ''))}\n" for c in commits)
        found = self._git(["cat-file", "--batch-check"], input=listing).stdout.splitlines()
        ids = list(itertools.takewhile(bool, (_record_blob(line) for line in found)))
        wanted = [name for pair in zip(commits, ids, strict=False) for name in pair]
        batch = self._git(["cat-file", "--batch"], input="".join(f"{name}\n" for name in wanted))
        objects = _undamaged(batch.stdout.encode())
        pairs = zip(commits, objects[::2], objects[1::2], strict=False)
        raw = [_commit(c, data, changes.get(c, ""), record) for c, data, record in pairs]
        if len(raw) == len(commits):
            return raw, ""
        title = f"record {first + len(raw)} of the ledger (commit {commits[len(raw)][:12]})"
        if len(raw) < len(ids):
            return raw, f"{title}: it is damaged, or no plain text"
        one = _added(changes.get(commits[len(raw)], ""))
        why = "the record is not there" if one else "its commit does not add one file and no other"
        return raw, f"{title}: {why}"

    def payload(
        self, texts: Sequence[str], parents: Sequence[str], header: str, message: str
    ) -> str:
        """Store the tree of all records, the new one last; returns the commit text to sign.

        `header` is the author and the committer line.
        """
        blob = self._git(["hash-object", "-w", "--stdin"], input=texts[-1]).stdout.strip()
        if blob != _object_id("blob", texts[-1].encode()):
            raise LedgerError("git stored a record under another name than its content's")
        tree = ""
        for listing in record_trees(texts).new:
            tree = self._git(["mktree", "--missing"], input=listing).stdout.strip()
        above = "".join(f"parent {parent}\n" for parent in parents)
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
        """What each commit changes against its first parent, as git's raw diff lines."""
        parents = self._git(
            ["rev-list", "--no-walk=unsorted", "--parents", "--stdin"],
            input="".join(f"{commit}\n" for commit in commits),
        ).stdout.splitlines()
        listing = "".join(f"{' '.join(line.split()[:2])}\n" for line in parents)
        words = ["diff-tree", "--stdin", "--root", "-r", "-m", "--raw", "--no-abbrev"]
        found: dict[str, str] = {}
        current = ""
        for line in self._git([*words, "--no-renames"], input=listing).stdout.splitlines():
            if line.startswith(":"):
                found[current] = f"{found.get(current, '')}{line}\n"
            else:
                current = line.split()[0] if line else current
        return found

    def _sweep(self) -> None:
        """Remove what a fetch that failed had written; callers are alone here."""
        for left in (self.folder / "objects").glob("*/tmp_*"):
            left.unlink(missing_ok=True)

    def _patient(self, words: Sequence[str], most: int | None = None) -> Result:
        """Run a git command that takes lock files; locks of killed gits of our own are removed.

        It may write files of at most `most` bytes."""
        results: list[Result] = []

        def done() -> bool:
            result = self._git(words, check=False, timeout=NETWORK_TIMEOUT, most=most)
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
        most: int | None = None,
    ) -> Result:
        limit = ["prlimit", f"--fsize={most}"] if most is not None else []
        try:
            return self._run(
                [*limit, "git", f"--git-dir={self.folder}", *options(), *words],
                timeout=timeout,
                input=input,
                env={**environment(), **PROTOCOLS, **self._quarantine},
                check=check,
            )
        except CommandFailed as error:
            raise LedgerError(
                f"the ledger in {self.remote}: {error.message}", error.remedy
            ) from None


def _said(result: Result) -> str:
    last = last_line(result.stderr).removeprefix("fatal: ")
    return last or f"git's exit was {result.returncode}"


def _object_id(kind: str, data: bytes) -> str:
    """git's name of an object (gitformat-pack: SHA-1 of type, size, NUL and content)."""
    whole = f"{kind} {len(data)}\0".encode() + data
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class RecordTrees:
    """The trees that hold all records: the id of the root, and as listings for `git mktree` those
    that the last record made new, the root last."""

    root: str
    new: tuple[str, ...]


def record_trees(texts: Sequence[str]) -> RecordTrees:
    """The trees of the records with these `texts`, named as git would name them, without git."""
    folders: dict[str, dict[str, str]] = {FOLDER: {}}
    for n, text in enumerate(texts):
        folder, _, name = path_of(n, text).rpartition("/")
        folders.setdefault(folder, {})[name] = f"100644 blob {_object_id('blob', text.encode())}"
    changed = path_of(len(texts) - 1, texts[-1]).rpartition("/")[0]
    new: list[str] = []
    for folder, entries in folders.items():
        if folder != FOLDER:
            listing = _tree_listing(entries)
            folders[FOLDER][folder.rpartition("/")[2]] = f"040000 tree {_tree_id(listing)}"
            new += [listing] if folder == changed else []
    records = _tree_listing(folders[FOLDER])
    root = _tree_listing({FOLDER: f"040000 tree {_tree_id(records)}"})
    return RecordTrees(_tree_id(root), (*new, records, root))


def _tree_listing(entries: Mapping[str, str]) -> str:
    """Entries, `MODE KIND ID` by name, as `git mktree` takes them, in git's own order."""
    order = sorted(entries, key=lambda name: name + "/" * entries[name].startswith("04"))
    return "".join(f"{entries[name]}\t{name}\n" for name in order)


def _tree_id(listing: str) -> str:
    """git's name of the tree with that listing (gitformat-pack: `MODE NAME`, NUL, binary id)."""
    data = b""
    for line in listing.splitlines():
        (mode, _, hexadecimal), name = line.split("\t")[0].split(), line.split("\t")[1]
        data += f"{mode.lstrip('0')} {name}\0".encode() + bytes.fromhex(hexadecimal)
    return _object_id("tree", data)


def _added(changes: str) -> str:
    """The path of the one file that a commit adds, by its raw diff; '' for anything else."""
    lines = changes.splitlines()
    return lines[0].partition("\t")[2] if len(lines) == 1 else ""


def _record_blob(line: str) -> str:
    """The id in one line of `cat-file --batch-check`, '' if it names no blob of a record's size."""
    fields = line.split(" ")
    fits = len(fields) == 3 and fields[1] == "blob" and fields[2].isdigit()
    return fields[0] if fits and int(fields[2]) <= MOST * BYTES_MOST else ""


def _undamaged(batch: bytes) -> list[bytes]:
    """The contents in the output of `cat-file --batch`, up to the first that is not what its id
    says.

    What is no UTF-8 text does not survive the way here, so that its id does not fit.
    """
    contents: list[bytes] = []
    place = 0
    while place < len(batch):
        end = batch.find(b"\n", place)
        head = batch[place:end].split()
        if end < 0 or len(head) != 3 or not head[2].isdigit():
            break
        size = int(head[2])
        data = batch[end + 1 : end + 1 + size]
        if _object_id(head[1].decode(), data) != head[0].decode():
            break
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
