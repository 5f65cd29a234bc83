"""Release rules: what `gitshelf lint` holds a manifest to. One small module per rule.

Others can be installed: an entry point of the group `gitshelf.rules` that names a `Rule`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
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
    "exists": "exists",
    "on-branch": "on_branch",
    "descends": "descends",
    "tag": "tag",
    "signed": "signed",
    "secrets": "secrets",
    "same-path": "same_path",
}
_WITHOUT_MANIFEST = ("full-sha", "exists", "on-branch", "tag", "same-path")
_OF_ALL = ("exists", "full-sha")
_KEYS = ("except", "from", "signers", "keys", "allow")


def rules() -> dict[str, Rule]:
    """All rules by name, installed ones included."""
    found = {name: _built_in(name) for name in _BUILT_IN}
    for point in entry_points(group=GROUP):
        rule = point.load()
        if not isinstance(rule, Rule):
            raise GitshelfError(f"the plugin {point.value} is no rule", "repair or remove it")
        found[point.name] = rule
    return found


def _built_in(name: str) -> Rule:
    rule: Rule = import_module(f"{__name__}.{_BUILT_IN[name]}").RULE
    return rule


def lint(
    file: Path,
    names: Sequence[str] = (),
    *,
    environment: str | None = None,
    tokens: Mapping[str, str] | None = None,
    previous: str = "",
    signers: Path | None = None,
    keys: Path | None = None,
    options: Options | None = None,
) -> list[Finding]:
    """Hold the manifest `file` to the rules `names`, or those under its `lint:`, or those that
    need no settings. `previous` (the release before), `signers` (an allowed-signers file) and
    `keys` (OpenPGP public keys) beat the manifest's settings.

    Raises GitshelfError if the manifest is wrong or a repository cannot be asked.
    """
    file = Path(file)
    read = load(file, environment, tokens)
    known = rules()
    chosen = _settings(read.data, str(file), known)
    chosen = {name: chosen.get(name, Settings()) for name in names or chosen or _WITHOUT_MANIFEST}
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
    found.sort(key=lambda one: (one.place.line, one.rule, one.message))
    return found


def _settings(data: bytes, name: str, known: Mapping[str, Rule]) -> dict[str, Settings]:
    """What stands under `lint:`, by rule. Paths are taken from the manifest's folder."""
    root = document.compose(hide(data.decode("utf-8-sig")), name)
    top = document.mapping(root, Location(name, 1), "the manifest")
    section = document.section(top, "lint", name)
    document.check_keys(section, known, name, "lint")
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
