"""Release rules: what `gitshelf lint` holds a manifest to. One small module per rule.

Others can be installed: an entry point of the group `gitshelf.rules` that names a `Rule`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from gitshelf.base.errors import GitshelfError
from gitshelf.manifest import document
from gitshelf.manifest.document import Location
from gitshelf.manifest.tokens import hide, show
from gitshelf.resolution import Options, load
from gitshelf.rules.model import Finding, Rule, Settings
from gitshelf.rules.subject import Subject

GROUP = "gitshelf.rules"
_BUILT_IN = {
    "full-sha": "full_sha",
    "encrypted": "encrypted",
    "exists": "exists",
    "on-branch": "on_branch",
    "descends": "descends",
    "tag": "tag",
    "signed": "signed",
    "secrets": "secrets",
    "same-path": "same_path",
}
_WITHOUT_MANIFEST = ("full-sha", "encrypted", "exists", "on-branch", "tag", "same-path")
_OF_ALL = ("exists", "full-sha", "encrypted")
_KEYS = ("except", "from", "signers", "keys", "allow")


def rules() -> dict[str, Rule]:
    """All rules by name, installed ones included; none of them has the name of a built-in one."""
    from importlib.metadata import entry_points

    found = {}
    for point in entry_points(group=GROUP):
        rule = point.load()
        if not isinstance(rule, Rule):
            raise GitshelfError(f"the plugin {point.value} is no rule", "repair or remove it")
        found[point.name] = rule
    return {**found, **_these(_BUILT_IN)}


def _these(names: Iterable[str]) -> dict[str, Rule]:
    """The rules `names`, or all if one of them is not built in: that takes longer."""
    wanted = list(names)
    return {n: _built_in(n) for n in wanted} if _BUILT_IN.keys() >= set(wanted) else rules()


def _built_in(name: str) -> Rule:
    rule: Rule = import_module(f"{__name__}.{_BUILT_IN[name]}").RULE
    return rule


def lint(
    file: Path,
    names: Sequence[str] = (),
    *,
    also: Sequence[str] = (),
    folder: Path | None = None,
    environment: str | None = None,
    tokens: Mapping[str, str] | None = None,
    previous: str = "",
    signers: Path | None = None,
    keys: Path | None = None,
    options: Options | None = None,
) -> list[Finding]:
    """Hold the manifest `file` to the rules `names`, or those under its `lint:`, and to those of
    `also`; without any, to those that need no settings. `previous` (the release before), `signers`
    (an allowed-signers file) and `keys` (OpenPGP public keys) beat the manifest's settings, whose
    paths are taken from `folder`, by default the manifest's.

    Raises GitshelfError if the manifest is wrong or a repository cannot be asked.
    """
    file = Path(file)
    read = load(file, environment, tokens)
    chosen = _settings(read.data, str(file))
    asked = dict.fromkeys((*(names or chosen or (() if also else _WITHOUT_MANIFEST)), *also))
    chosen = {name: chosen.get(name, Settings()) for name in asked}
    known = _these(chosen)
    for name in chosen:
        if name not in known:
            raise GitshelfError(f"there is no rule {name}", document.unknown_key(name, known))
    subject = Subject(
        read,
        options or Options(),
        environment=environment,
        tokens=dict(tokens or {}),
        previous=previous,
        signers=signers,
        keys=keys,
        folder=folder,
    )
    if not all(known[name].text_only for name in chosen):
        subject.fetch()
    found = []
    for name, settings in chosen.items():
        # A commit that is nowhere is one finding, of the rule for it; the others look at the rest.
        subject.leave_out(lost="exists" in chosen and name not in _OF_ALL)
        for finding in known[name].check(subject, settings):
            if finding.book not in settings.excepted:
                found.append(finding)
    found.sort(key=lambda one: (one.at.line, one.rule, one.message))
    return found


def _settings(data: bytes, name: str) -> dict[str, Settings]:
    """What stands under `lint:`, by rule. Paths are taken from the manifest's folder."""
    root = document.compose(hide(data.decode("utf-8-sig")), name)
    top = document.mapping(root, Location(name, 1), "the manifest")
    section = document.section(top, "lint", name)
    document.check_keys(section, _these(section), name, "lint")
    chosen = {}
    for rule in section:
        pairs = document.section(section, rule, name)
        document.check_keys(pairs, _KEYS, name, f"the rule {rule}")
        values = {key: node for key, (_, node) in pairs.items()}

        def texts(key: str, values: dict[str, document.Node] = values) -> tuple[str, ...]:
            if key not in values:
                return ()
            location = Location(name, document.line_of(values[key]))
            nodes = document.sequence(values[key], location, key)
            return tuple(show(document.scalar(node, location, key)) for node in nodes)

        def one(key: str, values: dict[str, document.Node] = values) -> str:
            if key not in values:
                return ""
            node = values[key]
            return show(document.scalar(node, Location(name, document.line_of(node)), key))

        chosen[rule] = Settings(
            texts("except"), one("from"), one("signers"), one("keys"), texts("allow")
        )
    return chosen
