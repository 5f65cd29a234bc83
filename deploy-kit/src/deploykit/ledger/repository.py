"""The ledger's git plumbing: a bare clone that is only fetched into, and commits made by hand."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import CommandFailed, DeployKitError
from deploykit.base.filelock import locked
from deploykit.base.git import environment, options
from deploykit.base.process import Result, Runner, last_line, run
from deploykit.base.waiting import wait_until
from deploykit.ledger.commits import Batch, read_commits
from deploykit.ledger.records import FOLDER, LedgerError, path_of
from deploykit.ledger.trees import RecordTrees, object_id

BRANCH = "refs/heads/ledger"
SCRATCH = "refs/heads/ledger-doctor"
RESTORE = "an admin cuts it off: deploy-kit ledger mend; nobody pushes to that branch by hand"
SEEN = "refs/seen/ledger"
NETWORK_TIMEOUT = 30.0  # seconds for one fetch or push
FIRST_TIMEOUT = 600.0  # seconds for a fetch of everything
LOCAL_TIMEOUT = 60.0
TURN = 60.0  # seconds: many appends, or as long as a person may take to touch a security key
LOCK_WAIT = 10.0  # seconds to wait for another git's lock file
LOCK_STALE = 5.0  # a lock file this old belongs to a git that was killed
MOST_FETCHED = 512 * 2**20  # bytes of one file that a fetch may write: what others pushed
LOCK_FILE = re.compile(r"Unable to create '(.+?\.lock)': File exists")
# Nothing of a person's own configuration takes part: no hooks, no signed pushes, no tags.
TIDY_CONFIG = {"gc.auto": "0", "gc.autoDetach": "false", "maintenance.auto": "false"}
CLONE_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.logAllRefUpdates": "false",
    "fetch.fsckObjects": "true",
    "push.followTags": "false",
    "push.gpgSign": "false",
    **TIDY_CONFIG,
}
LOOSE_SAMPLE, LOOSE_MOST = "17", 8  # one of 256 folders, as git guesses; files in it, of 2,000
PROTOCOLS = {"GIT_ALLOW_PROTOCOL": "file:ssh:https"}
QUARANTINE = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")


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
        self._newest: Tip | None = None  # what it ended with when this process last looked

    @property
    def owned(self) -> bool:
        """Whether the remote is a bare repository of this site's own."""
        return self._owned is not None

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever fetched into it."""
        return not ((self.folder / SEEN).exists() or (self.folder / "packed-refs").exists())

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """The caller's turn to push, among the processes of this machine: several that are at it at
        once only cost each other time. Who waited for TURN seconds, or may not lock, goes on
        without: it is the push that decides.
        """
        local = Path(self.remote).is_dir()
        file = Path(self.remote) / "turn.lock" if local else self.folder.with_suffix(".turn")
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(DeployKitError, OSError):
                stack.enter_context(locked(file, TURN))
            yield

    def prepare(self) -> None:
        """Make what is missing: the clone, and the remote where it is this site's own."""
        strict = {"receive.denyNonFastForwards": "true", "receive.denyDeletes": "true"}
        if self._owned is not None:
            # What receives reads a person's settings, too: their hooksPath would count there.
            hooks = {"core.hooksPath": str(self._owned / "hooks")}
            self._make(self._owned, {**strict, **hooks, **TIDY_CONFIG})
        self._make(self.folder, CLONE_CONFIG)

    def fetch(self) -> Tip | None:
        """The remote's newest commit, fetched; None when it has no such branch.

        Raises LedgerError where the remote cannot be reached.
        """
        if self._newest is not None and self._still_ends_with(self._newest.commit):
            return self._newest
        words = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", self.remote]
        timeout = FIRST_TIMEOUT if self.is_new else NETWORK_TIMEOUT
        result = self._patient([*words, f"+{BRANCH}:{SEEN}"], timeout, most=MOST_FETCHED)
        if result.returncode == 0:
            self._newest = Tip(*self._git(["rev-parse", SEEN, f"{SEEN}^{{tree}}"]).stdout.split())
            return self._newest
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

    def note_pushed(self, tip: Tip) -> None:
        """Remember that the branch ends with `tip`, so that a fetch has nothing to do; callers are
        alone here."""
        if self._git(["update-ref", SEEN, tip.commit], check=False).returncode == 0:
            self._newest = tip

    def _still_ends_with(self, commit: str) -> bool:
        """Whether the remote is this site's own, with `commit` as the branch's end by its file.

        A fetch would start five processes to say the same: this is asked before each step.
        """
        if self._owned is None or self.is_new:
            return False
        try:
            return (self._owned / BRANCH).read_bytes().strip() == commit.encode()
        except OSError:  # packed, or gone: git says which
            return False

    def _push(self, what: str) -> Result:
        return self._patient(["push", "--quiet", "--", self.remote, what], NETWORK_TIMEOUT)

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

    def read(self, commits: Sequence[str], first: int) -> Iterator[Batch]:
        """The raw commits with the records that they add, in batches, as `read_commits` does."""

        def git(words: Sequence[str], input: str) -> str:
            return self._git(words, input=input).stdout

        return read_commits(git, commits, first)

    def payload(self, n: int, text: str, parents: Sequence[str], about: str) -> str:
        """Store record number `n` and the trees of all records, which end with it; returns the
        commit's text to sign.

        `parents`: first the commit of the record before. `about` are the lines of author and
        committer, and the message.
        """
        blob = self._git(["hash-object", "-w", "--stdin"], input=text).stdout.strip()
        if blob != object_id("blob", text.encode()):
            raise LedgerError("git stored a record under another name than its content's")
        trees = RecordTrees()
        if parents:
            folder = path_of(n, text).rpartition("/")[0]
            words = ["ls-tree", "-t", parents[0], f"{FOLDER}/", f"{folder}/"]
            trees = RecordTrees.parse(self._git(words).stdout)
        trees.add(n, text)
        # A blank line goes between two trees.
        listings = "\n".join(trees.listings())
        tree = self._git(["mktree", "--missing", "--batch"], input=listings).stdout.split()[-1]
        above = "".join(f"parent {parent}\n" for parent in parents)
        return f"tree {tree}\n{above}{about}"

    def store(self, payload: str, signature: str) -> Tip:
        """Store the commit `payload` with its signature, as git itself would."""
        head, _, message = payload.partition("\n\n")
        signed = "gpgsig " + signature.rstrip("\n").replace("\n", "\n ")
        text = f"{head}\n{signed}\n\n{message}"
        words = ["hash-object", "-t", "commit", "-w", "--stdin"]
        commit = self._git(words, input=text).stdout.strip()
        return Tip(commit, head.split(maxsplit=2)[1])

    def _sweep(self) -> None:
        """Remove what a fetch that failed had written; callers are alone here."""
        for left in (self.folder / "objects").glob("*/tmp_*"):
            left.unlink(missing_ok=True)

    def pack(self) -> None:
        """Pack what came one by one, if it is much: git's own way would write everything anew."""
        for place in self._ours():
            if len(list((place / "objects" / LOOSE_SAMPLE).glob("*"))) >= LOOSE_MOST:
                self._git(["repack", "-d", "-q", "--geometric=2"], folder=place, check=False)

    def _ours(self) -> list[Path]:
        return [place for place in (self.folder, self._owned) if place is not None]

    def _patient(self, words: Sequence[str], timeout: float, most: int | None = None) -> Result:
        """Run a git command that takes lock files; locks of killed gits of our own are removed.

        It may write files of at most `most` bytes."""
        results: list[Result] = []

        def done() -> bool:
            result = self._git(words, check=False, timeout=timeout, most=most)
            results.append(result)
            blocked = LOCK_FILE.search(result.stderr)
            if result.returncode == 0 or not blocked:
                return True
            self._clear(Path(blocked[1]))
            return False

        wait_until(done, LOCK_WAIT, pause=0.2)
        return results[-1]

    def _clear(self, lock: Path) -> None:
        if not any(lock.is_relative_to(place.resolve()) for place in self._ours()):
            return
        try:
            if time.time() - lock.stat().st_mtime > LOCK_STALE:
                lock.unlink()
        except FileNotFoundError:
            pass

    def _make(self, folder: Path, config: dict[str, str]) -> None:
        """Make a bare repository aside and rename it into place; callers are alone here.

        One that is there from before gets what its configuration lacks.
        """
        if folder.exists():
            with contextlib.suppress(OSError):  # what is wrong with it, git will say
                _add_settings(folder / "config", config)
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
            _add_settings(aside / "config", config)
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
        folder: Path | None = None,
    ) -> Result:
        limit = ["prlimit", f"--fsize={most}"] if most is not None else []
        try:
            return self._run(
                [*limit, "git", f"--git-dir={folder or self.folder}", *options(), *words],
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


def _add_settings(file: Path, settings: Mapping[str, str]) -> None:
    """Add what git's configuration `file` lacks of `settings`, as this function writes it."""
    there = file.read_text(encoding="utf-8")
    lacking = [text for text in map(_setting, settings.items()) if text not in there]
    if lacking:
        with file.open("a", encoding="utf-8") as sink:
            sink.write("".join(lacking))


def _setting(entry: tuple[str, str]) -> str:
    section, _, name = entry[0].partition(".")
    return f"[{section}]\n\t{name} = {entry[1]}\n"
