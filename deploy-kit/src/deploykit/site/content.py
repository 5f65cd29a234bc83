"""What deploy-kit itself asks the content before there is a release: packages, memory.

The content is the working copy's `salt/` beside the site. All of it is plain YAML here, read
without Salt: `roles.yml`, and `pillar/COMPONENT.sls` with the list COMPONENT.packages; where
they come from is said in `pillar/vendor.sls`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.base.yamlfile import Value, load
from deploykit.site.environment import MEMORY

PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
MIB = 2**20
UNITS = {"M": 2**20, "G": 2**30}


@dataclass(frozen=True, slots=True)
class Content:
    """A `salt/` folder: components by role, those of every minion, and a role's memory in bytes."""

    folder: Path
    common: tuple[str, ...]
    roles: dict[str, tuple[str, ...]]
    memory: dict[str, int]

    @property
    def components(self) -> tuple[str, ...]:
        """Every component that some node may have."""
        named = (*self.common, *(name for names in self.roles.values() for name in names))
        return tuple(dict.fromkeys(named))

    def packages(self, components: Iterable[str] | None = None) -> tuple[str, ...]:
        """The Debian packages of `components` (default: all), sorted.

        Raises InputError naming the file of a component that does not say them.
        """
        wanted = self.components if components is None else components
        return tuple(sorted({name for one in wanted for name in self._of(one)}))

    @property
    def suites(self) -> tuple[str, ...]:
        """The suites of Debian that packages come from; empty where the content does not say."""
        own = self._tunables("vendor")
        return _names(own["suites"]) if "suites" in own else ()

    def _of(self, component: str) -> list[str]:
        own = self._tunables(component)
        return [_package(item) for item in own["packages"].items()] if "packages" in own else []

    def _tunables(self, component: str) -> dict[str, Value]:
        file = self.folder / "pillar" / f"{component}.sls"
        if not file.is_file():
            return {}
        keys = load(file).mapping()
        return keys[component].mapping() if component in keys else {}


def read_content(folder: Path) -> Content:
    """The content in `folder` (a `salt/`). Raises InputError where it does not fit."""
    file = folder / "roles.yml"
    if not file.is_file():
        raise InputError(
            f"{file}: there is no such file",
            "'packages: installed' takes the packages of the content in the working copy: salt/ "
            "beside the site's folder",
        )
    keys = load(file).mapping()
    if "roles" not in keys:
        raise InputError(f"{file}: the key 'roles' is missing")
    roles = {role: entry.mapping() for role, entry in keys["roles"].mapping().items()}
    return Content(
        folder=folder,
        common=_names(keys["common"]) if "common" in keys else (),
        roles={
            role: _names(entry["components"]) if "components" in entry else ()
            for role, entry in roles.items()
        },
        memory={
            role: _bytes(entry["memory"]) for role, entry in roles.items() if "memory" in entry
        },
    )


def size(text: str) -> int:
    """Bytes of an amount such as 512M or 2G."""
    return int(text[:-1]) * UNITS[text[-1]]


def _names(value: Value) -> tuple[str, ...]:
    return tuple(item.text() for item in value.items())


def _package(value: Value) -> str:
    if not PACKAGE.fullmatch(value.text()):
        raise value.error(f"'{value.text()}' is not the name of a Debian package")
    return value.text()


def _bytes(value: Value) -> int:
    text = str(value.scalar())
    if not MEMORY.fullmatch(text):
        raise value.error(f"not an amount of memory: '{text}'", "write 512M or 2G")
    return size(text)
