"""A shelf to work in: made, moved to other pins, and left alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inclone import sh
from shelves import names, one_book

Repo = Any
Cli = Callable[..., Any]
Manifest = Callable[[str], Path]


def test_fresh_shelf_has_full_clones_with_the_real_origin(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    said = run_cli("install", "--gitshelf", write_manifest(one_book(repo)))
    assert said.code == 0, said.err
    clone = shelf / "a"
    assert sh(clone, "rev-parse", "HEAD") == repo.commits[-1]
    assert sh(clone, "log", "--format=%H").split() == repo.commits[::-1]
    assert sh(clone, "config", "remote.origin.url") == repo.url
    assert sh(clone, "rev-parse", "--abbrev-ref", "master@{upstream}") == "origin/master"
    assert sh(clone, "status", "--porcelain") == ""
    assert not (clone / ".git" / "objects" / "info" / "alternates").exists()
    assert sh(clone, "pull") == "Already up to date."


def test_sha_is_checked_out_detached_and_needs_no_second_look_at_the_server(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(repo, repo.commits[0]))
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "a" / "README").read_text() == "one\n"
    shutil.rmtree(repo.path)
    said = run_cli("install", "--gitshelf", manifest)
    assert (said.code, said.out) == (0, f"{manifest}: 1 books, 0 changed, 0 kept\n")


def test_second_clone_of_a_url_comes_from_the_cache(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(repo, repo.commits[0]))
    assert run_cli("install", "--gitshelf", manifest).code == 0
    shutil.rmtree(shelf / "a")
    shutil.rmtree(repo.path)
    assert run_cli("install", "--gitshelf", manifest).code == 0


def test_commit_on_no_branch_is_found_by_its_id(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    review = repo.commit({b"README": b"review\n"}, "topic")
    repo.git("update-ref", "refs/changes/1/1", review)
    repo.git("update-ref", "-d", "refs/heads/topic")
    manifest = write_manifest(one_book(repo, review))
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "a" / "README").read_text() == "review\n"
    other = write_manifest(one_book(repo, repo.commits[0]))
    said = run_cli("install", "--gitshelf", other)  # the review was pinned: nothing is lost
    assert said.code == 0, said.err


def test_unknown_commit_names_file_line_and_book(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(repo, "1" * 40))
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 2
    assert f"{manifest}:2: book a: {repo.url} has no commit {'1' * 40}" in said.err
    assert said.err.count("remedy: ") == 1
    assert not (shelf / "a").exists()


def test_branch_that_moved_is_followed(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(repo))
    assert run_cli("install", "--gitshelf", manifest).code == 0
    new = repo.commit({b"README": b"three\n"})
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 0, said.err
    assert sh(shelf / "a", "rev-parse", "master") == new
    assert sh(shelf / "a", "symbolic-ref", "HEAD") == "refs/heads/master"
    assert not (shelf / "a" / "a").exists()  # files that are no longer in git go


def test_original_bug_it_never_fetched(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    assert run_cli("install", "--gitshelf", write_manifest(one_book(repo))).code == 0
    new = repo.commit({b"README": b"three\n"})
    assert run_cli("install", "--gitshelf", write_manifest(one_book(repo, new))).code == 0
    assert sh(shelf / "a", "rev-parse", "HEAD") == new


@pytest.mark.parametrize("annotated", [True, False])
@pytest.mark.parametrize("spelling", ["v1", "refs/tags/v1", "id"])
def test_original_bug_a_tag_pin_always_drifted(
    repo: Repo,
    write_manifest: Manifest,
    run_cli: Cli,
    shelf: Path,
    annotated: bool,
    spelling: str,
) -> None:
    extra = ["-c", "user.name=T", "-c", "user.email=t@e", "tag", "-a", "-m", "x"]
    repo.git(*(extra if annotated else ["tag"]), "v1", repo.commits[0])
    branch = repo.git("rev-parse", "v1") if spelling == "id" else spelling
    manifest = write_manifest(one_book(repo, branch))
    for _ in range(2):
        assert run_cli("install", "--gitshelf", manifest).code == 0
        said = run_cli("status", "--gitshelf", manifest)
        assert said.code == 0, said.out
    assert run_cli("install", "--gitshelf", manifest).out.endswith("0 changed, 0 kept\n")
    assert sh(shelf / "a", "rev-parse", "HEAD") == repo.commits[0]


def test_tag_that_moved_is_followed(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    repo.git("tag", "v1", repo.commits[0])
    manifest = write_manifest(one_book(repo, "v1"))
    assert run_cli("install", "--gitshelf", manifest).code == 0
    repo.git("tag", "-f", "v1", repo.commits[1])
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert sh(shelf / "a", "rev-parse", "HEAD") == repo.commits[1]
    assert run_cli("status", "--gitshelf", manifest).code == 0


def test_default_branch_by_the_name_head(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(repo, "HEAD"))
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert run_cli("status", "--gitshelf", manifest).code == 0
    new = repo.commit({b"README": b"three\n"})
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert sh(shelf / "a", "rev-parse", "HEAD") == new


def test_dry_run_says_and_does_nothing(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path, tmp_path: Path
) -> None:
    manifest = write_manifest(one_book(repo) + "- {book: l, link: a}\n")
    said = run_cli("install", "--gitshelf", manifest, "--dry-run")
    assert said.code == 0
    assert f"a: would be cloned at {repo.commits[-1][:12]}" in said.out
    assert "l: would lead to a" in said.out
    assert names(shelf) == []
    assert not list((tmp_path / "cache").rglob("*.pack"))


def test_original_bug_skiprepourlcheck_was_inverted(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    assert run_cli("install", "--gitshelf", write_manifest(one_book(repo))).code == 0
    copy = repo.path.with_name("copy.git")
    shutil.copytree(repo.path, copy)
    text = one_book(repo, "master", ", skiprepourlcheck: SKIP").replace(repo.url, copy.as_uri())
    for command in ("install", "status"):
        checked = write_manifest(text.replace("SKIP", "false"))
        said = run_cli(command, "--gitshelf", checked)
        assert said.code == 1
        assert f"its origin is {repo.url}, not {copy.as_uri()}" in said.out + said.err
        assert run_cli(command, "--gitshelf", checked, "--skip-repo-url-check").code == 0
        skipped = write_manifest(text.replace("SKIP", "true"))
        assert run_cli(command, "--gitshelf", skipped).code == 0
    assert sh(shelf / "a", "config", "remote.origin.url") == repo.url


def test_original_bug_full_serial_clones(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path, tmp_path: Path
) -> None:
    """Three books of one repository cost one fetch, and their objects are shared on the disk."""
    books = "".join(
        f"- {{book: {name}, git: '{repo.url}', branch: {repo.commits[0]}}}\n" for name in "abc"
    )
    trace = tmp_path / "trace"
    os.environ["GIT_TRACE"] = str(trace)
    try:
        assert run_cli("install", "--gitshelf", write_manifest("books:\n" + books)).code == 0
    finally:
        del os.environ["GIT_TRACE"]
    served = [
        line for line in trace.read_text().splitlines() if "built-in: git upload-pack" in line
    ]
    assert len([line for line in served if str(repo.path) in line]) == 1
    pack = next((shelf / "a" / ".git" / "objects" / "pack").glob("*.pack"))
    assert pack.stat().st_nlink >= 4


def test_original_bug_unsafe_yaml_loading(
    write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest('books:\n- !!python/object/apply:os.system ["touch owned"]\n')
    assert run_cli("install", "--gitshelf", manifest).code == 2
    assert names(shelf) == []


def test_sha256_repository_is_installed(
    make_repo: Callable[..., Repo], write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    made = make_repo("wide", "--object-format=sha256")
    made.commit({b"f": b"x"})
    manifest = write_manifest(one_book(made, made.commits[0]))
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert run_cli("status", "--gitshelf", manifest).code == 0


def test_json_names_what_was_done_and_kept(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(repo))
    said = json.loads(run_cli("install", "--gitshelf", manifest, "--json").out)
    assert said == {
        "installed": True,
        "books": [
            {"book": "a", "path": "a", "commit": repo.commits[-1], "done": "cloned", "kept": None}
        ],
    }


def test_offline_install_takes_the_cache_only(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    text = one_book(repo, repo.commits[0]).replace(repo.url, "https://127.0.0.1:1/x")
    said = run_cli("install", "--gitshelf", write_manifest(text), "--offline")
    assert said.code == 2
    assert "not in the cache" in said.err


def test_manifest_of_the_original_installs_unchanged(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(
        "access: [ops]\n"
        "defaults:\n  environment: development\n"
        "environments:\n"
        f"  development: {{description: here, tokens: {{base: '{repo.url}'}}}}\n"
        "  production: {description: there, tokens: {base: 'file:///nowhere'}}\n"
        "books:\n"
        "- book: /srv/salt/formulas/current\n  link: /srv/salt/states\n"
        "- book: /srv/salt/states\n  git: '{base}'\n"
        "- {book: tools, git: '{base}', branch: master, skiprepourlcheck: true}\n"
    )
    options = ("--gitshelf", manifest, "--fakeroot", "root", "--skip-repo-url-check")
    assert run_cli("install", *options).code == 0
    assert (shelf / "root/srv/salt/formulas/current/README").read_text() == "two\n"
    assert (shelf / "root/tools/README").exists()
    assert run_cli("status", *options).code == 0
    said = run_cli("install", *options, "--environment", "production")
    assert (said.code, "/nowhere is not there" in said.err) == (2, True)
    assert run_cli("install", *options, "--token", f"base={repo.url}").code == 0


def test_two_installs_at_once_do_not_disturb_each_other(
    repo: Repo, write_manifest: Manifest, shelf: Path
) -> None:
    manifest = write_manifest(one_book(repo))
    command = [sys.executable, "-m", "gitshelf", "install", "--gitshelf", str(manifest)]
    both = [
        subprocess.Popen(command, cwd=shelf, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for one in both:
        _, err = one.communicate(timeout=60)
        assert one.returncode == 0, err.decode()
    assert names(shelf) == ["a"]
    assert sh(shelf / "a", "status", "--porcelain") == ""


def test_branch_that_gave_way_to_branches_below_it_is_no_obstacle(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    repo.git("branch", "topic", repo.commits[0])
    assert run_cli("install", "--gitshelf", write_manifest(one_book(repo, "topic"))).code == 0
    repo.git("branch", "-D", "topic")
    repo.git("branch", "topic/one", repo.commits[1])
    manifest = write_manifest(one_book(repo, "refs/heads/topic/one"))
    sh(shelf / "a", "checkout", "-q", "--detach")
    sh(shelf / "a", "branch", "-D", "topic")
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 0, said.err
    assert sh(shelf / "a", "rev-parse", "HEAD") == repo.commits[1]
    assert run_cli("status", "--gitshelf", manifest).code == 0
