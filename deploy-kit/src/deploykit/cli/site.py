"""`deploy-kit init`: a site of one's own, without a fork of this repository."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from deploykit.base.errors import InputError
from deploykit.cli.app import stdout

TEMPLATES = {
    "site.yml": "site.yml",
    "gitshelf.yml": "gitshelf.yml",
    "environments/test.yml": "test.yml",
    "environments/production.yml": "production.yml",
    ".gitignore": "gitignore",
}


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", help="The site's name. Default: the folder's.")
def init(folder: Path, name: str | None) -> None:
    """Start a site in FOLDER: site.yml, two environments and a manifest."""
    folder = folder.resolve()
    there = [path for path in TEMPLATES if (folder / path).exists() and path != ".gitignore"]
    if there:
        raise InputError(
            f"{folder} already has {', '.join(there)}", "nothing was written; take another folder"
        )
    for path, template in TEMPLATES.items():
        target = folder / path
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (
            files("deploykit").joinpath("templates", "site", template).read_text(encoding="utf-8")
        )
        target.write_text(text.replace("@NAME@", name or folder.name), encoding="utf-8")
    console = stdout()
    console.print(f"A site is in {folder}. Next:", soft_wrap=True)
    console.print(f"  edit {folder}/gitshelf.yml: the repositories of your cloud", soft_wrap=True)
    console.print("  deploy-kit setup; deploy-kit doctor")
    console.print(f"  deploy-kit --site {folder} env up test", soft_wrap=True)
    console.print(f"  deploy-kit --site {folder} release cut", soft_wrap=True)
    console.print(f"  deploy-kit --site {folder} train", soft_wrap=True)
