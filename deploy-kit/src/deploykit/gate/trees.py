"""Speculative states as real git trees: changes merged onto tips in bare repositories.

As Gerrit merges when it submits: a change that the tip is a parent of becomes the tip, any other
gets a merge commit. No work tree is made. git follows renames and Gerrit does not (JGit's merge):
what only merges with renames is refused by Gerrit when it is submitted; that the trees are the ones
that were tested is looked at after each submit.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploykit.base import git
from deploykit.base.errors import CommandFailed, DeployKitError
from deploykit.base.process import Result
from deploykit.gate.builds import Chain, Conflict, Merged, digest_of
from deploykit.gate.changes import Change

Place = tuple[str, str]  # project and branch
Tips = Mapping[Place, str]  # their commits
MERGE_TIMEOUT, FETCH_TIMEOUT = 120.0, 600.0  # seconds
NOBODY = "Gate <gate@localhost>"
BUILDS = "refs/gate/"  # what keeps the commits of builds that run from being collected
LISTED = 10  # files of a conflict that are named
PLAIN_MERGE = {"merge.directoryRenames": "false"}  # which Gerrit would not do


class Unfetched(DeployKitError):
    """git does not bring what it should: the server is away, or has it no longer."""


class PushRefused(DeployKitError):
    """The server does not take what was pushed; the message has its words."""


@dataclass(frozen=True, slots=True)
class State:
    """What every branch is at in a speculative state, and the digest of the trees."""

    commits: Tips
    digest: str


@dataclass(frozen=True, slots=True)
class Remote:
    """Where projects are fetched from: `address` with {project}, and the words that start SSH."""

    address: str
    ssh: str = ""

    def url(self, project: str) -> str:
        return self.address.replace("{project}", project)


@dataclass
class Trees:
    """Bare repositories of projects in `folder`, and what was merged in them.

    `pins` are the paths of files, by project, that follow from everything else (gate.pins): they
    are no part of a state, so that it is the same before and after they were written. Everything
    in the folder is a cache: it may be removed at any time when nothing runs.
    """

    folder: Path
    remote: Remote
    pins: Mapping[str, str] = field(default_factory=dict)
    _states: dict[tuple[str, Chain], State | Conflict] = field(default_factory=dict)
    _digests: dict[str, str] = field(default_factory=dict)

    def store(self, project: str) -> Path:
        """The repository of `project`; made if it is not there."""
        name = hashlib.sha256(project.encode()).hexdigest()[:12]
        store = self.folder / f"{name}-{project.replace('/', '-')}.git"
        if not (store / "HEAD").exists():
            store.mkdir(parents=True, exist_ok=True)
            self._demand(git.plainly(store, ["init", "--quiet", "--bare", "."]), store)
        return store

    def bring(self, project: str, commits: Mapping[str, str]) -> None:
        """Have `commits` of `project`; their values are the refs to fetch them by.

        Raises Unfetched.
        """
        store = self.store(project)
        lacking = [commit for commit in commits if not self.has(project, commit)]
        if not lacking:
            return
        refs = sorted({commits[commit] for commit in lacking})
        words = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"]
        # Under names of their own: what nobody refers to would be collected one day.
        specs = [f"+{ref}:refs/seen/{ref.removeprefix('refs/')}" for ref in refs]
        words += [self.remote.url(project), *specs]
        done = git.plainly(store, words, timeout=FETCH_TIMEOUT, settings=self._ssh)
        if done.returncode != 0:
            raise Unfetched(f"cannot fetch from {self.remote.url(project)}: {done.stderr.strip()}")
        for commit in lacking:
            if not self.has(project, commit):
                raise Unfetched(f"{commits[commit]} of {project} is no longer {commit[:12]}")

    def has(self, project: str, commit: str) -> bool:
        words = ["cat-file", "-e", f"{commit}^{{commit}}"]
        return git.plainly(self.store(project), words).returncode == 0

    def state(
        self, tips: Tips, chain: Chain, item: Sequence[str], changes: Mapping[str, Change]
    ) -> Merged | Conflict | None:
        """`chain` merged onto `tips`; its last item has the commits `item`.

        `changes` are by commit. None if what the last item stands on cannot be merged itself.
        Everything must have been fetched.
        """
        merge = self._merge_chain(tips, chain, len(chain) - len(item), changes)
        if isinstance(merge, State):
            return Merged(merge.digest)
        return merge

    def known(self, tips: Tips, chain: Chain) -> State:
        """The state of a chain that was merged before. Raises KeyError if it was not."""
        state = self._states[_key(tips), chain]
        if isinstance(state, Conflict):
            raise KeyError(chain)
        return state

    def digest(self, commits: Tips) -> str:
        """The digest of the trees of these commits."""
        return digest_of({place: self.tree(place[0], commit) for place, commit in commits.items()})

    def tree(self, project: str, commit: str) -> str:
        """The id of a commit's tree, without the project's pins."""
        if commit not in self._digests:
            pins = self.pins.get(project)
            if pins is None:
                tree = self._git_output(project, "rev-parse", f"{commit}^{{tree}}")
            else:
                tree = self.with_file(project, commit, pins, None)
            self._digests[commit] = tree
        return self._digests[commit]

    def with_file(self, project: str, commit: str, path: str, text: str | None) -> str:
        """The id of a commit's tree with `text` in the file `path`; None: without that file."""
        store = self.store(project)
        if text is None:
            entry = f"0 {'0' * 40}\t{path}\n"
        else:
            blob = git.plainly(store, ["hash-object", "-w", "--stdin"], input=text)
            self._demand(blob, store)
            entry = f"100644 {blob.stdout.strip()}\t{path}\n"
        with tempfile.TemporaryDirectory(dir=store) as folder:
            index = Path(folder) / "index"
            for words, input in (
                (["read-tree", commit], None),
                (["update-index", "--index-info"], entry),
            ):
                self._demand(git.plainly(store, words, input=input, index=index), store)
            done = git.plainly(store, ["write-tree"], index=index)
            self._demand(done, store)
        return done.stdout.strip()

    def commit(self, project: str, tree: str, parent: str, who: str, message: str) -> str:
        """A commit of `tree` on `parent` that is the same whenever it is made.

        `who` is NAME <ADDRESS>; its time is the parent's.
        """
        return self._commit(self.store(project), tree, (parent,), message, who)

    def push(self, place: Place, old: str, new: str) -> bool:
        """Move a branch from the commit `old` to `new`; False if it is no longer at `old`.

        Raises PushRefused, Unfetched if the server is away.
        """
        project, branch = place
        ref = f"refs/heads/{branch}"
        words = ["push", "--porcelain", "--no-verify", f"--force-with-lease={ref}:{old}"]
        words += [self.remote.url(project), f"{new}:{ref}"]
        done = git.plainly(self.store(project), words, timeout=FETCH_TIMEOUT, settings=self._ssh)
        if done.returncode == 0:
            return True
        refusals = [line for line in done.stdout.splitlines() if line.startswith("!")]
        if not refusals:
            raise Unfetched(f"cannot push to {self.remote.url(project)}: {done.stderr.strip()}")
        if "[remote rejected]" in refusals[0]:
            raise PushRefused(
                f"{project} does not take a push to {branch}: {refusals[0].split('[', 1)[1]}",
                "give the gate's account the right to push there (docs/gate.md)",
            )
        return False

    def content_commit(self, project: str, tip: str) -> str:
        """The newest commit of a branch at `tip` that altered more than the project's pins."""
        pins = self.pins.get(project)
        if pins is None:
            return tip
        words = ("log", "-1", "--first-parent", "--format=%H", tip, "--")
        return self._git_output(project, *words, ":(top)", f":(top,exclude,literal){pins}") or tip

    def contains(self, project: str, tip: str, commit: str) -> bool:
        """Whether `commit` is in the history of `tip`."""
        return self.has(project, commit) and self._is_ancestor(self.store(project), commit, tip)

    def fork(self, project: str, tip: str, commit: str) -> str:
        """Where the history of `commit` leaves that of `tip`; `tip` if they have none in common."""
        done = git.plainly(self.store(project), ["merge-base", tip, commit], timeout=MERGE_TIMEOUT)
        return done.stdout.strip() if done.returncode == 0 else tip

    def _git_output(self, project: str, *words: str) -> str:
        done = git.plainly(self.store(project), words, timeout=MERGE_TIMEOUT)
        self._demand(done, self.store(project))
        return done.stdout.strip()

    @property
    def _ssh(self) -> dict[str, str]:
        return {"core.sshCommand": self.remote.ssh} if self.remote.ssh else {}

    def changed(self, project: str, before: str, after: str) -> tuple[str, ...]:
        """The paths in which two commits differ."""
        words = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after]
        done = git.plainly(self.store(project), words, timeout=MERGE_TIMEOUT)
        self._demand(done, self.store(project))
        return tuple(path for path in done.stdout.split("\0") if path)

    def text(self, project: str, commit: str, path: str) -> str | None:
        """The text of a file in a commit; None if it is not there."""
        done = git.plainly(self.store(project), ["cat-file", "blob", f"{commit}:{path}"])
        return done.stdout if done.returncode == 0 else None

    def hold(self, build: str, commits: Tips) -> None:
        """Keep the commits of a build as long as it has jobs; `release` lets them go."""
        for (project, branch), commit in commits.items():
            words = ["update-ref", f"{BUILDS}{build}/{branch}", commit]
            self._demand(git.plainly(self.store(project), words), self.store(project))

    def release(self, build: str, projects: Iterable[str]) -> None:
        for project in projects:
            store = self.store(project)
            refs = git.plainly(store, ["for-each-ref", "--format=%(refname)", f"{BUILDS}{build}"])
            for ref in refs.stdout.split():
                git.plainly(store, ["update-ref", "-d", ref])

    def _merge_chain(
        self, tips: Tips, chain: Chain, before: int, changes: Mapping[str, Change]
    ) -> State | Conflict | None:
        key = (_key(tips), chain)
        if key in self._states:
            return self._states[key]
        base = self._base(tips, chain[:before])
        if base is None:
            return None
        commits = dict(base.commits)
        for commit in chain[before:]:
            change = changes[commit]
            place = (change.project, change.branch)
            if place not in commits:
                return self._note(key, Conflict(f"change {change.id} is not in this queue"))
            result = self._merge(change, commits[place], chain)
            if isinstance(result, Conflict):
                return self._note(key, result)
            commits[place] = result
        return self._note(key, State(commits, self.digest(commits)))

    def _base(self, tips: Tips, chain: Chain) -> State | None:
        if not chain:
            return State(tips, self.digest(tips))
        state = self._states.get((_key(tips), chain))
        return state if isinstance(state, State) else None

    def _note(self, key: tuple[str, Chain], merge: State | Conflict) -> State | Conflict:
        if len(self._states) > 10_000:
            self._states.clear()
        self._states[key] = merge
        return merge

    def _merge(self, change: Change, tip: str, chain: Chain) -> str | Conflict:
        """The commit that has `change` merged onto `tip`."""
        store, commit = self.store(change.project), change.commit
        strange = self._not_in_review(store, tip, commit, chain)
        if strange:
            return Conflict(f"it carries commits that are not merged with it: {strange}")
        if self._is_ancestor(store, tip, commit):
            return commit
        if self._is_ancestor(store, commit, tip):
            return tip
        words = ["merge-tree", "--write-tree", "-z", "--name-only", tip, commit]
        done = git.plainly(store, words, timeout=MERGE_TIMEOUT, settings=PLAIN_MERGE)
        fields = done.stdout.split("\0")
        if done.returncode == 1:
            files = fields[1 : fields.index("", 1)]
            more = f" and {len(files) - LISTED} more" if len(files) > LISTED else ""
            return Conflict(f"it conflicts in {', '.join(files[:LISTED])}{more}")
        if done.returncode != 0:
            if "unrelated histories" in done.stderr:
                return Conflict("it has no history in common with the branch")
            raise CommandFailed(f"git merge-tree in {store}: {done.stderr.strip()}")
        return self._commit(store, fields[0], (tip, commit), f"Merge change {change.id}")

    def _not_in_review(self, store: Path, tip: str, commit: str, chain: Chain) -> str:
        words = ["rev-list", "--max-count=200", commit, f"^{tip}"]
        commits = git.plainly(store, words, timeout=MERGE_TIMEOUT).stdout.split()
        strange = [unknown[:12] for unknown in commits if unknown not in chain]
        return ", ".join(strange[:3])

    def _is_ancestor(self, store: Path, old: str, new: str) -> bool:
        return git.plainly(store, ["merge-base", "--is-ancestor", old, new]).returncode == 0

    def _commit(
        self, store: Path, tree: str, parents: Sequence[str], title: str, by: str = NOBODY
    ) -> str:
        """A commit that is the same whenever it is made: its time is that of its newest parent."""
        words = ["log", "--no-walk=unsorted", "--format=%ct", *parents]
        times = [int(time) for time in git.plainly(store, words).stdout.split()]
        who = f"{by} {max(times)} +0000"
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        text = "\n".join([*lines, f"author {who}", f"committer {who}", "", title, ""])
        words = ["hash-object", "-t", "commit", "-w", "--stdin"]
        done = git.plainly(store, words, input=text)
        self._demand(done, store)
        return done.stdout.strip()

    def _demand(self, done: Result, store: Path) -> None:
        if done.returncode != 0:
            raise CommandFailed(
                f"git in {store}: {done.stderr.strip() or done.stdout.strip()}",
                "a cache: it may be removed while no gate runs",
            )


def _key(tips: Tips) -> str:
    return "\n".join(
        f"{project} {branch} {commit}" for (project, branch), commit in sorted(tips.items())
    )
