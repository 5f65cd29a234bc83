"""An error told where work goes on: on a page, on a screen that is drawn again and again."""

from __future__ import annotations

from dataclasses import dataclass

from deploykit.base.errors import DeployKitError


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why what is shown may be old, in a sentence, and what to do about it."""

    text: str
    remedy: str

    @classmethod
    def of(cls, error: DeployKitError | OSError) -> Trouble:
        """The trouble that an error is to who looks on."""
        if isinstance(error, DeployKitError):
            return cls(error.message, error.remedy)
        where = error.filename or "this machine"
        return cls(f"{where}: {error.strerror}", "check its disk and its rights")
