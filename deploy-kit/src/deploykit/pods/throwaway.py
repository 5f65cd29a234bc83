"""A throwaway copy of an environment: made from the same file, gone whatever happens."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from deploykit.nodes.inventory import Inventory
from deploykit.providers import provider_for
from deploykit.rollout.context import Context
from deploykit.site.environment import Environment


@contextlib.contextmanager
def throwaway(context: Context, environment: Environment, purpose: str) -> Iterator[Inventory]:
    """The nodes of a fresh copy of `environment`, taken down when the block ends.

    A copy that a killed process left is known by that process's number and taken down first.
    """
    provider = provider_for(context.site, environment)
    for instance in provider.instances():
        name, _, rest = instance.partition("~")
        if name == environment.name and rest.startswith(f"{purpose}-") and _abandoned(rest):
            provider.down(instance, context.progress)
    instance = f"{environment.name}~{purpose}-{os.getpid()}"
    try:
        yield provider.up(environment, instance, {"purpose": purpose}, context.progress)
    finally:
        context.close_session(instance)
        provider.down(instance, context.progress)


def _abandoned(rest: str) -> bool:
    pid = rest.rpartition("-")[2]
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, ValueError):
        return False
    return False
