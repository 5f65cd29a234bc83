"""What a release's content says of going back, read from its `salt/` (roles.yml, pillar/*.sls).

It takes a release of any age: keys that it does not know are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from deploykit.base.yamlfile import Value, load, nearest
from deploykit.site.going_back import Declared, Part, RollbackClass

KEYS = frozenset({"schema", "packages"})
STAY = "stay"  # of packages: reversible, since the older release works with the newer ones
VENDOR = ("suites", "updates")  # where packages come from, and as of when: every component's


@dataclass(frozen=True, slots=True)
class Takes:
    """What going back takes over a change of a schema, and of packages; with `stay` those are not
    brought back, where the older release pins others."""

    schema: RollbackClass = RollbackClass.RESTORE
    packages: RollbackClass = RollbackClass.REVERSIBLE
    stay: bool = True


def parse_takes(value: Value, usual: Takes = Takes()) -> Takes:
    """`rollback: {schema: restore, packages: stay}`; what is not said is `usual`.

    Raises InputError with file, line and the nearest known word where it does not fit.
    """
    said = value.mapping(KEYS)
    if "schema" in said:
        usual = replace(usual, schema=_class_of(said["schema"]))
    if "packages" in said:
        stay = said["packages"].text() == STAY
        packages = RollbackClass.REVERSIBLE if stay else _class_of(said["packages"], STAY)
        usual = replace(usual, packages=packages, stay=stay)
    return usual


def read_declared(salt: Path, packages_of: Iterable[str] = ()) -> Declared:
    """What the content in the folder `salt` declares.

    Packages are read of the roles whose change of packages is more than reversible, and of
    `packages_of`. Raises InputError where a file does not fit.
    """
    file = salt / "roles.yml"
    if not file.is_file():
        return Declared()
    keys = load(file).mapping()
    roles = {n: v.mapping() for n, v in keys["roles"].mapping().items()} if "roles" in keys else {}
    usual = parse_takes(keys["rollback"]) if "rollback" in keys else Takes()
    takes = {
        name: parse_takes(entry["rollback"], usual) if "rollback" in entry else usual
        for name, entry in roles.items()
    }
    parts = _schemas(keys, roles, takes, usual)
    wanted = {n for n, one in takes.items() if one.packages != RollbackClass.REVERSIBLE}
    for name in sorted((wanted | {*packages_of}) & roles.keys()):
        value = _packages(salt / "pillar", roles[name])
        part = Part(name, value, takes[name].packages, frozenset({name}))
        parts[packages_part(name)] = part
    states = salt / "states"
    folders = {path.name for path in states.iterdir() if path.is_dir()} if states.is_dir() else ()
    having = frozenset(name for name, role in roles.items() if _has_any(role))
    staying = frozenset(name for name in having if takes[name].stay)
    return Declared(parts, frozenset({*folders, *roles}), having - staying, staying)


def _has_any(role: Mapping[str, Value]) -> bool:
    """Whether a role has components, and so packages of its own."""
    return "components" in role and any(True for _ in role["components"].items())


def packages_part(role: str) -> str:
    """What the packages of a role are called among the parts."""
    return f"the packages of {role}"


def _schemas(
    keys: Mapping[str, Value],
    roles: Mapping[str, Mapping[str, Value]],
    takes: Mapping[str, Takes],
    usual: Takes,
) -> dict[str, Part]:
    """The schema of each account; a release from before roles said it has them in `schemas`."""
    found: dict[str, Part] = {}
    for account, value in keys["schemas"].mapping().items() if "schemas" in keys else ():
        found[_schema_part(account)] = Part(account, str(value.scalar()), usual.schema)
    for role, entry in roles.items():
        if "schema" in entry and "account" in entry:
            account, schema = entry["account"].text(), str(entry["schema"].scalar())
            named = _schema_part(account)
            others = found[named].roles if named in found else frozenset()
            found[named] = Part(account, schema, takes[role].schema, others | {role})
    return found


def _schema_part(account: str) -> str:
    return f"the schema of {account}"


def _packages(pillar: Path, role: Mapping[str, Value]) -> str:
    """The packages of a role's components by name, and where they come from; '' for none."""
    names: set[str] = set()
    for component in role["components"].items() if "components" in role else ():
        own = _own(pillar, component.text())
        names |= {name.text() for name in own["packages"].items()} if "packages" in own else set()
    vendor = _own(pillar, "vendor")
    told = [str(vendor[key].plain()) for key in VENDOR if key in vendor]
    return " ".join([*sorted(names), *told])


def _own(pillar: Path, component: str) -> dict[str, Value]:
    file = pillar / f"{component}.sls"
    keys = load(file).mapping() if file.is_file() else {}
    return keys[component].mapping() if component in keys else {}


def _class_of(value: Value, *others: str) -> RollbackClass:
    """The class that is said; `others` are words that might have been, for who reads the error."""
    text, known = value.text(), (*map(str, RollbackClass), *others)
    if text not in known:
        told = f"'{text}' is none of {', '.join(known)}"
        raise value.error(told, nearest(text, frozenset(known)))
    return RollbackClass(text)
