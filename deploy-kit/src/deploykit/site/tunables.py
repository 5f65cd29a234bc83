"""What a release lets environments set, and its defaults: the tunables of its content.

Read without Salt and Ansible, so before anything is changed. What Salt has to compute (a file with
Jinja in it) follows from other things and is no tunable.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.base.yamlfile import Plain, load, nearest
from deploykit.site.settings import DAY0, Setting, merged, of_pillar, tree

PILLAR = Path("salt", "pillar")
APPLIED = PILLAR / "settings.sls"  # where a release puts settings over its own values
VARIABLES = "defaults/main.yml"  # of an Ansible role
ANY = "*"  # the key of a mapping for what has names of its own: how each of them looks
GIVEN = frozenset({"users_accounts"})  # the environment's operators, by its file
COMPUTED = ("{{", "{%")
KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
}


@dataclass(frozen=True, slots=True)
class Tunables:
    """The values of a release by their keys: of its pillar, and of day 0's variables.

    `pillar_settable` is False for a release from before there were settings.
    """

    pillar: dict[str, Plain]
    day0: dict[str, Plain]
    pillar_settable: bool

    @property
    def known(self) -> dict[str, Plain]:
        """All of them, as settings name them."""
        return {**self.pillar, DAY0: self.day0}


def read_tunables(root: Path) -> Tunables:
    """The tunables of the content in `root`, which has salt/ and ansible/: a release or a checkout.

    Raises InputError naming file and line if its own YAML does not fit.
    """
    pillar: dict[str, Plain] = {}
    for file in sorted((root / PILLAR).glob("*.sls")):
        if not any(mark in file.read_text(encoding="utf-8") for mark in COMPUTED):
            pillar |= {key: value.plain() for key, value in load(file).mapping().items()}
    return Tunables(pillar, _variables(root / "ansible"), (root / APPLIED).is_file())


def _variables(ansible: Path) -> dict[str, Plain]:
    """What roles say by default, but for what deploy-kit gives them."""
    files = sorted((ansible / "roles").glob(f"*/{VARIABLES}"))
    named = (pair for file in files for pair in load(file).mapping().items())
    return {name: value.plain() for name, value in named if name not in GIVEN}


def problems(settings: Sequence[Setting], tunables: Tunables) -> Iterator[InputError]:
    """What a release with these `tunables` cannot take, each with its place and what to do."""
    for setting in settings:
        if of_pillar([setting]) and not tunables.pillar_settable:
            yield setting.error(
                "the release is from before environments could set anything: its content has no "
                f"{APPLIED}",
                "take it out for this release, or deploy a newer one",
            )
        elif problem := _problem(setting, tunables.known):
            yield problem


def demand_known(settings: Sequence[Setting], tunables: Tunables, release: str) -> None:
    """Raise InputError, with all that is wrong, if `release` cannot take every setting.

    `release` is its name for people.
    """
    wrong = list(problems(settings, tunables))
    if wrong:
        more = [f"also: {error.message}: {error.remedy}" for error in wrong[1:]]
        remedy = "\n".join([wrong[0].remedy, *more])
        raise InputError(f"{wrong[0].message}, in {release}", remedy)


def fitting(settings: Sequence[Setting], tunables: Tunables) -> tuple[Setting, ...]:
    """Those of `settings` that the release can take: for one that is older than they are."""
    return tuple(setting for setting in settings if not any(problems([setting], tunables)))


def pillar_settings(settings: Sequence[Setting], tunables: Tunables) -> dict[str, Plain]:
    """What goes over the release's pillar: what it can take, without its own values."""
    return tree(fitting(of_pillar(settings), tunables))


def day0_variables(settings: Sequence[Setting], ansible: Path) -> dict[str, Plain]:
    """The variables for the roles in `ansible` that the environment sets, whole.

    Ansible takes the last word on a variable as a whole, so the role's own is merged in here.
    """
    tunables = Tunables({}, _variables(ansible), pillar_settable=False)
    own = tree(fitting(settings, tunables)).get(DAY0, {})
    assert isinstance(own, dict)
    return {name: merged(tunables.day0[name], value) for name, value in own.items()}


def _problem(setting: Setting, known: Plain) -> InputError | None:
    """What is wrong with a setting for a release that knows `known`; None if nothing is."""
    for level, key in enumerate(setting.path):
        above = ".".join(setting.path[:level])
        if not isinstance(known, dict):
            return setting.error(
                f"'{above}' is {_kind(known)} in the release: {json.dumps(known)}",
                f"write {above}: VALUE",
                level,
            )
        if not known and level > 1:
            return None  # an empty mapping is there for environments to fill
        if key not in known and ANY not in known:
            return setting.error(f"unknown key '{key}'", nearest(key, frozenset(known)), level)
        known = known[key] if key in known else known[ANY]
    if not _fits(setting.value, known):
        return setting.error(
            f"expected {_kind(known)}, found {json.dumps(setting.value)}",
            f"the release's own value: {json.dumps(known)}",
        )
    return None


def _fits(value: Plain, default: Plain) -> bool:
    """Whether `value` is of the kind of `default`; a number with a point takes any number."""
    if default is None:
        return True
    if isinstance(default, float) and not isinstance(value, bool):
        return isinstance(value, int | float)
    return type(value) is type(default)


def _kind(value: Plain) -> str:
    return KINDS.get(type(value), "anything")
