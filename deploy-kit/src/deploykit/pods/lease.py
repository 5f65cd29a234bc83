"""How long a pod is wanted by a process: a little longer each minute that the process lives.

So a pod whose process was killed, or whose machine went down, is over soon, and whoever looks for
pods that are over takes it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from deploykit.base import times
from deploykit.base.errors import DeployKitError
from deploykit.pods import read_pod
from deploykit.providers import Provider
from deploykit.site.instance import Instance

LEASE = timedelta(minutes=10)
RENEWED = 60.0  # seconds between two renewals: a busy provider may miss some


def lease_end() -> datetime:
    """Until when a pod is wanted that is made or renewed now (an aware time)."""
    return times.utc_now() + LEASE


@contextlib.contextmanager
def leased(
    provider: Provider, instances: Collection[Instance], every: float = RENEWED
) -> Iterator[None]:
    """While the block runs, the pods among `instances` are wanted LEASE longer every `every`
    seconds, from when they are there."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(every):
            for instance in instances:
                with contextlib.suppress(DeployKitError, OSError):  # the next time, then
                    _renew(provider, instance)

    renewing = threading.Thread(target=renew, name="pod lease", daemon=True)
    renewing.start()
    try:
        yield
    finally:
        over.set()
        renewing.join()


def _renew(provider: Provider, instance: Instance) -> None:
    """Have a pod wanted longer, if it is there: a tag makes none. What a person said of it stands:
    it is never wanted for less long than before."""
    if instance not in provider.instances():
        return
    pod = read_pod(instance, provider.tags(instance))
    if pod is not None and pod.wanted.until < lease_end():
        provider.tag(instance, {"until": times.iso(lease_end())})


def is_kept(provider: Provider, instance: Instance) -> bool:
    """Whether a pod is wanted for longer than its process would have it: a person keeps it."""
    pod = read_pod(instance, provider.tags(instance))
    return pod is not None and pod.wanted.until > lease_end()
