"""Sinks: who is told of what. Plugins: entry point group `deploykit.notifiers`.

A plugin is a function that reads its entry of site.yml and gives a `Notifier`:

    notify:
      duty:
        kind: mail
        …                                    what that kind asks for
        about: [failed, waiting]             of every environment; without `about` everything
      room:
        kind: matrix
        …
        about: {production: [refused, failed], test: [failed]}

Passwords and tokens are never in site.yml: `credentials` names a file, which is read when needed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.naming import check_key
from deploykit.base.yamlfile import Value, nearest
from deploykit.notify import Event, Topic
from deploykit.notify.messages import Message
from deploykit.site import Site

GROUP = "deploykit.notifiers"
SECTION = "notify"  # of site.yml
COMMON = frozenset({"kind", "about", "credentials"})
EVERYTHING = frozenset(Topic)


class MessageRefused(DeployKitError):
    """The sink said no to this very message; another one may get through."""


class Notifier(Protocol):
    """The contract of a plugin's sink. `address` says for people where it sends to, and holds no
    secret."""

    @property
    def address(self) -> str: ...

    def send(self, message: Message) -> str:
        """Send it, within a time; returns what a person should know although it was sent, or ''.

        Raises MessageRefused, or another DeployKitError where nothing gets through.
        """
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A sink's entry in site.yml, as its plugin reads it; files are taken from `folder`."""

    name: str
    value: Value
    folder: Path

    def keys(self, known: frozenset[str], needed: tuple[str, ...]) -> dict[str, Value]:
        """What the entry says. Raises InputError for keys that no kind and not this one has."""
        return self.value.mapping(COMMON | known, needed=needed)

    @property
    def credentials(self) -> Path | None:
        """The file with its password or token."""
        keys = self.value.mapping()
        return self.folder / keys["credentials"].text() if "credentials" in keys else None


Plugin = Callable[[Entry], Notifier]


@dataclass(frozen=True, slots=True)
class Sink:
    """A sink of site.yml: what it wants to hear of which environments, and `everywhere` else."""

    name: str
    kind: str
    notifier: Notifier
    about: Mapping[str, frozenset[Topic]]
    everywhere: frozenset[Topic]

    def wants(self, event: Event) -> bool:
        return event.topic in self.about.get(event.environment, self.everywhere)

    def send(self, message: Message) -> str:
        """As its notifier does; raises nothing but DeployKitError, whoever wrote the plugin."""
        try:
            return self.notifier.send(message)
        except DeployKitError:
            raise
        except Exception as error:  # its words may hold a secret
            what = f"the plugin '{self.kind}' failed with {type(error).__name__}"
            raise DeployKitError(what) from None


def sinks_of(site: Site) -> list[Sink]:
    """The sinks of the site. Raises InputError where site.yml does not fit."""
    section = site.section(SECTION)
    if section is None:
        return []
    reading = site.read_environments()
    known = frozenset((*reading.environments, *reading.broken))
    return [_sink(site, name, value, known) for name, value in section.mapping().items()]


def sink_named(site: Site, name: str) -> Sink:
    """The sink `name`. Raises InputError where there is none, or site.yml does not fit."""
    sinks = {sink.name: sink for sink in sinks_of(site)}
    if name not in sinks:
        remedy = (
            nearest(name, frozenset(sinks)) if sinks else f"it has no '{SECTION}' (docs/notify.md)"
        )
        raise InputError(f"{site.folder / 'site.yml'}: there is no sink '{name}'", remedy)
    return sinks[name]


def is_this_machine(host: str) -> bool:
    """Whether `host` is a loopback address, or the name for it: what goes there can be plain."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _sink(site: Site, name: str, value: Value, environments: frozenset[str]) -> Sink:
    check_key(value, name)
    keys = value.mapping(needed=("kind",))
    kind = keys["kind"].text()
    plugins = {entry.name: entry for entry in entry_points(group=GROUP)}
    if kind not in plugins:
        raise keys["kind"].error(f"there is no sink '{kind}'", nearest(kind, frozenset(plugins)))
    plugin: Plugin = plugins[kind].load()
    notifier = plugin(Entry(name, value, site.folder))
    if "about" not in keys:
        return Sink(name, kind, notifier, {}, EVERYTHING)
    everywhere, about = _about(keys["about"], environments)
    return Sink(name, kind, notifier, about, everywhere)


def _about(
    value: Value, environments: frozenset[str]
) -> tuple[frozenset[Topic], dict[str, frozenset[Topic]]]:
    """`about: [failed]`, or `about: {production: [failed, waiting]}` and nothing elsewhere."""
    if value.is_list:
        return _topics(value), {}
    named = value.mapping()
    for name, topics in named.items():
        if name not in environments:
            raise topics.error(f"there is no environment '{name}'", nearest(name, environments))
    return frozenset(), {name: _topics(topics) for name, topics in named.items()}


def _topics(value: Value) -> frozenset[Topic]:
    topics = set()
    for item in value.items():
        text = item.text()
        if text not in EVERYTHING:
            raise item.error(f"'{text}' is nothing to hear of", nearest(text, EVERYTHING))
        topics.add(Topic(text))
    return frozenset(topics)
