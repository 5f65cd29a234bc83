"""The same work on many things side by side, with every failure told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from deploykit.base.errors import DeployKitError

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(things: Iterable[T], work: Callable[[T], R], at_once: int | None = None) -> list[R]:
    """Do `work` on all `things`, `at_once` of them (None: all) at a time; results in their order.

    All are worked on to the end, whatever happens to others. Raises what `work` raised; after
    several failures one DeployKitError with all messages and remedies, of the narrowest class
    that all of them have. An error that is none of these and no OSError is a bug: it is raised
    itself, with the others as notes.
    """
    wanted = list(things)
    if not wanted:
        return []
    with ThreadPoolExecutor(min(at_once or len(wanted), len(wanted))) as pool:
        futures = [pool.submit(work, thing) for thing in wanted]
    errors = [error for future in futures if (error := future.exception()) is not None]
    if errors:
        raise _join(errors)
    return [future.result() for future in futures]


def answers_of(
    things: Iterable[T], ask: Callable[[T], R], at_once: int | None = None
) -> dict[T, R]:
    """The same, with what `ask` returned by the thing it was asked of."""
    asked = list(things)
    return dict(zip(asked, in_parallel(asked, ask, at_once), strict=True))


def _join(errors: Sequence[BaseException]) -> BaseException:
    """The one error that tells all of `errors`."""
    if len(errors) == 1:
        return errors[0]
    known = [error if isinstance(error, DeployKitError) else _as_known(error) for error in errors]
    deploy_kit_errors = [error for error in known if error is not None]
    if len(deploy_kit_errors) < len(errors):
        bug = next(
            error for error, known_error in zip(errors, known, strict=True) if known_error is None
        )
        for error in errors:
            if error is not bug:
                bug.add_note(f"also failed: {error}")
        return bug
    remedies = dict.fromkeys(
        line for error in deploy_kit_errors for line in error.remedy.splitlines()
    )
    messages = dict.fromkeys(error.message for error in deploy_kit_errors)
    return _common_class(deploy_kit_errors)("\n".join(messages), "\n".join(remedies))


def _as_known(error: BaseException) -> DeployKitError | None:
    if not isinstance(error, OSError):
        return None
    return DeployKitError(f"{error.filename or 'this machine'}: {error.strerror or error}")


def _common_class(errors: Sequence[DeployKitError]) -> type[DeployKitError]:
    """The narrowest class of all `errors` that takes a message and a remedy and no more."""
    for kind in type(errors[0]).__mro__:
        plain = issubclass(kind, DeployKitError) and kind.__init__ is DeployKitError.__init__
        if plain and all(isinstance(error, kind) for error in errors):
            return kind
    return DeployKitError
