"""Taking down pods that nobody wants any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from deploykit.base import times
from deploykit.base.parallel import in_parallel
from deploykit.base.progress import Progress
from deploykit.pods import Pod, read_pod
from deploykit.pods.listing import pods_up
from deploykit.providers import DONT_DELETE, Provider
from deploykit.site import Site
from deploykit.site.instance import Instance


def is_still_over(provider: Provider, instance: Instance) -> bool:
    """Whether a pod is over by its tags as they are now: somebody may just have kept it, or
    protected it."""
    tags = provider.tags(instance)
    pod = read_pod(instance, tags)
    return pod is not None and pod.is_over(times.utc_now()) and not tags.get(DONT_DELETE)


def drop_over(pods: Mapping[Pod, Provider], progress: Progress) -> None:
    """Take down those of `pods` that are over, side by side. Every failure is told."""

    def drop(pod: Pod) -> None:
        if is_still_over(pods[pod], pod.instance):
            pods[pod].down(pod.instance, progress)

    now = times.utc_now()
    in_parallel([pod for pod in pods if pod.is_over(now)], drop)


def drop_left(site: Site, ours: Callable[[Pod], bool], progress: Progress) -> None:
    """Take down the pods of the site that are over and `ours`: their processes were killed."""
    drop_over({pod: provider for pod, provider in pods_up(site).items() if ours(pod)}, progress)
