"""Requests that have no page for an answer: a page that says so, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from deploykit.base.errors import DeployKitError


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no page: an HTTP status, a sentence, and what to do about it."""

    status: int
    text: str
    remedy: str


def problem_of(error: Exception) -> Problem:
    """The problem that an error is to whoever asked."""
    if isinstance(error, HTTPException):
        return Problem(error.status_code, str(error.detail), "look from the first page on")
    if isinstance(error, RequestValidationError):
        where = ", ".join(str(fault["loc"][-1]) for fault in error.errors())
        return Problem(
            400,
            f"the address says something that it cannot: {where}",
            "what it may say: /openapi.json",
        )
    if isinstance(error, DeployKitError):
        return Problem(503, error.message, error.remedy)
    raise error
