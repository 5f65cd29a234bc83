"""Repositories that are away, closed, slow, stingy or rewritten; and killed builds."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError
from onebuild import build

import gitshelf

Repo = Any
Cli = Callable[..., Any]


def test_unreachable_repository_is_one_error(
    write_manifest: Callable[[str], Path], run_cli: Cli, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}/a.git"
        for url in (f"file://{tmp_path}/nowhere", "nowhere.git", closed):
            said = build(run_cli, write_manifest(f"books:\n- {{book: a, git: '{url}'}}\n"))
            assert said.code == 2
            assert "gitshelf.yml:2: book a: " in said.err


class _Closed(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def closed_server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Closed)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/private.git"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("branch", ["master", "1" * 40])
def test_repository_that_asks_for_credentials_is_an_error_and_nothing_prompts(
    write_manifest: Callable[[str], Path], run_cli: Cli, branch: str
) -> None:
    with closed_server() as url:
        said = build(
            run_cli, write_manifest(f"books:\n- {{book: a, git: '{url}', branch: {branch}}}\n")
        )
    assert said.code == 2
    assert f"book a: {url} asks for credentials" in said.err
    assert "ssh-agent" in said.err


def test_silent_server_ends_with_the_timeout(
    write_manifest: Callable[[str], Path], run_cli: Cli
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.git"
        begun = time.monotonic()
        said = build(
            run_cli, write_manifest(f"books:\n- {{book: a, git: '{url}'}}\n"), "--timeout", "1"
        )
    assert said.code == 2
    assert "book a: " in said.err
    assert "1 s" in said.err
    assert time.monotonic() - begun < 30


def test_offline_builds_from_the_cache_and_says_what_is_missing(
    repo: Repo, write_manifest: Callable[[str], Path], run_cli: Cli
) -> None:
    manifest = write_manifest("books:\n- {book: a, git: 'https://git.invalid/a.git'}\n")
    said = build(run_cli, manifest, "--offline")
    assert said.code == 2
    assert "book a: " in said.err
    assert "not in the cache" in said.err


def test_offline_builds_a_pin_that_tracks_a_branch(
    repo: Repo,
    write_manifest: Callable[[str], Path],
    run_cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = tmp_path / "config"
    config.write_text(f'[url "{repo.path.parent.as_uri()}/"]\ninsteadOf=https://git.invalid/\n')
    url = f"https://git.invalid/{repo.path.name}"
    pin = repo.commits[0]
    manifest = write_manifest(
        f"books:\n- {{book: a, git: '{url}', branch: {pin}, track: master}}\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    assert build(run_cli, manifest).code == 0
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    assert build(run_cli, manifest, "--offline").code == 0


@pytest.fixture
def stingy_url(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The repository through SSH to a server of the old protocol: it gives tips of refs only."""
    fake = tmp_path / "ssh"
    fake.write_text('#!/bin/sh\nunset GIT_PROTOCOL\nfor last; do :; done\nexec sh -c "$last"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(fake))
    monkeypatch.setenv("GIT_SSH_VARIANT", "ssh")
    return f"ssh://host{repo.path}"


def test_server_that_refuses_shas_is_asked_for_the_ref_and_then_for_all(
    repo: Repo, stingy_url: str, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    first, second = repo.commits
    full = tmp_path / "cache" / "gitshelf" / "v1" / "full"
    for pin, needs_history in ((second, False), (first, True)):
        manifest = write_manifest(f"books:\n- {{book: a, git: '{stingy_url}', branch: {pin}}}\n")
        kit = gitshelf.build(manifest, tmp_path / "kit.tar")
        assert gitshelf.verify(kit.path).lock.books[0].commit == pin
        assert any(full.iterdir()) is needs_history
    manifest = write_manifest(f"books:\n- {{book: a, git: '{stingy_url}', branch: {'1' * 40}}}\n")
    with pytest.raises(GitshelfError, match=r"book a: .* has no commit 1111"):
        gitshelf.build(manifest, tmp_path / "kit.tar")


def test_environment_of_a_git_hook_changes_nothing(
    repo: Repo,
    write_manifest: Callable[[str], Path],
    run_cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", "/nowhere")
    manifest = write_manifest(f"books:\n- {{book: a, git: '{repo.url}'}}\n")
    assert build(run_cli, manifest).code == 0


@pytest.mark.timeout(300)
def test_runs_at_once_share_a_cache(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    repo.commit({b"%d" % i: b"%d" % i for i in range(50)})
    manifest = write_manifest(f"books:\n- {{book: a, git: '{repo.url}'}}\n")
    argv = [sys.executable, "-m", "gitshelf", "build", "--gitshelf", str(manifest), "--output"]
    runs = [subprocess.Popen([*argv, str(tmp_path / f"{i}" / "kit.tar")]) for i in range(4)]
    try:
        assert [run.wait(60) for run in runs] == [0] * 4
    finally:
        for run in runs:
            run.kill()
    assert len({(tmp_path / f"{i}" / "kit.tar").read_bytes() for i in range(4)}) == 1
