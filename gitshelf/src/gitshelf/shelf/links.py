"""The links of a shelf to work in."""

from __future__ import annotations

from pathlib import Path

from gitshelf.base import files
from gitshelf.shelf import beneath
from gitshelf.shelf.places import Symlink


def bring(link: Symlink, dry_run: bool, *, force: bool, skip_deletes: bool) -> tuple[str, str]:
    """Make a link or turn it to where it should lead: what was done ("" for nothing), and why it
    was kept as it is ("" if it was not). Raises BehindLink if a link is on the way, OSError."""
    if dry_run:
        beneath.check(link.top, link.path)
        return _bring(link, link.path, dry_run, force=force, skip_deletes=skip_deletes)
    with beneath.reached(link.top, link.path, make=True) as path:
        return _bring(link, path, dry_run, force=force, skip_deletes=skip_deletes)


def _bring(
    link: Symlink, path: Path, dry_run: bool, *, force: bool, skip_deletes: bool
) -> tuple[str, str]:
    if path.is_symlink():
        current_target = str(path.readlink())
        if current_target == link.target:
            return "", ""
        if skip_deletes:
            return "", f"it leads to {current_target}, and nothing is to be deleted"
    elif path.is_dir() and not any(path.iterdir()):
        if not (dry_run or skip_deletes):
            path.rmdir()
    elif path.exists() and (path.is_dir() or not force):
        return "", f"{link.path} is there and is not a link: move it away"
    if dry_run:
        return f"would lead to {link.target}", ""
    files.make_link(path, link.target)
    return f"leads to {link.target}", ""
