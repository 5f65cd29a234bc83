"""Asking before nodes go: a plain yes, or for a protected environment its name."""

from __future__ import annotations

import sys

import click

from deploykit.base.errors import Refused
from deploykit.providers import located
from deploykit.site import Site


def confirm(
    site: Site, names: list[str], yes: bool, meant: tuple[str, ...], what: str = ""
) -> None:
    """Ask before nodes of `names` go; `what` says in words what happens, by default their end.

    A protected environment wants its name, typed or in `meant`. Raises Refused without a clear
    yes, Abort on a no.
    """
    asks = sys.stdin.isatty()
    for name in names:
        if not _protected(site, name) or name in meant:
            continue
        if not asks:
            raise Refused(f"{name} is protected", f"say it by name: --yes-i-mean {name}")
        typed = click.prompt(f"{name} is protected. Its name, to go on", default="", err=True)
        if typed != name:
            raise Refused(f"{name} is protected and stays as it is")
    if not names or yes or set(names) <= set(meant):
        return
    told = f"this {what or 'destroys the nodes of ' + ', '.join(names) + ' and all they hold'}"
    if not asks:
        raise Refused(told, "say so: --yes")
    click.confirm(f"{told[0].upper()}{told[1:]}. Go on?", abort=True, err=True)


def _protected(site: Site, name: str) -> bool:
    """Whether it is an environment marked so; throwaway copies of one are not."""
    environments = site.environments()
    environment = environments.get(name.partition("~")[0])
    if environment is None or not environment.protected:
        return False
    environment, _ = located(site, name)
    return name == environment.instance
