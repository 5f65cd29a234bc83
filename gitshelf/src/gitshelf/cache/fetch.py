"""Bringing commits into the cache: by id at depth 1, else by a ref, else the whole history.

No call prompts, and each ends: git has no terminal and no askpass, and a deadline per call, within
which failures of the network are tried again (see retries).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence

from gitshelf import git
from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Bounds, Result, Running, Timeout, TooMuch
from gitshelf.cache import Cache, Store, retries, sources
from gitshelf.git import refs
from gitshelf.git.refs import Ref, UnknownCommit
from gitshelf.git.urls import local_path, server_of

DEFAULT_TIMEOUT = 600.0  # seconds
_FETCH = (
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "--no-show-forced-updates",
)
# Texts, as patterns of this size take a millisecond to compile, which only failures need.
_CREDENTIALS = (
    r"could not read (Username|Password)|Authentication failed|terminal prompts disabled|"
    r"Permission denied \(|HTTP Basic: Access denied|error: 40[13]|Host key verification failed"
)
_UNKNOWN = (
    r"not our ref|no such remote ref|couldn't find remote ref|unadvertised object|"
    r"want .* not valid|does not (allow|support)|shallow|filter|upload-pack: |bad object|"
    r"did not send all necessary objects|remote did not send"
)


class Fetcher:
    """Fetches into `cache`. `timeout` is in seconds and per call of git; `running` lets another
    thread end them. A person's credentials go to the servers of the URLs `named` only: what
    repositories themselves name (submodules, LFS servers) must not get them."""

    def __init__(
        self,
        cache: Cache,
        running: Running,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        offline: bool = False,
        named: Iterable[str] = (),
    ) -> None:
        self.cache = cache
        self.running = running
        self.timeout = timeout
        self._offline = offline
        self.servers = frozenset(map(server_of, named)) - {""}

    def refs(self, url: str, names: Iterable[str]) -> dict[str, Ref]:
        """What branches and tags stand for (the commits that annotated tags name), by name.

        Raises UnknownCommit for a name that is neither or both, GitshelfError if the repository
        cannot be asked.
        """
        names = list(dict.fromkeys(names))
        self._check_online(url, ", ".join(names))
        patterns = [pattern for name in names for pattern in refs.candidates(name)]
        advertised = self._list(url, *patterns)
        return {name: refs.choose_ref(name, url, advertised) for name in names}

    def ensure(self, url: str, pins: Sequence[str]) -> Store:
        """The store that holds the commits (or tags) `pins`, whose ids are of one length.

        Raises UnknownCommit for one that the repository does not have, GitshelfError if it
        cannot be asked.
        """
        store = self.cache.store(url, len(pins[0]))
        if all(store.has_pin(pin) for pin in pins):
            store.note_use()
            return store
        self._check_online(url, pins[0][:12])
        with store.writing(self.timeout) as handle:
            missing = [pin for pin in pins if not store.has_pin(pin)]
            if missing:
                self._ladder(store, url, missing, handle)
        store.note_use()
        return store

    def on_branch(self, url: str, commit: str, branch: str) -> bool:
        """Whether `commit` is the tip of `branch` or one of its ancestors."""
        tip = self.refs(url, [branch])[branch].id
        if tip == commit:
            return True
        store = self.whole_store(url, len(commit))
        if not self._has(store, commit):
            return False
        result = git.run(
            ["merge-base", "--is-ancestor", commit, tip],
            git_dir=store.path,
            timeout=self.timeout,
            running=self.running,
        )
        if result.code not in (0, 1):
            raise GitshelfError(f"{url}: {git.last_line(result.err)}")
        return result.ok

    def still_has(self, url: str, pin: str) -> bool:
        """Whether the repository itself still has this commit, whatever the cache has. Raises
        GitshelfError if it cannot be asked."""
        self._check_online(url, pin[:12])
        store = self.cache.store(url, len(pin))
        with store.writing(self.timeout) as handle:
            result = self._shallow(store, url, [(pin, pin)], handle)
        if result.ok:
            return True
        if not _is_unknown(result):
            raise self._failure(url, result)
        # The server sends tips of refs only: the pin must lead to one of them.
        tips = set(self._list(url).values())
        full = self.whole_store(url, len(pin))
        arguments = ["for-each-ref", f"--contains={pin}", "--format=%(objectname) %(*objectname)"]
        holding = git.run([*arguments, "refs/heads", "refs/tags"], git_dir=full.path)
        return pin in tips or not tips.isdisjoint(holding.out.decode().split())

    def related(self, url: str, commits: Sequence[str]) -> tuple[Store, set[str]]:
        """The store with all that led to `commits` (ids of one length), and which of them the
        repository does not have any more. Raises GitshelfError if it cannot be asked."""
        store = self.cache.store(url, len(commits[0]), full=True)
        if not store.is_shallow and all(store.has_pin(commit) for commit in commits):
            store.note_use()
            return store, set()
        store = self.whole_store(url, len(commits[0]))
        lost = set()
        with store.writing(self.timeout) as handle:
            for commit in commits:
                if not self._has(store, commit):
                    self._with_history(store, url, [f"+{commit}:refs/pins/{commit}"], handle)
                if not self._has(store, commit):
                    lost.add(commit)
                    continue
                git.run(["update-ref", f"refs/pins/{commit}", commit], git_dir=store.path)
        return store, lost

    def _ladder(self, store: Store, url: str, missing: Sequence[str], handle: int) -> None:
        result = self._shallow(store, url, [(pin, pin) for pin in missing], handle)
        if result.ok:
            return
        if not _is_unknown(result):
            raise self._failure(url, result)
        for pin in missing:
            if len(missing) > 1 and self._shallow(store, url, [(pin, pin)], handle).ok:
                continue
            refs_of_pin = [ref for ref, tip in self._list(url).items() if tip == pin]
            if (
                refs_of_pin
                and self._shallow(
                    store, url, [(refs_of_pin[0].removesuffix("^{}"), pin)], handle
                ).ok
            ):
                continue
            self._from_history(store, url, pin, handle)

    def _from_history(self, store: Store, url: str, pin: str, handle: int) -> None:
        full = self.whole_store(url, len(pin))
        if self._has(full, pin):
            git.run(["update-ref", f"refs/pins/{pin}", pin], git_dir=full.path)
            result = self._shallow(store, full.path.as_uri(), [(pin, pin)], handle)
            if result.ok:
                return
            raise self._failure(url, result)
        raise sources.lacking(url) or unknown(url, pin)

    def whole_store(self, url: str, width: int) -> Store:
        """The store with all branches and tags (`width`: digits of its ids), brought up to date.
        Raises GitshelfError if the repository cannot be asked."""
        store = self.cache.store(url, width, full=True)
        self._check_online(url, "the history")
        refspecs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
        with store.writing(self.timeout) as handle:
            # Pruned, or a branch `a` that gave way to `a/b` upstream would be in its way here.
            result = self._with_history(store, url, refspecs, handle, "--prune")
        if not result.ok:
            raise self._failure(url, result)
        store.note_use()
        return store

    def bring_whole(self, store: Store, url: str, pin: str) -> None:
        """Bring `pin`, which no branch or tag leads to, with its history into a whole store.
        Raises UnknownCommit, and GitshelfError if the repository cannot be asked."""
        with store.writing(self.timeout) as handle:
            result = self._with_history(store, url, [f"+{pin}:refs/pins/{pin}"], handle)
        if not result.ok:
            raise sources.lacking(url) or (
                unknown(url, pin) if _is_unknown(result) else self._failure(url, result)
            )

    def _with_history(
        self, store: Store, url: str, refspecs: Sequence[str], handle: int, *more: str
    ) -> Result:
        """Fetch with all that leads there. Raises GitshelfError if the repository itself lacks the
        beginning: the store then says so too, and is made whole as soon as the repository is."""
        options = [*more, "--update-shallow"] + (["--unshallow"] if store.is_shallow else [])
        result = self._git(url, [*_FETCH, *options, "--", url, *refspecs], store, handle)
        if result.ok and store.is_shallow:
            raise sources.shallow(url)
        return result

    def _list(self, url: str, *patterns: str) -> dict[str, str]:
        """The id of each ref that the repository has, or of those that fit one of `patterns`.
        Raises GitshelfError if it cannot be asked."""
        result = self._git(url, ["ls-remote", "--", url, *patterns], bounds=git.LISTING)
        if not result.ok:
            raise self._failure(url, result)
        return refs.parse_refs(result)

    def _has(self, store: Store, commit: str) -> bool:
        return git.run(["cat-file", "-e", commit], git_dir=store.path).ok

    def _shallow(
        self, store: Store, url: str, pins: Sequence[tuple[str, str]], handle: int
    ) -> Result:
        refspecs = [f"+{source}:refs/pins/{pin}" for source, pin in pins]
        return self._git(url, [*_FETCH, "--depth=1", "--", url, *refspecs], store, handle)

    def _git(
        self,
        url: str,
        arguments: Sequence[str],
        store: Store | None = None,
        handle: int | None = None,
        bounds: Bounds = git.ANSWER,
    ) -> Result:
        """Run git against `url`, again if a failure may pass, all within one timeout."""
        deadline = time.monotonic() + self.timeout
        env = git.isolated(self.servers, url)
        attempt, asked_to_wait = 1, False
        while True:
            with retries.Listening(asked_to_wait) as listening:
                try:
                    result = git.run(
                        arguments,
                        git_dir=store.path if store else None,
                        timeout=max(deadline - time.monotonic(), 0.001),
                        env=env,
                        extra_env=listening.env,
                        pass_fds=() if handle is None else (handle,),
                        running=self.running,
                        bounds=bounds,
                    )
                except TooMuch as error:
                    raise TooMuch(f"{url}: {error.message}", error.remedy) from None
                except Timeout as error:
                    message = f"{url} did not answer within {self.timeout:g} s"
                    raise Timeout(message, error.remedy) from None
                if result.ok or attempt == retries.TRIES or local_path(url) is not None:
                    return result
                asked_to_wait = retries.first_wait(result.err) == retries.FIRST_WAIT_ASKED
                wait = retries.jittered_wait(retries.first_wait(result.err), attempt)
                wait = max(wait, listening.seconds())
            if not retries.is_passing(url, result.err) or time.monotonic() + wait > deadline:
                return result
            retries.pause(wait, self.running)
            attempt += 1

    def _check_online(self, url: str, what: str) -> None:
        if self._offline and local_path(url) is None:
            raise GitshelfError(
                f"{what} of {url} is not in the cache", "run once without --offline, or pin a SHA"
            )

    def _failure(self, url: str, result: Result) -> GitshelfError:
        reason = git.reason(result.err, self.cache.root)
        if re.search(_CREDENTIALS, result.err, re.I):
            return GitshelfError(
                f"{url} asks for credentials ({reason})",
                "give git access without a prompt: ssh-agent, a known host key, or a credential "
                "helper; then try again",
            )
        path = local_path(url)
        if path is not None and not path.exists():
            return GitshelfError(f"{url} is not there", "correct `git`")
        foreign = git.not_owned(path, result.err, fetched=True) if path else None
        cause = foreign or (sources.lacking(url) if _is_unknown(result) else None)
        if cause:
            return cause
        if git.tells_no_room(reason):
            return GitshelfError(
                f"{url} cannot be fetched ({reason})",
                "make room where the cache is (gitshelf cache show), or set XDG_CACHE_HOME",
            )
        again = f", {retries.TRIES} tries" if retries.is_passing(url, result.err) else ""
        return GitshelfError(
            f"{url} cannot be fetched from ({reason}{again})",
            "check the URL and the network: git ls-remote",
        )


def unknown(url: str, pin: str) -> UnknownCommit:
    """The error that the repository `url` does not have `pin`."""
    return UnknownCommit(
        pin,
        f"{url} has no commit {pin}",
        "correct the SHA; if it was pushed away, take a commit that is on a branch",
    )


def _is_unknown(result: Result) -> bool:
    """Whether git failed because the repository does not give the commit."""
    asks = re.search(_CREDENTIALS, result.err, re.I)
    return not asks and re.search(_UNKNOWN, result.err, re.I) is not None
