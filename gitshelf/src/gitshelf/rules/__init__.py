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

    installed = {}
    for point in entry_points(group=GROUP):
        rule = point.load()
        if not isinstance(rule, Rule):
            raise GitshelfError(f"the plugin {point.value} is no rule", "repair or remove it")
        installed[point.name] = rule
    return {**installed, **_rules_named(_BUILT_IN)}


def _rules_named(names: Iterable[str]) -> dict[str, Rule]:
    """The rules `names`; if one of them is not built in, all rules, which takes longer."""
    rule_names = list(names)
    return {n: _built_in(n) for n in rule_names} if _BUILT_IN.keys() >= set(rule_names) else rules()


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
    manifest = load(file, environment, tokens)
    rule_settings = _settings(manifest.data, str(file))
    rule_names = dict.fromkeys(
        (*(names or rule_settings or (() if also else _WITHOUT_MANIFEST)), *also)
    )
    rule_settings = {name: rule_settings.get(name, Settings()) for name in rule_names}
    known_rules = _rules_named(rule_settings)
    for name in rule_settings:
        if name not in known_rules:
            raise GitshelfError(f"there is no rule {name}", document.unknown_key(name, known_rules))
    subject = Subject(
        manifest,
        options or Options(),
        environment=environment,
        tokens=dict(tokens or {}),
        previous=previous,
        signers=signers,
        keys=keys,
        folder=folder,
    )
    if not all(known_rules[name].text_only for name in rule_settings):
        subject.fetch()
    findings = []
    for name, settings in rule_settings.items():
        # A commit that its repository does not have is one finding, of the rule `exists`; the
        # other rules look at the other books.
        subject.leave_out(lost="exists" in rule_settings and name not in _OF_ALL)
        for finding in known_rules[name].check(subject, settings):
            if finding.book not in settings.excepted:
                findings.append(finding)
    findings.sort(key=lambda finding: (finding.at.line, finding.rule, finding.message))
    return findings


def _settings(data: bytes, name: str) -> dict[str, Settings]:
    """What stands under `lint:`, by rule. Paths are taken from the manifest's folder."""
    root = document.compose(hide(data.decode("utf-8-sig")), name)
    top = document.mapping(root, Location(name, 1), "the manifest")
    section = document.section(top, "lint", name)
    document.check_keys(section, _rules_named(section), name, "lint")
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

        def text(key: str, values: dict[str, document.Node] = values) -> str:
            if key not in values:
                return ""
            node = values[key]
            return show(document.scalar(node, Location(name, document.line_of(node)), key))

        chosen[rule] = Settings(
            texts("except"), text("from"), text("signers"), text("keys"), texts("allow")
        )
    return chosen
