"""Pods that killed jobs of the gate left: taken down beside its rounds, whether jobs run or not.

A pod is over when nobody said for ten minutes that it is wanted (pods.lease). It goes when two
looks see it so, wanted until the same time: a holder who is only slow keeps it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from deploykit.base import times
from deploykit.base.beside import Beside
from deploykit.base.errors import DeployKitError
from deploykit.base.progress import Silent
from deploykit.pods import Pod
from deploykit.pods.listing import pods_up
from deploykit.pods.pruning import drop_over
from deploykit.site import Site
from deploykit.site.instance import Instance

PURPOSE = "gate job"  # begins what the tags of its pods say that they are for
PAUSE = 300.0  # seconds between two looks

Over = frozenset[tuple[Instance, datetime]]  # pods, and until when they were wanted


def is_of_gate(pod: Pod) -> bool:
    """Whether a job of the gate made it."""
    return pod.wanted.purpose.startswith(f"{PURPOSE} ")


@dataclass
class LeftPods:
    """The pods of the gate's jobs on the nodes of `site`; `say` tells what goes."""

    site: Site
    say: Callable[[str], None]
    _over: Over = field(default=frozenset(), init=False)
    _beside: Beside = field(default_factory=Beside, init=False)

    def note(self) -> None:
        """Look for them if it is time to; returns at once."""
        self._beside.start(self._look)

    def wait(self, seconds: float) -> None:
        """Return when nothing is looked for any more, or after `seconds`."""
        self._beside.wait(seconds)

    def _look(self) -> None:
        self._beside.rest(PAUSE)
        try:
            self._over = self._drop(self._over)
        except (DeployKitError, OSError) as error:
            self.say(f"pods that killed jobs left are not taken down: {error}")

    def _drop(self, before: Over) -> Over:
        """Take down those that were over `before` already; returns the others that are."""
        now = times.utc_now()
        over = {
            pod: provider
            for pod, provider in pods_up(self.site).items()
            if is_of_gate(pod) and pod.is_over(now)
        }
        left = {pod: provider for pod, provider in over.items() if _key(pod) in before}
        for pod in left:
            self.say(f"taken down: the pod {pod.instance} ({pod.wanted.purpose}): nobody wants it")
        drop_over(left, Silent())
        return frozenset(_key(pod) for pod in over if pod not in left)


def _key(pod: Pod) -> tuple[Instance, datetime]:
    return pod.instance, pod.wanted.until
