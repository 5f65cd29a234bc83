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
from deploykit.base.yamlfile import Value, load, nearest
from deploykit.site.declarations import parse_takes
from deploykit.site.node import MEMORY

TOP_KEYS = frozenset({"common", "roles", "secrets", "schemas", "rollback"})
ROLE_KEYS = frozenset(
    {"components", "memory", "stage", "account", "databases", "schema", "messaging", "passwords"}
    | {"keys", "offers", "may_be_missing", "rollback"}
)
OFFER_KEYS = frozenset(
    {"public_port", "backend_port", "state_port", "path", "check", "catalogue", "one_at_a_time"}
    | {"inside"}
)
PORT_KEYS = frozenset({"public_port", "backend_port", "state_port"})
SECRET_KEYS = frozenset({"kind", "roles", "keep", "virtual", "both_ways", "public", "fronted"})
STAGES = frozenset({"foundation", "identity", "control", "agents"})
MESSAGING = frozenset({"account"})
SECRET_KINDS = frozenset({"password", "fernet-keys", "certificate", "values"})
ACCOUNT = re.compile(r"[a-z][a-z0-9_]*")
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
        return tuple(sorted({name for component in wanted for name in self._of(component)}))

    @property
    def suites(self) -> tuple[str, ...]:
        """The suites of Debian that packages come from; empty if the content does not say."""
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
    """The content in `folder` (a `salt/`).

    Raises InputError, with file, line and the nearest known word, if its role map does not fit.
    """
    file = folder / "roles.yml"
    if not file.is_file():
        raise InputError(
            f"{file}: there is no such file",
            "'packages: installed' takes the packages of the content in the working copy: salt/ "
            "beside the site's folder",
        )
    top = load(file)
    keys = top.mapping(TOP_KEYS)
    if "roles" not in keys:
        raise top.error("the key 'roles' is missing")
    roles = {role: entry.mapping(ROLE_KEYS) for role, entry in keys["roles"].mapping().items()}
    for role, entry in keys["roles"].mapping().items():
        _demand_role(entry, roles[role])
    _demand_own_ports(roles)
    if "rollback" in keys:
        parse_takes(keys["rollback"])
    if "secrets" in keys:
        _demand_secrets(keys["secrets"], frozenset(roles))
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


def may_be_missing(file: Path) -> frozenset[str]:
    """The roles of which the role map `file` says that a deployment may leave some nodes out.

    Of a release of any age: none if it says nothing. Raises InputError if it does not fit.
    """
    keys = load(file).mapping()
    roles = keys["roles"].mapping() if "roles" in keys else {}
    entries = {name: value.mapping() for name, value in roles.items()}
    return frozenset(
        name
        for name, entry in entries.items()
        if "may_be_missing" in entry and entry["may_be_missing"].flag()
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


def _one_of(value: Value, known: frozenset[str]) -> None:
    if value.text() not in known:
        raise value.error(f"unknown word '{value.text()}'", nearest(value.text(), known))


def _demand_role(value: Value, keys: dict[str, Value]) -> None:
    """Raise InputError if a role's words do not fit, or do not fit each other."""
    for key in ("components", "databases", "passwords", "keys"):
        if key in keys:
            _names(keys[key])
    if "stage" in keys:
        _one_of(keys["stage"], STAGES)
    elif "components" in keys and _names(keys["components"]):
        raise value.error(
            "the key 'stage' is missing", f"when its components come: {', '.join(sorted(STAGES))}"
        )
    if "account" in keys and not ACCOUNT.fullmatch(keys["account"].text()):
        raise keys["account"].error("not a name of an account", "write small letters, digits and _")
    if "may_be_missing" in keys:
        keys["may_be_missing"].flag()
    if "messaging" in keys:
        _one_of(keys["messaging"], MESSAGING)
    if "rollback" in keys:
        parse_takes(keys["rollback"])
    for key in ("databases", "schema", "messaging"):
        if key in keys and "account" not in keys:
            raise keys[key].error("needs the key 'account'", "as whom it comes there")
    for offer in keys["offers"].mapping().values() if "offers" in keys else ():
        _demand_offer(offer, "account" in keys)


def _demand_offer(value: Value, account: bool) -> None:
    keys = value.mapping(OFFER_KEYS)
    for key in ("public_port", "backend_port", "check"):
        if key not in keys:
            raise value.error(f"the key '{key}' is missing")
    for key in PORT_KEYS & keys.keys():
        if keys[key].whole(1) > 65535:
            raise keys[key].error("a port is at most 65535")
    for key in ("path", "check"):
        if key in keys and not str(keys[key].scalar()).startswith("/"):
            raise keys[key].error("a path begins with '/'")
    for key in ("catalogue", "one_at_a_time"):
        if key in keys:
            keys[key].flag()
    catalogued = keys["catalogue"].flag() if "catalogue" in keys else True
    if catalogued and not account:
        raise value.error(
            "what keystone's catalogue offers needs its role's key 'account'",
            "name one, or say 'catalogue: false'",
        )


def _demand_own_ports(roles: dict[str, dict[str, Value]]) -> None:
    """Raise InputError if two offers have one port, or one name."""
    ports: dict[int, str] = {}
    offers: dict[str, Value] = {}
    for role in roles.values():
        for name, offer in role["offers"].mapping().items() if "offers" in role else ():
            if name in offers:
                raise offer.error(f"line {offers[name].line} offers '{name}', too")
            offers[name] = offer
            keys = offer.mapping()
            for port in (keys[key] for key in sorted(PORT_KEYS & keys.keys())):
                if port.whole() in ports:
                    raise port.error(f"{port.whole()} is a port of '{ports[port.whole()]}', too")
                ports[port.whole()] = name


def _demand_secrets(value: Value, roles: frozenset[str]) -> None:
    for secret in value.mapping().values():
        keys = secret.mapping(SECRET_KEYS)
        for key in ("kind", "roles"):
            if key not in keys:
                raise secret.error(f"the key '{key}' is missing")
        _one_of(keys["kind"], SECRET_KINDS)
        for role in keys["roles"].items():
            _one_of(role, roles)
