"""Environments and their tokens: what each `{name}` of a manifest stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gitshelf.base.errors import GitshelfError
from gitshelf.manifest import document, tokens
from gitshelf.manifest.document import Location, Node

HERE = "here"
_KEYS = ("description", "tokens")


class Texts:
    """The texts of a manifest with their tokens replaced.

    `given` are the tokens of the command line; `here` finds the value of `{here}`, and is only
    asked if that is used.
    """

    def __init__(self, name: str, given: Mapping[str, str], here: Callable[[], str] | None) -> None:
        self._name = name
        self._given = {token: tokens.hide(value) for token, value in given.items()}
        self._here = here
        self._values = tokens.Values(self._given)

    def choose(
        self,
        environments: dict[str, tuple[Node, Node]],
        defaults: dict[str, tuple[Node, Node]],
        environment: str | None,
    ) -> str:
        """Gather the tokens: --token beats `environment`, which beats the default one. Returns the
        environment in force, "" for none. Raises GitshelfError for an unknown environment, and for
        a token that holds itself or an unknown one."""
        values: dict[str, str] = {}
        lines: dict[str, int] = {}
        default = ""
        if "environment" in defaults:
            node = defaults["environment"][1]
            location = Location(self._name, document.line_of(node))
            default = self.text(node, location, "environment")
            if environments:
                self._gather(environments, default, location, values, lines)
        if environment is not None:
            self._gather(environments, environment, Location(self._name, 1), values, lines)
        for token, value in self._given.items():
            values[token] = value
            lines.pop(token, None)
        self._values = tokens.Values(values)
        for token, value in values.items():
            location = Location(self._name, lines.get(token, 1))
            self._expand(value, location, token, lines)
        return environment or default

    def text(self, node: Node, location: Location, what: str) -> str:
        """The text of a scalar. Raises GitshelfError for another type and for unknown tokens."""
        return self._expand(document.scalar(node, location, what), location)

    def origin(self, node: Node) -> str:
        """The text of a scalar with `{here}` left standing, for records that leave the machine."""
        return tokens.expand(str(node.value), self._values.with_value(HERE, "{here}"))

    def _gather(
        self,
        environments: dict[str, tuple[Node, Node]],
        name: str,
        environment_location: Location,
        values: dict[str, str],
        lines: dict[str, int],
    ) -> None:
        if name not in environments:
            raise environment_location.error(
                f"there is no environment {name}", document.unknown_key(name, environments)
            )
        environment = document.section(environments, name, self._name)
        document.check_keys(environment, _KEYS, self._name, f"the environment {name}")
        for token, (_, node) in document.section(environment, "tokens", self._name).items():
            location = Location(self._name, document.line_of(node))
            values[token] = document.scalar(node, location, f"the token {token}")
            lines[token] = location.line

    def _expand(
        self,
        hidden: str,
        location: Location,
        token: str = "",
        lines: Mapping[str, int] | None = None,
    ) -> str:
        try:
            try:
                return tokens.expand(tokens.hide_name(token) if token else hidden, self._values)
            except tokens.TokenError as error:
                if error.missing != HERE or self._here is None:
                    raise
                self._values = self._values.with_value(HERE, self._here())
                return self._expand(hidden, location, token, lines)
        except tokens.TokenError as error:
            line = (lines or {}).get(error.name)
            where = Location(self._name, line) if line else location
            raise where.error(str(error), self._known()) from None
        except GitshelfError as error:
            raise location.locate(error) from None

    def _known(self) -> str:
        known = ", ".join(sorted(self._values.names)) or "none"
        return f"define it under environments or give --token NAME=VALUE (known: {known})"
