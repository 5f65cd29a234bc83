"""What a name in an environment file looks like: of environments, networks, nodes and roles."""

from __future__ import annotations

import re

from deploykit.base.yamlfile import Value

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


def parse_name(value: Value) -> str:
    """The name at `value`. Raises InputError if it is none."""
    text = value.text()
    if not NAME.fullmatch(text):
        raise value.error(
            f"'{text}' is not a name", "use a-z, 0-9 and '-', a letter first, at most 31 long"
        )
    return text


def check_key(value: Value, name: str) -> None:
    """Raise InputError at `value` if `name`, its key, is not a name."""
    if not NAME.fullmatch(name):
        raise value.error(f"'{name}' is not a name", "use a-z, 0-9 and '-', a letter first")
