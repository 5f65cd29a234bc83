"""Instances: the nodes of an environment, those of another provider, or those of a copy."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass

from deploykit.base.errors import InputError
from deploykit.base.naming import NAME

MARK = "~"
SUFFIX = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


@dataclass(frozen=True, slots=True)
class Instance:
    """Which nodes of an environment: its own, those that another `provider` makes, or a `copy`.

    As text, on disk and on the command line: NAME, NAME~PROVIDER, NAME~COPY. `provider` is None
    for the one that the environment's file names. Raises InputError for names that cannot be.
    """

    environment: str
    provider: str | None = None
    copy: str | None = None

    def __post_init__(self) -> None:
        suffixes = [part for part in (self.provider, self.copy) if part is not None]
        fits = NAME.fullmatch(self.environment) and all(SUFFIX.fullmatch(part) for part in suffixes)
        if not fits or len(suffixes) > 1:
            raise InputError(
                f"'{MARK.join((self.environment, *suffixes))}' is not the name of an environment "
                "or a copy of one",
                "write NAME, or NAME~COPY for a copy; a-z, 0-9 and '-'",
            )

    @classmethod
    def parse(cls, text: str, providers: Container[str]) -> Instance:
        """The instance that `text` names; what follows the `~` is one of `providers`, or a copy.

        Raises InputError for what cannot be a name.
        """
        environment, mark, suffix = text.partition(MARK)
        if not mark:
            return cls(environment)
        return cls(environment, suffix) if suffix in providers else cls(environment, copy=suffix)

    @property
    def suffix(self) -> str | None:
        """What stands behind the `~`, None for the environment's own nodes."""
        return self.provider or self.copy

    def __str__(self) -> str:
        return MARK.join((self.environment, self.suffix)) if self.suffix else self.environment
