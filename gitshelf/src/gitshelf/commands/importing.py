"""`gitshelf import`."""

from __future__ import annotations

from pathlib import Path

import click

from gitshelf.base.errors import GitshelfError
from gitshelf.commands.common import json_option, print_json, run_options


@click.command(
    "import",
    epilog="""\b
Examples:
  gitshelf import vcstool my.repos --output gitshelf.yml
  gitshelf import ansible requirements.yml
  gitshelf import west west.yml
  gitshelf import repo --base https://git.example.org/platform/manifest default.xml
Then: gitshelf pin
""",
)
@click.argument("format")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The manifest to write, which must not be there yet; else it is printed.",
)
@click.option("--base", default="", metavar="URL", help="What relative URLs begin at (repo).")
@click.option("--partial", is_flag=True, help="Import the rest if something cannot be imported.")
@run_options
@json_option
def import_(
    *,
    format: str,
    file: Path,
    output: Path | None,
    base: str,
    partial: bool,
    timeout: float,
    offline: bool,
    as_json: bool,
) -> None:
    """Turn the manifest of another tool into one of gitshelf.

    FORMAT is ansible (requirements.yml), repo (Android), vcstool (.repos), west, or the name of an
    installed plugin. Files that FILE includes are read as its tool does; repositories are asked
    only for what west imports, for the names of Ansible collections, and for what these and roles
    depend on.
    What has no part in what a kit holds becomes a comment. Exits with 1 if something else in FILE
    cannot be said in a gitshelf manifest, and lists all of that.
    """
    from gitshelf.importers import translate
    from gitshelf.resolution import Options

    options = Options(timeout=timeout, offline=offline)
    text = translate(format, file, base=base, partial=partial, options=options)
    if output is not None:
        _write(output, text)
    books, lost = text.count("\n- book: "), text.count("\n# Not imported: ")
    left_out = text.count("\n# Left out: ")
    if as_json:
        counts = {"books": books, "not_imported": lost, "left_out": left_out}
        print_json({**counts, "manifest": text})
    elif output is None:
        click.echo(text, nl=False)
    else:
        things = [(lost, "not imported"), (left_out, "left out")]
        more = " and ".join(f"{number} things {what}" for number, what in things if number)
        click.echo(f"{output}: {books} books" + (f", {more} (see its comments)" if more else ""))


def _write(output: Path, text: str) -> None:
    from gitshelf.base import files

    if output.exists():
        raise GitshelfError(f"{output} is there already", "name another file, or remove it")
    try:
        files.write(output, text.encode(), durable=True)
    except OSError as error:
        raise GitshelfError(f"{output} cannot be written: {error.strerror}") from None
