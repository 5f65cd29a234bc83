"""An environment's settings, as data: its own values over what a release's content says.

They stand in `settings:` of the environment's file and in the files of the folder beside it that
has its name. What can be set is a release's word (`tunables`); here is what needs none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.base.yamlfile import DEEPEST, Plain, Value

DAY0 = "day0"  # the settings below it are variables of the release's Ansible roles
# What the pillar has from elsewhere: why it cannot be set, and what to do instead.
NOT_SETTINGS = {
    "secrets": (
        "secrets are no settings: each environment's master makes and keeps its own",
        "deploy-kit secrets list ENVIRONMENT shows them, secrets rotate gives them new values",
    ),
    "environment": ("follows from the environment's file", "change networks, nodes or roles"),
    "components": ("follows from the roles of a node", "change 'roles' of the node"),
    "role_map": ("is the release's salt/roles.yml", "change it there, and cut a release"),
    "settings": ("stands in itself", "write what is below it one level higher"),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One value that an environment sets: `path` are its keys, each with its line of `file`.

    The value is a single one, a list as a whole, or an empty mapping.
    """

    path: tuple[str, ...]
    value: Plain
    file: Path
    lines: tuple[int, ...]

    @property
    def key(self) -> str:
        return ".".join(self.path)

    @property
    def place(self) -> str:
        return f"{self.file}:{self.lines[-1]}"

    def error(self, problem: str, remedy: str = "", level: int = -1) -> InputError:
        """That something is wrong with the key at `level` of the path (default: the last)."""
        keys = self.path[: level + 1] if level >= 0 else self.path
        return InputError(f"{self.file}:{self.lines[level]}: {'.'.join(keys)}: {problem}", remedy)


def parse_settings(value: Value) -> tuple[Setting, ...]:
    """The settings of one mapping, in its order.

    Raises InputError, with file and line, for what is no data and for what is never a setting.
    """
    return tuple(_leaves(value, (), ()))


def _leaves(value: Value, path: tuple[str, ...], lines: tuple[int, ...]) -> Iterator[Setting]:
    if len(path) > DEEPEST:
        raise value.error(f"has more than {DEEPEST} levels")
    key_lines = value.key_lines()
    for key, entry in value.mapping().items():
        setting = Setting((*path, key), None, value.file, (*lines, key_lines[key]))
        if not path and key in NOT_SETTINGS:
            raise setting.error(*NOT_SETTINGS[key])
        if entry.is_mapping and entry.key_lines():
            yield from _leaves(entry, setting.path, setting.lines)
        else:
            yield Setting(setting.path, entry.plain(), value.file, setting.lines)


def together(groups: Sequence[tuple[Setting, ...]]) -> tuple[Setting, ...]:
    """The settings of several files. Raises InputError if two of them set the same."""
    all_settings: list[Setting] = []
    for group in groups:
        for setting in group:
            for other in all_settings:
                shared = min(len(other.path), len(setting.path))
                if other.path[:shared] == setting.path[:shared]:
                    raise setting.error(f"is set in {other.place}, too", "remove one of them")
        all_settings.extend(group)
    return tuple(all_settings)


def tree(settings: Sequence[Setting]) -> dict[str, Plain]:
    """Settings as nested mappings, as the pillar gets them."""
    nested: dict[str, Plain] = {}
    for setting in settings:
        here = nested
        for key in setting.path[:-1]:
            below = here.setdefault(key, {})
            assert isinstance(below, dict)  # each path stands once, none within another
            here = below
        here[setting.path[-1]] = setting.value
    return nested


def of_pillar(settings: Sequence[Setting]) -> tuple[Setting, ...]:
    """Those of the pillar, without day 0's."""
    return tuple(setting for setting in settings if setting.path[0] != DAY0)


def merged(default: Plain, own: Plain) -> Plain:
    """What counts if a release says `default` and the environment `own`: the order of values.

    Mappings go over each other key by key; anything else, lists too, as a whole. It is the order
    in which Salt merges the files of a pillar, of which settings are the last.
    """
    if not isinstance(default, dict) or not isinstance(own, dict):
        return own
    both = {key: merged(default[key], own[key]) for key in default if key in own}
    return {**default, **own, **both}
