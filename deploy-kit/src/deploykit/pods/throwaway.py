"""A throwaway copy of an environment: made from the same file, gone whatever happens."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from deploykit.base.processes import is_gone, this_process
from deploykit.nodes.inventory import Inventory
from deploykit.providers import provider_for
from deploykit.rollout.work import Work
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance

STARTED = "started"  # tag: when the process that made the copy was started


@contextlib.contextmanager
def throwaway(work: Work, environment: Environment, purpose: str) -> Iterator[Inventory]:
    """The nodes of a fresh copy of `environment`, by the provider that makes its copies; taken down
    when the block ends.

    A copy that a killed process left is known by that process's number and start, and taken down
    first.
    """
    environment = environment.for_copies()
    provider = provider_for(work.site, environment)
    for instance in provider.instances():
        copy = instance.copy or ""
        ours = instance.environment == environment.name and copy.startswith(f"{purpose}-")
        if ours and _abandoned(copy, provider.tags(instance).get(STARTED, "")):
            provider.down(instance, work.progress)
    instance = Instance(environment.name, copy=f"{purpose}-{os.getpid()}")
    try:
        tags = {"purpose": purpose, STARTED: this_process().started}
        yield provider.up(environment, instance, tags, work.progress)
    finally:
        work.masters.close(instance)
        provider.down(instance, work.progress)


def _abandoned(copy: str, started: str) -> bool:
    pid = copy.rpartition("-")[2]
    return pid.isdigit() and is_gone(int(pid), started)
