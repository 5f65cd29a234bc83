"""`gitshelf install`, `status`, `diff` and `discover`: the shelf on the disk."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gitshelf.base.errors import GitshelfError
from gitshelf.commands.common import (
    Progress,
    json_option,
    manifest_options,
    print_json,
    run_options,
    say,
    token_values,
)

if TYPE_CHECKING:
    from gitshelf.shelf.drift import State
    from gitshelf.shelf.installation import Outcome


def _shelf_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option(
            "--skip-repo-url-check",
            is_flag=True,
            help="Take clones whose origin is another URL than the manifest's.",
        ),
        click.option(
            "--fakeroot",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Put absolute books under DIR and make absolute links relative.",
        ),
    ):
        command = option(command)
    return command


@click.command(
    epilog="""\b
Examples:
  gitshelf install
  gitshelf install --gitshelf site.yml --fakeroot build/root
  gitshelf install --dry-run
"""
)
@manifest_options
@_shelf_options
@run_options
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option(
    "--skip-deletes",
    is_flag=True,
    help="Remove nothing: keep books that left the manifest, and links as they are.",
)
@click.option("--force", is_flag=True, help="Overwrite local changes (commits are kept as refs).")
@json_option
def install(
    *,
    manifest: Path,
    environment: str | None,
    tokens: tuple[str, ...],
    fakeroot: Path | None,
    skip_repo_url_check: bool,
    offline: bool,
    timeout: float,
    dry_run: bool,
    skip_deletes: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Make a shelf to work in: full clones and links, in the current folder.

    Run it again to bring the shelf up to date. Local changes, files that git does not know and
    commits that are not pushed are kept; then it exits with 1. Clones and links that an earlier
    install made, and that left the manifest, are removed.
    """
    from gitshelf.resolution import Options
    from gitshelf.shelf.installation import WORKERS, InstallOptions
    from gitshelf.shelf.installation import install as install_shelf

    with Progress() as progress:
        outcomes = install_shelf(
            manifest,
            Path(),
            environment=environment,
            tokens=token_values(tokens),
            wishes=InstallOptions(fakeroot, dry_run, skip_deletes, skip_repo_url_check, force),
            options=Options(
                offline=offline, timeout=timeout, report=progress.report, workers=WORKERS
            ),
        )
    any_kept = any(outcome.kept for outcome in outcomes)
    if as_json:
        books = [_outcome_document(outcome) for outcome in outcomes]
        print_json({"installed": not any_kept and not dry_run, "books": books})
    else:
        _print_outcomes(manifest, outcomes, dry_run=dry_run)
    if any_kept:
        sys.exit(1)


def _outcome_document(outcome: Outcome) -> dict[str, object]:
    return {
        "book": outcome.book,
        "path": _relative(outcome.path),
        "commit": outcome.commit or None,
        "done": outcome.done or None,
        "kept": outcome.kept or None,
    }


def _print_outcomes(manifest: Path, outcomes: Sequence[Outcome], *, dry_run: bool) -> None:
    for outcome in outcomes:
        if outcome.kept:
            say(f"{outcome.book or '.'}: kept as it is, because {outcome.kept}", err=True)
        elif outcome.done:
            to = "to" if "moved from" in outcome.done else "at"
            at = f" {to} {outcome.commit[:12]}" if outcome.commit else ""
            say(f"{outcome.book or '.'}: {outcome.done}{at}")
    changed_count = sum(1 for outcome in outcomes if outcome.done and not outcome.kept)
    kept_count = sum(1 for outcome in outcomes if outcome.kept)
    would = "would be " if dry_run else ""
    click.echo(
        f"{manifest}: {len(outcomes)} books, {changed_count} {would}changed, {kept_count} kept"
    )
    if kept_count:
        click.echo(
            "remedy: commit and push, or move files away; --force overwrites files", err=True
        )


def _states(
    manifest: Path,
    *,
    environment: str | None,
    tokens: tuple[str, ...],
    fakeroot: Path | None,
    skip_repo_url_check: bool,
    diffs: bool,
) -> list[State]:
    from gitshelf.shelf.drift import status as shelf_status

    with Progress() as progress:
        return shelf_status(
            manifest,
            Path(),
            environment=environment,
            tokens=token_values(tokens),
            fakeroot=fakeroot,
            skip_repo_url_check=skip_repo_url_check,
            diffs=diffs,
            report=progress.report,
        )


@click.command(
    epilog="""\b
Examples:
  gitshelf status
  gitshelf status --gitshelf site.yml --json
"""
)
@manifest_options
@_shelf_options
@json_option
def status(manifest: Path, as_json: bool, **options: Any) -> None:
    """Say where the shelf differs from its manifest; exits with 1 if it does."""
    states = _states(manifest, diffs=False, **options)
    differing = [state for state in states if state.problems]
    if as_json:
        print_json({"clean": not differing, "books": [_state_document(state) for state in states]})
    else:
        for state in differing:
            say(f"{state.book or '.'}: {'; '.join(state.problems)}")
        click.echo(f"{manifest}: {len(states)} books, {len(differing)} differ")
    if differing:
        sys.exit(1)


@click.command(
    epilog="""\b
Examples:
  gitshelf diff | less
  gitshelf diff --gitshelf site.yml --fakeroot build/root
"""
)
@manifest_options
@_shelf_options
@json_option
def diff(manifest: Path, as_json: bool, **options: Any) -> None:
    """Show what changed in every book since the commit of the manifest.

    Exits with 1 if something differs.
    """
    states = _states(manifest, diffs=True, **options)
    differing = [state for state in states if state.problems]
    if as_json:
        books = [
            {**_state_document(state), "diff": state.diff.decode("utf-8", "replace")}
            for state in differing
        ]
        print_json({"clean": not differing, "books": books})
    else:
        for state in differing:
            say(f"# book {state.book or '.'}: {'; '.join(state.problems)}")
            click.echo(state.diff, nl=False)
    if differing:
        sys.exit(1)


@click.command(
    epilog="""\b
Examples:
  gitshelf discover > gitshelf.yml
  gitshelf discover --use-branch --gitshelf site.yml shelf/
"""
)
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
@click.option("--use-branch", is_flag=True, help="Write branches (else tags) instead of SHAs.")
@click.option(
    "--gitshelf",
    "manifest",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write this file instead of printing.",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@json_option
def discover(
    folder: Path, use_branch: bool, manifest: Path | None, force: bool, as_json: bool
) -> None:
    """Write the manifest of the clones and links in FOLDER (the current one)."""
    from gitshelf.base import files
    from gitshelf.shelf.discovery import discover as discover_books

    if manifest and manifest.exists() and not force:
        raise GitshelfError(f"{manifest} is there already", "name another file, or give --force")
    discovered = discover_books(folder, use_branch=use_branch)
    for clone in discovered.left_out:
        say(f"left out: {clone}", err=True)
    if manifest:
        try:
            files.write(manifest, discovered.text.encode())
        except OSError as error:
            raise GitshelfError(f"{manifest}: {error.strerror}", "name another file") from None
    if as_json:
        print_json(
            {
                "books": discovered.books,
                "left_out": list(discovered.left_out),
                "manifest": discovered.text,
            }
        )
    elif manifest:
        click.echo(f"{manifest}: {discovered.books} books")
    else:
        click.echo(discovered.text, nl=False)


def _state_document(state: State) -> dict[str, object]:
    return {
        "book": state.book,
        "path": _relative(state.path),
        "clean": not state.problems,
        "problems": list(state.problems),
        "expected": state.expected or None,
        "commit": state.commit or None,
        "changed": [_shown(name) for name in state.changed],
        "untracked": [_shown(name) for name in state.untracked],
    }


def _relative(path: Path) -> str:
    return _shown(
        str(path.relative_to(here)) if path.is_relative_to(here := Path.cwd()) else str(path)
    )


def _shown(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")
