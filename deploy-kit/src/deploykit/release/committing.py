"""A release's pins as a commit of the site's own repository: all of it, or nothing changed."""

from __future__ import annotations

import contextlib
from pathlib import Path

from deploykit.base import files, git
from deploykit.base.errors import CommandFailed, InputError
from deploykit.base.process import Result
from deploykit.base.progress import Progress
from deploykit.site import Site

TIMEOUT = 900.0  # seconds: a person's hooks may run tests, and signing may wait for a touch
SAID = 10  # lines of what git and the hooks said last
# What is written to the repository is what is in the file, whatever its line ends.
AS_IT_IS = ("-c", "core.safecrlf=false")


def demand_repository(site: Site) -> Path:
    """The work tree that the site is in. Raises InputError if it is in none."""
    top = git.top(site.folder)
    if top is None:
        raise InputError(
            f"{site.folder} is in no git repository, so the pins cannot be committed",
            f"git init {site.folder}\nor without a commit: deploy-kit release cut --no-commit",
        )
    return top


def commit_pins(site: Site, file: Path, pins: str, progress: Progress) -> bool:
    """Write `pins` as `file` and commit exactly that; returns whether there was anything to commit.

    The repository's hooks and signing count, and are shown while they run. If they refuse, or this
    call is interrupted, the file and the index are as before. Raises CommandFailed then.
    """
    top = demand_repository(site)
    new = not file.exists()
    listed = git.plainly(top, ["ls-files", "--stage", "--", f":(literal){file}"]).stdout
    if new:
        file.parent.mkdir(parents=True, exist_ok=True)
        files.write(file, pins)
    try:
        # Whatever people have git ignore, pins belong to the site.
        _demand(git.as_person(top, [*AS_IT_IS, "add", "--force", "--", file]), file)
        if _is_committed(top, file):
            return False
        with progress.step(f"commit of {file.name}") as step:
            words = ["commit", "--quiet", "--no-status", "--cleanup=whitespace"]
            words += ["-m", f"Release {file.stem}", "--", str(file)]
            done = git.as_person(top, [*AS_IT_IS, *words], timeout=TIMEOUT, on_error_line=step.note)
            _demand(done, file)
    except BaseException:
        if not _is_committed(top, file):
            _undo(top, file, new, listed)
        raise
    return True


def _demand(done: Result, file: Path) -> None:
    if done.returncode == 0:
        return
    said = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-SAID:])
    raise CommandFailed(
        f"git did not commit {file}, so {file.stem} is not cut: {said or 'it gave no reason'}",
        "if your repository's hooks or signing refused: mend what they ask for, then run this again"
        "\nwithout a commit: deploy-kit release cut --no-commit",
    )


def _is_committed(top: Path, file: Path) -> bool:
    """Whether HEAD has the file as the index has it."""
    words = ["diff-index", "--cached", "--quiet", "HEAD", "--", f":(literal){file}"]
    return git.plainly(top, words).returncode == 0


def _undo(top: Path, file: Path, new: bool, listed: str) -> None:
    """Take back what was written and added; `listed` is the index's entry of before."""
    if listed:
        mode, blob, _ = listed.split(maxsplit=2)
        where = file.relative_to(top)
        git.plainly(top, ["update-index", "--cacheinfo", f"{mode},{blob},{where}"])
    else:
        git.plainly(top, ["update-index", "--force-remove", "--", file])
    if new:
        file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            file.parent.rmdir()
