"""A shelf to work in: made, moved, left alone, killed and finished."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from inclone import sh

Repo = Any
Cli = Callable[..., Any]
Manifest = Callable[[str], Path]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def leads(link: Path) -> str:
    return str(link.readlink())


def one_book(repo: Repo, branch: str = "master", more: str = "") -> str:
    return f"books:\n- {{book: a, git: '{repo.url}', branch: {branch}{more}}}\n"


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


def modify(clone: Path) -> None:
    (clone / "README").write_text("mine\n")


def stage(clone: Path) -> None:
    (clone / "mine").write_text("mine\n")
    sh(clone, "add", "mine")


def put_in_the_way(clone: Path) -> None:
    (clone / "a" / "new").parent.mkdir(exist_ok=True)
    (clone / "a" / "new").write_text("mine\n")


def put_ignored_in_the_way(clone: Path) -> None:
    (clone / ".git" / "info" / "exclude").write_text("new\n")
    put_in_the_way(clone)


def put_folder_in_the_way(clone: Path) -> None:
    (clone / "a" / "new").mkdir()
    (clone / "a" / "new" / "x").write_text("mine\n")


def put_link_in_the_way(clone: Path) -> None:
    (clone / "dir").symlink_to("/nonexistent")


def commit(clone: Path) -> None:
    (clone / "README").write_text("mine\n")
    sh(clone, "commit", "-qam", "mine")


@pytest.mark.parametrize(
    "change",
    [
        modify,
        stage,
        put_in_the_way,
        put_ignored_in_the_way,
        put_folder_in_the_way,
        put_link_in_the_way,
        commit,
    ],
)
@pytest.mark.parametrize("by_branch", [True, False])
def test_local_change_is_kept_until_asked_to_overwrite(
    repo: Repo,
    write_manifest: Manifest,
    run_cli: Cli,
    shelf: Path,
    change: Callable[[Path], None],
    by_branch: bool,
) -> None:
    first = "master" if by_branch else repo.commits[-1]
    assert run_cli("install", "--gitshelf", write_manifest(one_book(repo, first))).code == 0
    clone = shelf / "a"
    change(clone)
    mine = sh(clone, "rev-parse", "HEAD")
    before = {p: p.read_bytes() for p in clone.rglob("*") if p.is_file() and ".git" not in p.parts}
    new = repo.commit({b"README": b"three\n", b"a/new": b"n\n", b"dir/x": b"x\n"})
    manifest = write_manifest(one_book(repo, "master" if by_branch else new))
    for _ in range(2):
        said = run_cli("install", "--gitshelf", manifest)
        assert said.code == 1
        assert "a: kept as it is, because it has " in said.err
        assert sh(clone, "rev-parse", "HEAD") == mine
        assert before == {p: p.read_bytes() for p in before}
    assert run_cli("status", "--gitshelf", manifest).code == 1
    said = run_cli("install", "--gitshelf", manifest, "--force")
    assert said.code == 0, said.err
    assert sh(clone, "rev-parse", "HEAD") == new
    assert (clone / "README").read_text() == "three\n"
    assert (clone / "a" / "new").read_text() == "n\n"
    if change in (commit, modify):
        kept = sh(clone, "for-each-ref", "--format=%(refname)", "refs/gitshelf/kept/").split()
        assert sh(clone, "show", f"{kept[0]}:README") == "mine"


def test_change_that_is_in_nobodys_way_stays(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(repo))
    assert run_cli("install", "--gitshelf", manifest).code == 0
    (shelf / "a" / "notes").write_text("mine\n")
    repo.commit({b"README": b"three\n"})
    assert run_cli("install", "--gitshelf", manifest).code == 0
    modify(shelf / "a")
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "a" / "notes").read_text() == "mine\n"
    assert (shelf / "a" / "README").read_text() == "mine\n"


def test_pushed_commit_is_not_in_the_way(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    assert run_cli("install", "--gitshelf", write_manifest(one_book(repo))).code == 0
    commit(shelf / "a")
    sh(shelf / "a", "push", "-q", "origin", "HEAD:refs/heads/topic")
    manifest = write_manifest(one_book(repo, repo.commits[0]))
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 0, said.err


def test_force_push_upstream_is_no_commit_of_the_user(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(repo))
    assert run_cli("install", "--gitshelf", manifest).code == 0
    repo.git("update-ref", "refs/heads/master", repo.commits[0])
    new = repo.commit({b"README": b"rewritten\n"})
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 0, said.err
    assert sh(shelf / "a", "rev-parse", "HEAD") == new


def test_folder_with_files_becomes_a_clone_around_them_unless_they_clash(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(repo))
    (shelf / "a").mkdir()
    (shelf / "a" / "README").write_text("mine\n")
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 1
    assert "README" in said.err
    assert names(shelf / "a") == ["README"]
    (shelf / "a" / "README").rename(shelf / "a" / "mine")
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "a" / "README").read_text() == "two\n"
    assert sh(shelf / "a", "status", "--porcelain") == "?? mine"
    assert names(shelf) == ["a"]


def test_parent_comes_before_its_child_whatever_the_order(
    make_repo: Callable[..., Repo], write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    repos = {name: make_repo(name) for name in ("top", "child", "grandchild")}
    for name, one in repos.items():
        one.commit({b"README": name.encode(), b"lib/x": b"x"})
    manifest = write_manifest(
        "books:\n"
        "- {book: top/lib/link, link: ../../other}\n"
        f"- {{book: top/lib/child/deep/g, git: '{repos['grandchild'].url}'}}\n"
        f"- {{book: top/lib/child, git: '{repos['child'].url}'}}\n"
        f"- {{book: top, git: '{repos['top'].url}'}}\n"
        f"- {{book: other, git: '{repos['child'].url}'}}\n"
    )
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 0, said.err
    assert said.out.count(": cloned at ") == 4  # none of them around what was there
    assert (shelf / "top/lib/child/deep/g/README").read_text() == "grandchild"
    assert (shelf / "top/lib/link/README").read_text() == "child"
    said = run_cli("status", "--gitshelf", manifest)
    assert said.code == 0, said.out
    (shelf / "top/lib/child/deep/mine").write_text("")
    said = run_cli("status", "--gitshelf", manifest)
    assert "top/lib/child: untracked: deep/mine\n" in said.out
    assert "top: " not in said.out
    repos["top"].commit({b"README": b"new"})
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "top/lib/child/deep/g/README").read_text() == "grandchild"


def test_link_books_are_links_that_follow_the_manifest(
    write_manifest: Manifest, run_cli: Cli, shelf: Path, tmp_path: Path
) -> None:
    text = f"books:\n- {{book: x/l, link: ../y}}\n- {{book: abs, link: {tmp_path}/far}}\n"
    manifest = write_manifest(text)
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert leads(shelf / "x/l") == "../y"
    assert leads(shelf / "abs") == f"{tmp_path}/far"
    assert run_cli("status", "--gitshelf", manifest).code == 0
    manifest = write_manifest(text.replace("../y", "../z"))
    said = run_cli("status", "--gitshelf", manifest)
    assert (said.code, "x/l: leads to ../y, not ../z" in said.out) == (1, True)
    said = run_cli("install", "--gitshelf", manifest, "--skip-deletes")
    assert said.code == 1
    assert leads(shelf / "x/l") == "../y"
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert leads(shelf / "x/l") == "../z"


def test_link_never_takes_the_place_of_what_is_there(
    write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest("books:\n- {book: l, link: y}\n- {book: m, link: y}\n")
    (shelf / "l").write_text("mine\n")
    (shelf / "m").mkdir()
    (shelf / "m" / "f").write_text("mine\n")
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 1
    assert (shelf / "l").read_text() == "mine\n"
    assert run_cli("install", "--gitshelf", manifest, "--force").code == 1  # never a whole folder
    assert leads(shelf / "l") == "y"
    assert (shelf / "m" / "f").read_text() == "mine\n"


def test_fakeroot_makes_a_tree_that_can_be_moved(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(
        f"books:\n- {{book: /srv/salt, git: '{repo.url}'}}\n"
        "- {book: /srv/formulas/x, link: /srv/salt}\n"
        "- {book: /etc/up, link: ../srv/salt/a}\n"
        f"- {{book: ./beside, git: '{repo.url}'}}\n"
    )
    options = ("--gitshelf", manifest, "--fakeroot", "root")
    assert run_cli("install", *options).code == 0
    assert run_cli("status", *options).code == 0
    assert leads(shelf / "root/srv/formulas/x") == "../salt"
    (shelf / "root").rename(shelf / "moved")
    assert (shelf / "moved/srv/formulas/x/README").read_text() == "two\n"
    assert (shelf / "beside" / "README").exists()


def test_absolute_book_without_fakeroot_goes_where_it_says(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path, tmp_path: Path
) -> None:
    manifest = write_manifest(f"books:\n- {{book: {tmp_path}/far/a, git: '{repo.url}'}}\n")
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (tmp_path / "far" / "a" / "README").exists()
    assert names(shelf) == []


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


def test_folder_of_a_repository_is_a_link_into_its_clone(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(repo, "master", ", path: a"))
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "a" / "run").exists()
    assert leads(shelf / "a") == ".a.clone/a"
    assert run_cli("status", "--gitshelf", manifest).code == 0


def test_whole_shelf_as_one_book(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(f"books:\n- {{book: ., git: '{repo.url}'}}\n")
    (shelf / "notes").write_text("")
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "README").exists()
    assert "untracked: notes" in run_cli("status", "--gitshelf", manifest).out


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


def many_files(step: int) -> dict[bytes, Any]:
    changed = {b"d%d/f%d" % (n % 20, n): b"%d %d\n" % (n, step) * 50 for n in range(400)}
    return {**changed, b"only%d/x" % step: b"x"}


def test_killed_installs_are_finished_by_the_next_one(
    make_repo: Callable[..., Repo], write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    """`kill -9` of gitshelf and its git at random moments, while cloning and while moving."""
    repo = make_repo()
    commits = [repo.commit(many_files(step)) for step in range(2)]
    chance = random.Random(4)
    command = [sys.executable, "-m", "gitshelf", "install", "--gitshelf"]
    killed = 0
    for turn in range(10):
        manifest = write_manifest(one_book(repo, commits[turn % 2]))
        process = subprocess.Popen(
            [*command, manifest], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=shelf
        )
        time.sleep(chance.uniform(0.05, 0.3))
        if process.poll() is None:
            killed += 1
            children = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True
            ).stdout.split()
            process.kill()
            for child in children if turn % 3 else []:
                with suppress(ProcessLookupError):
                    os.killpg(int(child), signal.SIGKILL)
        process.wait(timeout=30)
        if turn == 4:
            shutil.rmtree(shelf / "a", ignore_errors=True)
    assert killed
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 0, said.err
    assert run_cli("status", "--gitshelf", manifest).code == 0
    assert names(shelf) == ["a"]


@pytest.fixture
def half_way(
    make_repo: Callable[..., Repo], write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> Repo:
    """What a git killed in the middle of a checkout leaves: some new files, one half, a lock."""
    repo = make_repo()
    old, new = (repo.commit(many_files(step)) for step in range(2))
    repo.commit({b"other": b"x"})
    assert run_cli("install", "--gitshelf", write_manifest(one_book(repo, old))).code == 0
    clone = shelf / "a"
    (clone / ".git" / "gitshelf-moving").write_text(f"{old} {new}\n")
    (clone / ".git" / "index.lock").write_text("")
    (clone / "only1").mkdir()
    (clone / "only1" / "x").write_text("x")
    (clone / "d0" / "f0").write_text("0 1\n")
    (clone / "d1" / "f1").unlink()
    return repo


@pytest.mark.parametrize("goal", [0, 1, 2])
def test_move_that_was_killed_half_way_is_finished(
    half_way: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path, goal: int
) -> None:
    manifest = write_manifest(one_book(half_way, half_way.commits[goal]))
    assert "run it again" in run_cli("status", "--gitshelf", manifest).out
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 0, said.err
    assert run_cli("status", "--gitshelf", manifest).code == 0
    assert not (shelf / "a" / ".git" / "gitshelf-moving").exists()


def test_change_made_after_a_killed_move_is_kept(
    half_way: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    manifest = write_manifest(one_book(half_way, half_way.commits[1]))
    clone = shelf / "a"
    (clone / ".git" / "index.lock").unlink()
    (clone / "mine").write_text("mine\n")
    sh(clone, "add", "mine")
    assert run_cli("install", "--gitshelf", manifest).code == 1
    sh(clone, "commit", "-qam", "mine")
    assert run_cli("install", "--gitshelf", manifest).code == 1
    assert sh(clone, "show", "HEAD:mine") == "mine"
    assert (clone / "mine").exists()


def test_repository_without_a_commit_keeps_its_files(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    clone = shelf / "a"
    clone.mkdir()
    sh(clone, "init", "-q")
    sh(clone, "remote", "add", "origin", repo.url)
    (clone / "README").write_text("mine\n")
    manifest = write_manifest(one_book(repo))
    assert run_cli("install", "--gitshelf", manifest).code == 1
    sh(clone, "add", "README")
    assert run_cli("install", "--gitshelf", manifest).code == 1
    assert (clone / "README").read_text() == "mine\n"
    sh(clone, "rm", "-q", "--cached", "README")
    (clone / "README").unlink()
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (clone / "README").read_text() == "two\n"


def test_clone_that_its_user_is_busy_with_is_an_error_that_names_the_book(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    assert run_cli("install", "--gitshelf", write_manifest(one_book(repo))).code == 0
    lock = shelf / "a" / ".git" / "index.lock"
    lock.write_text("")
    manifest = write_manifest(one_book(repo, repo.commits[0]))
    for _ in range(2):
        said = run_cli("install", "--gitshelf", manifest)
        assert (said.code, lock.exists()) == (2, True)
        assert f"{manifest}:2: book a: " in said.err
        assert "index.lock" in said.err
    lock.unlink()
    assert run_cli("install", "--gitshelf", manifest).code == 0


def test_place_that_cannot_be_made_names_the_book(
    repo: Repo, write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    (shelf / "file").write_text("")
    manifest = write_manifest(f"books:\n- {{book: file/a, git: '{repo.url}'}}\n")
    said = run_cli("install", "--gitshelf", manifest)
    assert said.code == 2
    assert f"{manifest}:2: book file/a: " in said.err


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


def test_link_in_the_place_of_a_tracked_file_is_no_change_of_the_book_around_it(
    make_repo: Callable[..., Repo], write_manifest: Manifest, run_cli: Cli, shelf: Path
) -> None:
    repo = make_repo()
    repo.commit({b"l": ("120000", b"f"), b"f": b"x", b"g": b"y"})
    manifest = write_manifest(one_book(repo) + "- {book: a/l, link: g}\n")
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert leads(shelf / "a" / "l") == "g"
    said = run_cli("status", "--gitshelf", manifest)
    assert said.code == 0, said.out
    repo.commit({b"l": ("120000", b"f"), b"f": b"new"})
    assert run_cli("install", "--gitshelf", manifest).code == 0
    assert (shelf / "a" / "f").read_text() == "new"
    assert leads(shelf / "a" / "l") == "g"


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
