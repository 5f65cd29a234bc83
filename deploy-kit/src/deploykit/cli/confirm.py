"""Asking before something goes: a plain yes, or for a protected environment its name."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import click

from deploykit.base.errors import Refused
from deploykit.base.printable import one_line
from deploykit.site import Site
from deploykit.site.instance import Instance

FEW = 3  # pods that go by a plain yes


def confirm(
    site: Site, going: list[Instance], yes: bool, meant: tuple[str, ...], what: str = ""
) -> None:
    """Ask before the nodes of `going` go; `what` says in words what happens, by default their end.

    A protected environment wants its name, typed or in `meant`. Raises Refused without a clear
    yes, Abort on a no.
    """
    asks = sys.stdin.isatty()
    names = [str(instance) for instance in going]
    for name, instance in zip(names, going, strict=True):
        if not _protected(site, instance) or name in meant:
            continue
        if not asks:
            raise Refused(f"{name} is protected", f"say it by name: --yes-i-mean {name}")
        typed = click.prompt(f"{name} is protected. Its name, to go on", default="", err=True)
        if typed != name:
            raise Refused(f"{name} is protected and stays as it is")
    if not names or yes or set(names) <= set(meant):
        return
    loss = f"this {what or 'destroys the nodes of ' + ', '.join(names) + ' and all they hold'}"
    if not asks:
        raise Refused(loss, "say so: --yes")
    click.confirm(f"{loss[0].upper()}{loss[1:]}. Go on?", abort=True, err=True)


def confirm_pods(site: Site, going: Mapping[Instance, str], yes: bool, count: int | None) -> None:
    """Ask before pods go, each with why it is protected ("" if it is not).

    More than FEW, or one that is protected, are named, and how many they are has to be typed, or
    given as `count`. Raises Refused without a clear yes, Abort on a no.
    """
    protected = {instance: why for instance, why in going.items() if why}
    if len(going) <= FEW and not protected:
        confirm(site, list(going), yes, ())
        return
    for instance in going:
        why = f"  protected: {one_line(going[instance])}" if going[instance] else ""
        click.echo(f"{instance}{why}", err=True)
    loss = f"this destroys the nodes of {len(going)} pods" + (
        f", of which {len(protected)} are protected" if protected else ""
    )
    if count is None:
        if not sys.stdin.isatty():
            raise Refused(loss, f"say how many they are: --count {len(going)}")
        count = click.prompt(f"{loss[0].upper()}{loss[1:]}. How many are they?", type=int, err=True)
    if count != len(going):
        raise Refused(f"{loss}, not of {count}", "nothing was done")


def confirm_loss(what: str, yes: bool) -> None:
    """Ask before `what` is taken away. Raises Refused if nobody can be asked, Abort on a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused(f"this takes away {what}", "say so: --yes")
    click.confirm(f"This takes away {what}. Go on?", abort=True, err=True)


def _protected(site: Site, instance: Instance) -> bool:
    """Whether it is an environment marked so, or one whose file cannot be read; throwaway copies of
    one are not."""
    if instance.copy is not None:
        return False
    reading = site.read_environments()
    environment = reading.environments.get(instance.environment)
    return environment.protected if environment else instance.environment in reading.broken
