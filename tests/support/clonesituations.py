"""What can happen to a clone, each as its user, git or another program does it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path


def git(path: Path, *argv: str) -> bytes:
    """Run git as a user would in a clone."""
    who = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    done = subprocess.run(["git", *who, *argv], cwd=path, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def rest(path: Path) -> None:
    """As if git had written its index a while after the files: nothing is racy."""
    git(path, "update-index", "-q", "--refresh")
    os.utime(path / ".git" / "index", ns=(2**61, time.time_ns() + 10**9))


def nothing(path: Path) -> None:
    pass


def untracked(path: Path) -> None:
    (path / "new").write_text("x")


def untracked_deep(path: Path) -> None:
    (path / "bin" / "deep" / "er" / "new").write_text("x")


def untracked_folder(path: Path) -> None:
    (path / "mine").mkdir()
    (path / "mine" / "new").write_text("x")


def empty_folder(path: Path) -> None:
    (path / "mine").mkdir()


def untracked_clone(path: Path) -> None:
    git(path, "init", "-q", "nested")


def ignored(path: Path) -> None:
    (path / "a.log").write_text("x")
    (path / "build").mkdir()
    (path / "build" / "out").write_text("x")


def ignored_by_exclude(path: Path) -> None:
    (path / ".git" / "info").mkdir(exist_ok=True)
    (path / ".git" / "info" / "exclude").write_text("new\n")
    (path / "new").write_text("x")


def no_longer_ignored(path: Path) -> None:
    ignored(path)
    (path / ".gitignore").write_text("")


def edited(path: Path) -> None:
    (path / "README").write_text("another\n")


def edited_back(path: Path) -> None:
    edited(path)
    (path / "README").write_text("one\n")


def same_size_and_time(path: Path) -> None:
    about = (path / "README").stat()
    (path / "README").write_text("two\n")
    os.utime(path / "README", ns=(about.st_atime_ns, about.st_mtime_ns))


def racy(path: Path) -> None:
    """Changed at the very moment at which git last looked, to the same size."""
    edited(path)
    (path / "README").write_text("one\n")
    git(path, "update-index", "-q", "--refresh")
    (path / "README").write_text("two\n")
    about = (path / "README").stat()
    os.utime(path / ".git" / "index", ns=(about.st_mtime_ns, about.st_mtime_ns))


def deleted(path: Path) -> None:
    (path / "bin" / "deep" / "er" / "file").unlink()


def deleted_folder(path: Path) -> None:
    shutil.rmtree(path / "bin")


def renamed(path: Path) -> None:
    (path / "README").rename(path / "READYOU")


def staged(path: Path) -> None:
    edited(path)
    git(path, "add", "README")


def staged_and_taken_back(path: Path) -> None:
    staged(path)
    (path / "README").write_text("one\n")


def committed(path: Path) -> None:
    staged(path)
    git(path, "commit", "-qm", "mine")


def intent_to_add(path: Path) -> None:
    untracked(path)
    git(path, "add", "--intent-to-add", "new")


def unstaged(path: Path) -> None:
    git(path, "rm", "-q", "--cached", "README")


def executable(path: Path) -> None:
    (path / "README").chmod(0o755)


def not_executable(path: Path) -> None:
    (path / "bin" / "run").chmod(0o644)


def group_writable(path: Path) -> None:
    (path / "README").chmod(0o664)


def executable_unnoticed(path: Path) -> None:
    git(path, "config", "core.fileMode", "false")
    executable(path)


def link_led_elsewhere(path: Path) -> None:
    (path / "link").unlink()
    (path / "link").symlink_to("bin")


def link_is_a_file(path: Path) -> None:
    (path / "link").unlink()
    (path / "link").write_text("README")


def file_is_a_link(path: Path) -> None:
    (path / "README").rename(path.parent / "README")
    (path / "README").symlink_to("../README")


def folder_is_a_link(path: Path) -> None:
    (path / "bin").rename(path.parent / "bin")
    (path / "bin").symlink_to("../bin")


def file_is_a_folder(path: Path) -> None:
    (path / "README").unlink()
    (path / "README").mkdir()
    (path / "README").joinpath("file").write_text("x")


def fifo(path: Path) -> None:
    os.mkfifo(path / "pipe")


def line_endings(path: Path) -> None:
    (path / "unix.txt").write_bytes(b"a\r\nb\r\n")
    (path / "dos.txt").write_bytes(b"a\nb\n")


def autocrlf(path: Path) -> None:
    git(path, "config", "core.autocrlf", "true")
    (path / "README").write_bytes(b"one\r\n")


def autocrlf_afterwards(path: Path) -> None:
    git(path, "config", "core.autocrlf", "true")


def autocrlf_and_touched(path: Path) -> None:
    autocrlf_afterwards(path)
    for name in ("README", "dos.txt", "unix.txt"):
        (path / name).touch()


def attributes_changed(path: Path) -> None:
    (path / ".gitattributes").write_text("dos.txt text\n")
    (path / "dos.txt").touch()


def own_attributes(path: Path) -> None:
    (path / ".git" / "info").mkdir(exist_ok=True)
    (path / ".git" / "info" / "attributes").write_text("dos.txt text\n")
    (path / "dos.txt").touch()


def clean_filter(path: Path) -> None:
    git(path, "config", "filter.up.clean", "tr a-z A-Z")
    (path / ".git" / "info").mkdir(exist_ok=True)
    (path / ".git" / "info" / "attributes").write_text("README filter=up\n")
    (path / "README").touch()


def assume_unchanged(path: Path) -> None:
    git(path, "update-index", "--assume-unchanged", "README")
    edited(path)


def skip_worktree(path: Path) -> None:
    git(path, "update-index", "--skip-worktree", "README")
    edited(path)


def index_version_4(path: Path) -> None:
    git(path, "update-index", "--index-version=4")
    edited(path)


def split_index(path: Path) -> None:
    git(path, "update-index", "--split-index")
    edited(path)


def sparse(path: Path) -> None:
    git(path, "sparse-checkout", "set", "bin/deep")


def sparse_index(path: Path) -> None:
    git(path, "sparse-checkout", "set", "--cone", "--sparse-index", "bin/deep")


def untracked_not_shown(path: Path) -> None:
    git(path, "config", "status.showUntrackedFiles", "no")
    untracked(path)


def merging(path: Path) -> None:
    git(path, "checkout", "-q", "-b", "other")
    committed(path)
    git(path, "checkout", "-q", "-")
    (path / "README").write_text("three\n")
    git(path, "commit", "-qam", "third")
    subprocess.run(
        ["git", "-c", "user.name=T", "-c", "user.email=t@e", "merge", "-q", "other"],
        cwd=path,
        capture_output=True,
    )


def submodule(path: Path) -> None:
    part = path / "part"
    git(path, "init", "-q", "part")
    (part / "file").write_text("x")
    git(part, "add", "file")
    git(part, "commit", "-qm", "x")
    git(path, "add", "part")
    git(path, "commit", "-qm", "part")


def submodule_changed(path: Path) -> None:
    submodule(path)
    (path / "part" / "file").write_text("y")


def submodule_moved(path: Path) -> None:
    submodule(path)
    git(path / "part", "commit", "-qm", "y", "--allow-empty")


def submodule_with_untracked(path: Path) -> None:
    submodule(path)
    (path / "part" / "new").write_text("y")


def branch_made(path: Path) -> None:
    git(path, "checkout", "-q", "-b", "mine/own")


def branch_packed(path: Path) -> None:
    branch_made(path)
    git(path, "pack-refs", "--all")


def unborn(path: Path) -> None:
    git(path, "checkout", "-q", "--orphan", "none")


SITUATIONS = [
    *(nothing, untracked, untracked_deep, untracked_folder, empty_folder, untracked_clone),
    *(ignored, ignored_by_exclude, no_longer_ignored, untracked_not_shown, fifo),
    *(edited, edited_back, same_size_and_time, racy, deleted, deleted_folder, renamed),
    *(staged, staged_and_taken_back, committed, intent_to_add, unstaged, merging, unborn),
    *(executable, not_executable, group_writable, executable_unnoticed),
    *(link_led_elsewhere, link_is_a_file, file_is_a_link, folder_is_a_link, file_is_a_folder),
    *(line_endings, autocrlf, autocrlf_afterwards, autocrlf_and_touched, attributes_changed),
    *(own_attributes, clean_filter, assume_unchanged, skip_worktree, index_version_4),
    *(split_index, sparse, sparse_index, branch_made, branch_packed),
    *(submodule, submodule_changed, submodule_moved, submodule_with_untracked),
]
