"""The command line: build, verify, show and extract kits."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gitshelf.base import printable
from gitshelf.base.errors import GitshelfError
from gitshelf.base.version import __version__
from gitshelf.commands.common import (
    Progress,
    amount,
    day,
    json_option,
    manifest_options,
    print_json,
    run_options,
    say,
    token_values,
)
from gitshelf.commands.help import EPILOG, SECTIONS

if TYPE_CHECKING:
    from gitshelf.kit.lock import Lock

_CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exits with 0 (done), 1 (the answer is no) or 2 (wrong call, input)."""
    # Nothing here refers to itself in circles; looking for them takes a twentieth of a short build.
    collects = gc.isenabled()
    gc.disable()
    try:
        commands.main(args=arguments, prog_name="gitshelf", standalone_mode=False)
    except GitshelfError as error:
        _complain(error.message, error.remedy)
        sys.exit(error.exit_code)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        _complain("interrupted", "run the same command again: it goes on from what is there")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _complain(f"{where}{error.strerror or error}", "check the room on the disk and the rights")
        sys.exit(2)
    finally:
        if collects:
            gc.enable()


_ELSEWHERE = {
    "cache": "gitshelf.commands.cache",
    "changes": "gitshelf.commands.changes",
    "completion": "gitshelf.commands.completion",
    "diff": "gitshelf.commands.shelf",
    "discover": "gitshelf.commands.shelf",
    "install": "gitshelf.commands.shelf",
    "import": "gitshelf.commands.importing",
    "lint": "gitshelf.commands.lint",
    "pin": "gitshelf.commands.pins",
    "status": "gitshelf.commands.shelf",
    "update": "gitshelf.commands.pins",
}
"""Commands by the module that defines them, under their own name; imported when first used."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command = getattr(import_module(_ELSEWHERE[cmd_name]), name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, rows in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(rows.items()))


@click.group(
    cls=_Commands,
    context_settings=_CONTEXT,
    epilog=EPILOG,
)
@click.version_option(__version__, prog_name="gitshelf")
def commands() -> None:
    """From a YAML of git repositories at SHAs to a byte-reproducible, signed release tarball."""


_signers = click.option(
    "--signers",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also demand a signature by a key in this allowed-signers file (see ssh-keygen).",
)


@commands.command(
    epilog="""\b
Examples:
  gitshelf build --output kit.tar
  gitshelf build --gitshelf site.yml --environment production --output kit.tar.zst
  gitshelf build --token mirror=https://git.example.org --key release_key --output kit.tar.gz
"""
)
@manifest_options
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="KIT",
    help="The kit to write: .tar, .tar.gz or .tar.zst.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Sign SHA256SUMS with this SSH key (private, or public with an agent).",
)
@run_options
@json_option
def build(
    *,
    manifest: Path,
    environment: str | None,
    tokens: tuple[str, ...],
    output: Path,
    key: Path | None,
    offline: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Build the kit of a manifest, with its provenance and SHA256SUMS beside it.

    The same manifest and commits give the same bytes, anywhere, at any time.
    """
    from gitshelf.assembly.builder import build as build_kit
    from gitshelf.resolution import Options

    with Progress() as progress:
        kit = build_kit(
            manifest,
            output,
            environment=environment,
            tokens=token_values(tokens),
            key=key,
            options=Options(offline=offline, timeout=timeout, report=progress.report),
        )
    if as_json:
        print_json(
            {
                "kit": str(kit.path),
                "digest": kit.digest,
                "bytes": kit.size,
                "signed": kit.signature is not None,
                "books": _books(kit.lock),
            }
        )
        return
    count = len(kit.lock.books)
    number = sum(book.files for book in kit.lock.books)
    say(f"{kit.path}: {count} books, {number} files, {amount(kit.size)}")
    say(f"digest {kit.digest}")
    for book in kit.lock.books:
        if book.omitted:
            say(f"left out of {book.book}: {len(book.omitted)} paths, see KIT/lock.json")


@commands.command(
    epilog="""\b
Examples:
  gitshelf verify kit.tar
  gitshelf verify --signers allowed_signers kit.tar.zst
  gitshelf verify --digest 1cf3... release/
"""
)
@click.argument("kit", type=click.Path(path_type=Path))
@_signers
@click.option("--digest", metavar="SHA256", help="Also demand that it is this release.")
@json_option
def verify(kit: Path, signers: Path | None, digest: str | None, as_json: bool) -> None:
    """Prove a kit, offline: signature, digest, commits, trees, every file.

    KIT may be the folder that a kit was unpacked into: it must hold all of it and nothing else;
    who released it, its --digest says. Exits with 1 if the kit is not what it says it is.
    """
    from gitshelf.kit.unpacked import verify_folder
    from gitshelf.kit.verification import verify as verify_kit

    if not kit.is_dir():
        verified = verify_kit(kit, signers=signers, digest=digest)
    elif signers is None:
        verified = verify_folder(kit, digest=digest)
    else:
        raise GitshelfError(
            f"{kit} is a folder, and has no signature", "verify the kit, then give --digest here"
        )
    if as_json:
        print_json(
            {
                "kit": str(kit),
                "digest": verified.digest,
                "bytes": verified.size,
                "signer": verified.signer,
                "books": _books(verified.lock),
            }
        )
        return
    number = sum(book.files for book in verified.lock.books)
    say(f"{kit}: good, {len(verified.lock.books)} books, {number} files, {amount(verified.size)}")
    say(f"digest {verified.digest}")
    say(f"signed by {verified.signer}" if verified.signer else "signature not asked for")


@commands.command(
    epilog="""\b
Examples:
  gitshelf show kit.tar
  gitshelf show --json kit.tar.zst
"""
)
@click.argument("kit", type=click.Path(path_type=Path))
@json_option
def show(kit: Path, as_json: bool) -> None:
    """Say what is in a kit (and verify it on the way)."""
    from gitshelf.kit.verification import verify as verify_kit

    verified = verify_kit(kit)
    if as_json:
        print_json({"kit": str(kit), "digest": verified.digest, "books": _books(verified.lock)})
        return
    width = max((len(book.book) for book in verified.lock.books), default=4)
    say(f"digest {verified.digest}")
    for book in verified.lock.books:
        when = day(book.time)
        folder = f" {book.path}/" if book.path else ""
        say(f"{book.book or '.':{width}}  {book.commit}{folder}  {when}  {book.files} files")
    for link in verified.lock.links:
        say(f"{link.book:{width}}  -> {link.link}")


@commands.command(
    epilog="""\b
Examples:
  gitshelf extract kit.tar release/
  gitshelf extract --signers allowed_signers kit.tar.zst release/
"""
)
@click.argument("kit", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@_signers
@click.option("--digest", metavar="SHA256", help="Also demand that it is this release.")
@json_option
def extract(
    kit: Path, folder: Path, signers: Path | None, digest: str | None, as_json: bool
) -> None:
    """Prove a kit and unpack it as FOLDER, whole or not at all."""
    from gitshelf.kit.extraction import extract as extract_kit

    verified = extract_kit(kit, folder, signers=signers, digest=digest)
    if as_json:
        print_json({"folder": str(folder), "digest": verified.digest, "signer": verified.signer})
        return
    say(f"{folder}: release {verified.digest}")


def _books(lock: Lock) -> list[dict[str, object]]:
    return [
        {
            "book": book.book,
            "commit": book.commit,
            "path": book.path,
            "tree": book.tree,
            "time": book.time,
            "content": book.content,
            "files": book.files,
            "bytes": book.size,
            "omitted": len(book.omitted),
        }
        for book in lock.books
    ]


def _complain(message: str, remedy: str) -> None:
    click.echo(click.style("error: ", fg="red") + printable.text(message), err=True)
    if remedy:
        click.echo(click.style("remedy: ", fg="yellow") + printable.text(remedy), err=True)
