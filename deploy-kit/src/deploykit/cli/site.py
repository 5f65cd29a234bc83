"""`deploy-kit init`: a site of one's own, without a fork of this repository."""

from __future__ import annotations

import json
import re
import shlex
from importlib.resources import files
from pathlib import Path

import click

import deploykit
from deploykit.base import git
from deploykit.base.errors import CommandFailed, InputError
from deploykit.cli.app import stdout
from deploykit.site import SITE_NAME

TEMPLATES = {
    "site.yml": "site.yml",
    "gitshelf.yml": "gitshelf.yml",
    "environments/test.yml": "test.yml",
    "environments/production.yml": "production.yml",
    "signatures/own.yml": "signatures.yml",
    ".gitignore": "gitignore",
}
NOWHERE = "https://git.example.org/cloud"
SHIPPED_SIGNATURES = Path("deploy-kit/signatures")
DAY0 = Path("ansible/playbooks/day0.yml")


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", help="The site's name. Default: the folder's.")
@click.option(
    "--content",
    metavar="URL",
    help="The repository with salt/ and ansible/. Default: the one that deploy-kit runs from.",
)
def init(folder: Path, name: str | None, content: str | None) -> None:
    """Start a site in FOLDER: site.yml, two environments and a manifest.

    If FOLDER is in no git repository, it becomes one: releases are committed.
    """
    folder = folder.resolve()
    there = [path for path in TEMPLATES if (folder / path).exists() and path != ".gitignore"]
    if there:
        raise InputError(
            f"{folder} already has {', '.join(there)}", "nothing was written; take another folder"
        )
    source = content or shipped_content() or NOWHERE
    values = {"@NAME@": site_name(name, folder), "@CONTENT@": json.dumps(source)[1:-1]}
    folder.mkdir(parents=True, exist_ok=True)
    if git.top(folder) is None:
        made = git.as_person(folder, ["init", "--quiet"])
        if made.returncode != 0:
            raise CommandFailed(f"git cannot make {folder} a repository: {made.stderr.strip()}")
    for path, template in TEMPLATES.items():
        _write(folder / path, template, values)
    _copy_signatures(folder / "signatures")
    edit = source == NOWHERE
    _tell_next(folder, "of your cloud: edit it first" if edit else f"those of {source}")


def site_name(given: str | None, folder: Path) -> str:
    """The site's name: what was given, else what can be one of the folder's name.

    Raises InputError if what was given is none.
    """
    if given is not None:
        if not SITE_NAME.fullmatch(given):
            raise InputError(
                f"'{given}' is not a name", "use letters, digits, '.', '_' and '-', at most 63"
            )
        return given
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name).strip("._-")[:63] or "site"


def _copy_signatures(folder: Path) -> None:
    """Bring along what is known of the shipped content's faults, if this deploy-kit lies with it.

    They are the new site's from now on: its content goes its own way.
    """
    shipped = shipped_content()
    if shipped is None:
        return
    for file in sorted(Path(shipped, SHIPPED_SIGNATURES).glob("*.yml")):
        target = folder / file.name
        if not target.exists():
            target.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")


def shipped_content() -> str | None:
    """The repository that this deploy-kit lies in, if it holds content, as a path."""
    top = Path(deploykit.__file__).resolve().parents[3]
    whole = (top / "salt" / "roles.yml").is_file() and (top / DAY0).is_file()
    return str(top) if whole and (top / ".git").exists() else None


def _write(target: Path, template: str, values: dict[str, str]) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    text = files("deploykit").joinpath("templates", "site", template).read_text(encoding="utf-8")
    for word, value in values.items():
        text = text.replace(word, value)
    target.write_text(text, encoding="utf-8")


def _tell_next(folder: Path, content: str) -> None:
    site = shlex.quote(str(folder))
    lines = (
        f"A site is in {folder}. Its releases are made of the repositories in gitshelf.yml,",
        f"{content}. Next:",
        "  deploy-kit setup; deploy-kit doctor",
        f"  deploy-kit --site {site} release cut",
        f"  deploy-kit --site {site} env up --all",
        f"  deploy-kit --site {site} train",
    )
    for line in lines:
        stdout().print(line, soft_wrap=True)
