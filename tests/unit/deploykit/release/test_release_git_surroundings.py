"""Whoever calls deploy-kit, and whatever a person's git is set to: commands do the same."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from deploykit.base import git
from deploykit.base.errors import CommandFailed, InputError
from deploykit.base.processes import is_gone
from deploykit.base.progress import Silent
from deploykit.base.waiting import wait_until
from deploykit.ledger import Ledger
from deploykit.release import committing, cutting, manifests
from deploykit.release.cutting import Cut
from deploykit.site import Site
from sitecheckout import Checkout

MAIN = "from deploykit.cli import main; main()"
AGE = re.compile(r"(?m)(?<=^Newest record: ).*$")  # of the record, when it was looked at
# Everything that changes what git prints, asks or does, in ways that people really set.
HOSTILE = """
[user] useConfigOnly = true
[status]
  showUntrackedFiles = no
  short = true
  branch = true
[color] ui = always
[log]
  showSignature = true
  decorate = full
[diff]
  noprefix = true
  external = false
  ignoreSubmodules = all
[core]
  hooksPath = {folder}/hooks
  editor = false
  pager = false
  fsmonitor = false
  quotePath = false
  abbrev = 4
  excludesFile = {folder}/ignored
  autocrlf = true
  safecrlf = true
[commit]
  template = {folder}/nowhere
  cleanup = scissors
  verbose = true
[alias]
  status = "!false"
  commit = "!false"
[push]
  gpgSign = true
  followTags = true
  pushOption = x
  recurseSubmodules = only
[fetch] prune = true
[clone] defaultRemoteName = odd
[gc] auto = 1
[includeIf "gitdir:/"] path = {folder}/more
"""
MORE = "[rev] x = 1\n[blame] x = 1\n[advice] detachedHead = true\n[core] commentChar = R\n"
COMMANDS = (
    ("release", "cut"),
    ("release", "cut"),
    ("status",),
    ("release", "list"),
    ("release", "show", "latest"),
    ("hold", "test", "--reason", "night"),
    ("history", "--json"),
    ("ledger", "verify"),
)


def cut(site: Site, **more: Any) -> Cut:
    return cutting.cut(site, Ledger.open(site), **more)


def deploy_kit(
    checkout: Checkout, *words: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", MAIN, "--site", str(checkout.site.folder), *words],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=100,
    )


def hook(folder: Path, text: str) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text(f"#!/bin/sh\n{text}\n")
    folder.chmod(0o755)
    return folder


def other_repository(folder: Path) -> Path:
    """A repository that is none of deploy-kit's business, with one commit."""
    folder.mkdir()
    for words in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "theirs"]):
        subprocess.run(["git", "-C", folder, *words], check=True, timeout=20)
    return folder


@pytest.mark.parametrize(
    "given",
    [
        {"GIT_DIR": "{other}/.git", "GIT_WORK_TREE": "{other}"},
        {"GIT_DIR": ".", "GIT_QUARANTINE_PATH": "{other}/.git/objects/in",
         "GIT_OBJECT_DIRECTORY": "{other}/.git/objects/in"},
        {"GIT_INDEX_FILE": "{other}/.git/index", "GIT_PREFIX": "x/"},
        {"GIT_CONFIG_PARAMETERS": "'core.bare'='true'", "GIT_LITERAL_PATHSPECS": "1",
         "GIT_NAMESPACE": "x", "GIT_CEILING_DIRECTORIES": "/", "GIT_COMMON_DIR": "{other}/.git"},
    ],
    ids=["work-tree", "quarantine", "index", "others"],
)  # fmt: skip
def test_cut_in_the_surroundings_of_another_repository_commits_to_the_sites_own(
    checkout_with_site: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Any
) -> None:
    checkout = checkout_with_site
    other = other_repository(tmp_path / "other")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{who}_NAME")
        monkeypatch.delenv(f"GIT_{who}_EMAIL")
    checkout.git("config", "user.name", "Kim")
    checkout.git("config", "user.email", "kim@example.org")
    # As git has them for what it starts: of its own commit.
    theirs = {"GIT_AUTHOR_NAME": "Eve", "GIT_AUTHOR_EMAIL": "eve@there"}
    theirs["GIT_AUTHOR_DATE"] = "1000000000 +0000"
    done = deploy_kit(
        checkout,
        "release",
        "cut",
        env={**theirs, **{key: text.format(other=other) for key, text in given.items()}},
    )
    assert done.returncode == 0, done.stderr
    assert checkout.git("log", "-1", "--format=%s").startswith("Release ")
    assert checkout.git("status", "--porcelain") == ""
    who = checkout.git("log", "-1", "--format=%an %at").split()
    assert who[1] != "1000000000"
    if "GIT_DIR" in given or "GIT_INDEX_FILE" in given:
        assert who[0] == "Kim"
    log = ["git", "-C", str(other), "log", "--format=%s"]
    said = subprocess.run(log, capture_output=True, text=True, check=True, timeout=20)
    assert said.stdout == "theirs\n" and not (other / ".git" / "objects" / "in").exists()


def test_hook_of_a_linked_worktree_cuts_a_release_of_the_site(
    checkout_with_site: Checkout, tmp_path: Path
) -> None:
    checkout = checkout_with_site
    other = other_repository(tmp_path / "other")
    subprocess.run(["git", "-C", other, "worktree", "add", "-q", "../side"], check=True, timeout=20)
    words = f'"{sys.executable}" -c "{MAIN}" --site "{checkout.site.folder}" release cut'
    hook(other / ".git/hooks/post-commit", f'[ "$ONCE" ] && exit; ONCE=1 {words} >cut 2>&1')
    commit = ["git", "-C", str(tmp_path / "side"), "commit", "-q", "--allow-empty", "-m", "mine"]
    subprocess.run(commit, check=True, timeout=100)
    log = ["git", "-C", str(tmp_path / "side"), "log", "--format=%s"]
    said = subprocess.run(log, capture_output=True, text=True, check=True, timeout=20).stdout
    assert said.split() == ["mine", "theirs"]
    assert checkout.git("log", "-1", "--format=%s").startswith("Release ")
    assert checkout.git("status", "--porcelain") == ""


def test_every_command_acts_under_a_hostile_configuration_as_under_an_empty_one(
    checkout_with_site: Checkout, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    for name in ("pre-receive", "update", "post-update", "pre-push", "post-index-change"):
        hook(folder / "hooks" / name, "exit 1")
    (folder / "ignored").write_text("*.yml\nrecords\n")
    (folder / "more").write_text(MORE)
    (folder / "hostile").write_text(HOSTILE.format(folder=folder))
    (folder / "empty").write_text("")
    checkout_with_site.git("config", "core.fileMode", "true")
    said: dict[str, list[Any]] = {}
    start = checkout_with_site.git("rev-parse", "HEAD")
    for name in ("empty", "hostile"):
        env = {
            "GIT_CONFIG_GLOBAL": str(folder / name),
            "XDG_STATE_HOME": str(tmp_path / f"state-{name}"),
        }
        said[name] = []
        for words in COMMANDS:
            done = deploy_kit(checkout_with_site, *words, env=env)
            assert done.returncode == 0, (words, done.stderr)
            text = done.stdout.replace(f"state-{name}", "state")
            text = AGE.sub("", text)
            said[name].append(text if words[0] in ("release", "status") else len(text.split()))
        said[name].append(checkout_with_site.git("log", "-1", "--stat", "--format=%s%n%an"))
        checkout_with_site.git("reset", "-q", "--hard", start)
    assert said["hostile"] == said["empty"]
    assert "Release" in said["hostile"][-1]


def test_signing_that_fails_leaves_no_release_and_stops_nothing_else(
    checkout_with_site: Checkout, tmp_path: Path
) -> None:
    (tmp_path / "broken").write_text(
        "[commit] gpgSign = true\n[gpg] format = ssh\n[user] signingKey = /nowhere/key\n"
    )
    env = {"GIT_CONFIG_GLOBAL": str(tmp_path / "broken")}
    done = deploy_kit(checkout_with_site, "release", "cut", env=env)
    assert done.returncode == 1 and "/nowhere/key" in done.stderr
    assert "signing" in done.stderr and "Traceback" not in done.stderr
    assert manifests(checkout_with_site.site) == {}
    assert checkout_with_site.git("status", "--porcelain") == ""
    assert not (checkout_with_site.site.folder / "releases").exists()
    for words in ("status", "hold test --reason x", "release cut --no-commit"):
        assert deploy_kit(checkout_with_site, *words.split(), env=env).returncode == 0


@pytest.mark.parametrize("before", [False, True], ids=["new", "cut-without-commit-before"])
def test_hook_that_refuses_is_told_and_the_next_cut_is_the_same_release(
    checkout_with_site: Checkout, before: bool
) -> None:
    checkout = checkout_with_site
    refusing = hook(checkout.folder / ".git/hooks/pre-commit", "echo 'no ticket named' >&2; exit 1")
    if before:
        cut(checkout.site, commit=False, version="2026.47.1")
    with pytest.raises(CommandFailed, match="no ticket named"):
        cut(checkout.site, commit=True, version="2026.47.1")
    assert checkout.git("status", "--porcelain") == ""
    assert len(manifests(checkout.site)) == (1 if before else 0)
    refusing.unlink()
    done = cut(checkout.site, commit=True, version="2026.47.1")
    assert done.committed and done.release.version == "2026.47.1"
    assert checkout.git("status", "--porcelain") == ""


class Told(Silent):
    """Progress that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @contextmanager
    def step(self, title: str) -> Iterator[Told]:
        self.told.append(title)
        yield self

    def note(self, detail: str) -> None:
        self.told.append(detail)


def test_hook_may_take_longer_than_other_calls_of_git_and_is_shown(
    checkout_with_site: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "echo checking everything >&2; sleep 3"
    hook(checkout_with_site.folder / ".git/hooks/pre-commit", text)
    defaults = {**git.plainly.__kwdefaults__, "timeout": 2.5}
    monkeypatch.setattr(git.plainly, "__kwdefaults__", defaults)
    told = Told()
    done = cut(checkout_with_site.site, commit=True, progress=told)
    assert done.committed
    assert told.told == [f"commit of {done.release.version}.yml", "checking everything"]


def test_hook_that_is_out_of_time_leaves_no_lock_and_no_release(
    checkout_with_site: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = checkout_with_site
    slow = hook(checkout.folder / ".git/hooks/pre-commit", "sleep 300")
    monkeypatch.setattr(committing, "TIMEOUT", 0.5)
    with pytest.raises(CommandFailed, match="did not finish"):
        cut(checkout.site, commit=True)
    assert list((checkout.folder / ".git").glob("*.lock")) == []
    assert manifests(checkout.site) == {} and checkout.git("status", "--porcelain") == ""
    slow.unlink()
    assert cut(checkout.site, commit=True).committed


def test_cut_that_is_interrupted_in_a_hook_ends_it_and_leaves_everything_as_it_was(
    checkout_with_site: Checkout, tmp_path: Path
) -> None:
    checkout = checkout_with_site
    slow = hook(
        checkout.folder / ".git/hooks/pre-commit", f"echo $$ > {tmp_path}/pid; exec sleep 300"
    )
    words = [sys.executable, "-c", MAIN, "--site", str(checkout.site.folder), "release", "cut"]
    child = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    pid = tmp_path / "pid"
    assert wait_until(lambda: pid.exists() and pid.read_text().strip(), 60)
    child.send_signal(signal.SIGTERM)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130 and "stopped" in said
    assert is_gone(int(pid.read_text()))
    assert list((checkout.folder / ".git").glob("*.lock")) == []
    assert manifests(checkout.site) == {} and checkout.git("status", "--porcelain") == ""
    slow.unlink()
    assert deploy_kit(checkout, "release", "cut").returncode == 0


def test_repository_of_another_user_gets_a_remedy_that_works(
    checkout_with_site: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    monkeypatch.setattr("deploykit.base.git.environment", lambda: env)
    with pytest.raises(InputError) as refused:
        git.top(checkout_with_site.site.folder)
    remedy = refused.value.remedy.partition(": ")[2].split()
    env["GIT_CONFIG_GLOBAL"] = str(tmp_path / "config")
    subprocess.run(remedy, check=True, env={**os.environ, **env}, timeout=20)
    assert git.top(checkout_with_site.site.folder) == checkout_with_site.folder
