"""A git server that drops, cuts, corrupts, stalls and refuses: no kit is wrong, books are named."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faultygit
import pytest
from faultygit import FaultyGit
from gitshelf.cache import retries

import gitshelf

Repo = Any
Cli = Callable[..., Any]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyGit]:
    monkeypatch.setattr(retries, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(retries, "FIRST_WAIT_ASKED", 0.04)
    monkeypatch.setenv("GIT_HTTP_LOW_SPEED_TIME", "1")
    with faultygit.serving(tmp_path / "servers") as faulty:
        yield faulty


@pytest.fixture
def shelf(repo: Repo, server: FaultyGit, write_manifest: Callable[[str], Path]) -> Path:
    return write_manifest(
        f"books:\n- book: deep/book\n  git: {server.url(repo.path)}\n  branch: {repo.commits[0]}\n"
    )


@pytest.mark.parametrize("fault", faultygit.FAULTS)
def test_failure_that_passes_is_survived_and_gives_the_same_kit(
    server: FaultyGit, shelf: Path, tmp_path: Path, fault: str
) -> None:
    undisturbed = gitshelf.build(shelf, tmp_path / "undisturbed.tar")
    requests = len(server.requests)
    for place in range(requests):
        shutil.rmtree(tmp_path / "cache")
        server.first(*[""] * place, fault)
        kit = gitshelf.build(shelf, tmp_path / "kit.tar")
        # Not every changed byte matters to git: capabilities have free text in them.
        assert fault == "flip" or len(server.requests) > requests
        assert kit.path.read_bytes() == undisturbed.path.read_bytes()


@pytest.mark.parametrize("fault", faultygit.FAULTS)
def test_failure_that_stays_ends_after_some_tries_and_names_the_book(
    server: FaultyGit, shelf: Path, tmp_path: Path, run_cli: Cli, fault: str
) -> None:
    server.always(fault)
    said = run_cli("build", "--gitshelf", shelf, "--output", tmp_path / "kit.tar")
    assert said.code == 2
    assert f"{shelf}:2: book deep/book: " in said.err
    assert sum(line.startswith("error: ") for line in said.err.splitlines()) == 1
    assert said.err.count("remedy: ") == 1
    assert len(server.requests) >= retries.TRIES
    assert not (tmp_path / "kit.tar").exists()


@pytest.mark.parametrize("status", ["403", "404", "410"])
def test_answer_that_is_final_is_asked_for_once(
    server: FaultyGit, shelf: Path, tmp_path: Path, run_cli: Cli, status: str
) -> None:
    server.always(status)
    said = run_cli("build", "--gitshelf", shelf, "--output", tmp_path / "kit.tar")
    assert said.code == 2
    assert "book deep/book: " in said.err
    assert len(server.requests) == 1


def test_tries_end_with_the_timeout(
    server: FaultyGit, shelf: Path, tmp_path: Path, run_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "FIRST_WAIT", 30.0)
    server.always("500")
    begun = time.monotonic()
    said = run_cli("build", "--gitshelf", shelf, "--output", tmp_path / "k.tar", "--timeout", "5")
    assert said.code == 2
    assert "book deep/book: " in said.err
    assert time.monotonic() - begun < 10


def test_waits_grow_and_differ_and_are_longer_where_the_server_asks() -> None:
    assert retries.first_wait("The requested URL returned error: 429") > retries.first_wait(
        "early EOF"
    )
    waits = [[retries.jittered_wait(1.0, attempt) for attempt in (1, 2, 3)] for _ in range(20)]
    assert all(2**i / 2 <= wait[i] <= 2**i for wait in waits for i in range(3))
    assert len({wait[0] for wait in waits}) > 10


def test_server_that_says_how_long_to_wait_is_heard(
    server: FaultyGit, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(retries, "pause", lambda seconds, running: waits.append(seconds))
    server.patience = "37"
    server.first("429", "503")
    kit = gitshelf.build(shelf, tmp_path / "kit.tar")
    assert gitshelf.verify(kit.path)
    assert waits[0] <= retries.FIRST_WAIT_ASKED
    assert waits[1] == 37
    server.patience = "Wed, 21 Oct 2099 07:28:00 GMT"
    waits.clear()
    shutil.rmtree(tmp_path / "cache")
    server.first("429", "503")
    assert gitshelf.build(shelf, tmp_path / "kit.tar").digest == kit.digest
    assert max(waits) < 37


def test_wait_beyond_the_timeout_is_not_begun(
    server: FaultyGit, shelf: Path, tmp_path: Path, run_cli: Cli
) -> None:
    server.patience = "9000"
    server.always("503")
    said = run_cli("build", "--gitshelf", shelf, "--output", tmp_path / "k.tar", "--timeout", "20")
    assert said.code == 2
    assert "503" in said.err


def test_address_of_the_repository_does_not_make_a_failure_pass() -> None:
    url = "https://git.example.org/timed out/early EOF.git"
    assert not retries.is_passing(url, f"fatal: repository '{url}' not found")
    assert retries.is_passing(url, f"fatal: unable to access '{url}': Failed to connect to host")


def test_server_that_refuses_shas_gives_tips_and_history(
    server: FaultyGit, shelf: Path, repo: Repo, tmp_path: Path
) -> None:
    server.protocol = ""  # The old protocol gives tips of refs only.
    kit = gitshelf.build(shelf, tmp_path / "kit.tar")
    assert gitshelf.verify(kit.path).lock.books[0].commit == repo.commits[0]
    server.protocol = "version=2"
    shutil.rmtree(tmp_path / "cache")
    assert gitshelf.build(shelf, tmp_path / "other.tar").digest == kit.digest


def test_pin_that_was_pushed_away_stays_in_the_cache(
    server: FaultyGit, shelf: Path, repo: Repo, tmp_path: Path, run_cli: Cli
) -> None:
    kit = gitshelf.build(shelf, tmp_path / "kit.tar")
    repo.git("update-ref", "-d", "refs/heads/master")
    new = repo.commit({b"README": b"rewritten\n"})
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    shelf_of_new = shelf.with_name("new.yml")
    shelf_of_new.write_text(shelf.read_text().replace(repo.commits[0], "master"))
    rewritten = gitshelf.build(shelf_of_new, tmp_path / "new.tar")
    assert rewritten.lock.books[0].commit == new
    for chunk in (tmp_path / "cache/gitshelf/v1/chunks").iterdir():
        chunk.unlink()
    assert gitshelf.build(shelf, tmp_path / "again.tar").digest == kit.digest
    shutil.rmtree(tmp_path / "cache")
    said = run_cli("build", "--gitshelf", shelf, "--output", tmp_path / "lost.tar")
    assert said.code == 2
    assert "book deep/book: " in said.err
    assert f"no commit {repo.commits[0]}" in said.err


def test_branch_that_gave_way_to_branches_below_it_is_no_obstacle(
    server: FaultyGit, repo: Repo
) -> None:
    url = server.url(repo.path)
    old = repo.commit({b"a": b"1"}, branch="stable")
    assert not gitshelf.on_branch(url, repo.commits[0], "stable")
    repo.git("update-ref", "-d", "refs/heads/stable")
    repo.commit({b"a": b"2"}, branch="stable/1")
    new = repo.commit({b"a": b"3"}, branch="stable/1")
    assert gitshelf.on_branch(url, new, "stable/1")
    assert gitshelf.on_branch(url, repo.commits[-2], "stable/1")
    assert not gitshelf.on_branch(url, old, "stable/1")


@pytest.mark.timeout(300)
def test_run_of_faults_never_gives_a_wrong_kit(
    make_repo: Callable[..., Repo],
    server: FaultyGit,
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    run_cli: Cli,
) -> None:
    lines = []
    for number in range(3):
        repo = make_repo(f"r{number}")
        repo.commit({b"f%d" % i: random.Random(i).randbytes(2000) for i in range(20)})
        lines.append(f"- {{book: b{number}, git: '{server.url(repo.path)}'}}\n")
    manifest = write_manifest("books:\n" + "".join(lines))
    undisturbed = gitshelf.build(manifest, tmp_path / "undisturbed.tar").digest
    output = tmp_path / "out" / "kit.tar"
    good = 0
    for seed in range(12):
        chance = random.Random(seed)
        odds = (0.1, 0.5, 0.8)[seed % 3]

        def fault(number: int, path: str, chance: Any = chance, odds: float = odds) -> str:
            return chance.choice(faultygit.FAULTS[:-1]) if chance.random() < odds else ""

        server.fault = fault
        shutil.rmtree(tmp_path / "cache")
        said = run_cli("build", "--gitshelf", manifest, "--output", output)
        if said.code == 0:
            good += 1
            assert gitshelf.verify(output).digest == undisturbed
            shutil.rmtree(output.parent)
        else:
            assert said.code == 2
            assert ": book b" in said.err
            assert not output.exists()
    assert good >= 4


def test_history_rewritten_in_the_middle_gives_one_of_both_kits_or_names_the_book(
    server: FaultyGit,
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    run_cli: Cli,
) -> None:
    output = tmp_path / "out" / "kit.tar"
    outcomes = set()
    for moment in range(5):
        repo = make_repo(f"moving{moment}")
        old = repo.commit({b"README": b"old\n"})
        manifest = write_manifest(f"books:\n- book: deep/book\n  git: {server.url(repo.path)}\n")

        def rewrite(number: int, path: str, repo: Repo = repo, moment: int = moment) -> str:
            if number == moment:
                repo.git("update-ref", "-d", "refs/heads/master")
                repo.commit({b"README": b"rewritten\n"})
                repo.git("gc", "-q", "--prune=now")
            return ""

        server.requests.clear()
        server.fault = rewrite
        shutil.rmtree(output.parent, ignore_errors=True)
        said = run_cli("build", "--gitshelf", manifest, "--output", output)
        if said.code == 0:
            outcomes.add(gitshelf.verify(output).lock.books[0].commit == old)
        else:
            assert said.code == 2
            assert f"{manifest}:2: book deep/book: " in said.err
            assert not output.exists()
            outcomes.add(None)
    # Before the refs are asked for, the new commit is taken; after that, the old one is gone.
    assert outcomes >= {False, None}
