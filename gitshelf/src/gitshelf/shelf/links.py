"""The links of a shelf to work in."""

from __future__ import annotations

from gitshelf.base import files
from gitshelf.shelf.places import Symlink


def bring(link: Symlink, dry_run: bool, *, force: bool, skip_deletes: bool) -> tuple[str, str]:
    """Make a link or turn it to where it should lead: what was done ("" for nothing), and why it
    was kept as it is ("" if it was not). Raises OSError."""
    path = link.path
    if path.is_symlink():
        led = str(path.readlink())
        if led == link.target:
            return "", ""
        if skip_deletes:
            return "", f"it leads to {led}, and nothing is to be deleted"
    elif path.is_dir() and not any(path.iterdir()):
        if not (dry_run or skip_deletes):
            path.rmdir()
    elif path.exists() and (path.is_dir() or not force):
        return "", f"{path} is there and is not a link: move it away"
    if dry_run:
        return f"would lead to {link.target}", ""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.make_link(path, link.target)
    return f"leads to {link.target}", ""
