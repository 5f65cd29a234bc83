"""What the content declares about itself: which component stands on which, what a role brings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped,unused-ignore]

SHARED = frozenset({"lib", "stage"})
READ = frozenset({".sls", ".jinja"})
# `from 'a/b.jinja' import`, `salt://a/b`, an SLS of an include, the state of a requisite, pillar.a
REFERENCES = (
    re.compile(r"(?:from|import|include)\s+['\"](\w+)/"),
    re.compile(r"salt://(\w+)/"),
    re.compile(r"^\s*-\s+(\w+)(?:\.\w+)?\s*$", re.MULTILINE),
    re.compile(r"\b(?:pkg|file|cmd|service|sls|user)['\"]?: ['\"]?(\w+)"),
    re.compile(r"\bpillar\.(\w+)"),
)


@dataclass(frozen=True, slots=True)
class Content:
    """What `salt/` and `ansible/` declare.

    `uses`: the components that a component refers to (includes, requisites, files, pillar);
    `roles`: the components of a role of an environment, `common` those of every node;
    `ansible_roles` are day 0's, `modules` the words that each of them is written with.
    """

    components: frozenset[str]
    uses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    common: frozenset[str] = frozenset()
    ansible_roles: frozenset[str] = frozenset()
    modules: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def components_of(self, roles: Iterable[str]) -> frozenset[str]:
        """The components of nodes with these `roles`; none for no role at all."""
        wanted = list(roles)
        components = frozenset().union(*(self.roles.get(role, frozenset()) for role in wanted))
        return components | self.common if wanted else components

    def closure(self, components: Iterable[str]) -> frozenset[str]:
        """`components` and all that they refer to, directly or not."""
        reached: set[str] = set()
        waiting = list(components)
        while waiting:
            component = waiting.pop()
            if component not in reached:
                reached.add(component)
                waiting += self.uses.get(component, ())
        return frozenset(reached)

    def users_of_module(self, module: str) -> frozenset[str]:
        """The roles of Ansible with a task that calls the project's own `module`."""
        return frozenset(role for role, words in self.modules.items() if module in words)


def read_declared(checkout: Path) -> Content:
    """What the content of `checkout` declares. A folder that is not there declares nothing."""
    folders = {
        path.name: path
        for path in sorted((checkout / "salt/states").glob("[!_.]*"))
        if path.is_dir() and path.name not in SHARED
    }
    file = checkout / "salt/roles.yml"
    role_map: Any = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    roles = {
        path.name: path for path in (checkout / "ansible/roles").glob("[!.]*") if path.is_dir()
    }
    return Content(
        components=frozenset(folders),
        uses={name: references(name, texts(path), folders) for name, path in folders.items()},
        roles={
            role: frozenset(entry.get("components", ()))
            for role, entry in role_map.get("roles", {}).items()
        },
        common=frozenset(role_map.get("common", ())),
        ansible_roles=frozenset(roles),
        modules={name: tasks(path) for name, path in roles.items()},
    )


def texts(folder: Path) -> str:
    """What the states and templates below `folder` say, one after the other."""
    files = (file for file in sorted(folder.rglob("*")) if file.suffix in READ)
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def references(own: str, text: str, components: Iterable[str]) -> frozenset[str]:
    """Those of `components` that the text of the states of `own` refers to.

    A word that begins with a component's name and '_' is the id of one of its states.
    """
    known = sorted(components, key=len, reverse=True)
    words = {word for pattern in REFERENCES for word in pattern.findall(text)}
    owners = (
        next((name for name in known if word == name or word.startswith(f"{name}_")), None)
        for word in words
    )
    return frozenset(owner for owner in owners if owner and owner != own)


def tasks(role: Path) -> frozenset[str]:
    """The keys and names that the tasks and handlers of a role are written with."""
    files = [*role.glob("tasks/*.yml"), *role.glob("handlers/*.yml")]
    words_of_files = (re.findall(r"\w+", file.read_text(encoding="utf-8")) for file in files)
    return frozenset(word for words in words_of_files for word in words)
