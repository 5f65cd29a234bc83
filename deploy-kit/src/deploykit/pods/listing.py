"""Finding pods: asked of their providers, as nothing else knows them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from deploykit.base import times
from deploykit.base.errors import InputError
from deploykit.base.yamlfile import nearest
from deploykit.pods import POD, Pod, read_pod
from deploykit.providers import Provider, instances_up
from deploykit.site import Site

Pods = dict[Pod, Provider]


def pods_up(site: Site) -> Pods:
    """Every pod of the site with its provider, in the order of their names."""
    pods = {
        pod: provider
        for instance, provider in instances_up(site).items()
        if (pod := read_pod(instance, provider.tags(instance))) is not None
    }
    return dict(sorted(pods.items(), key=lambda item: str(item[0].instance)))


def find_pod(pods: Iterable[Pod], text: str) -> Pod:
    """The pod that `text` names: its instance, or the name that it was created by.

    Raises InputError, naming the nearest, if there is none or more than one.
    """
    known = list(pods)
    fits = [pod for pod in known if text in (str(pod.instance), short_name(pod))]
    if len(fits) == 1:
        return fits[0]
    if fits:
        several = ", ".join(str(pod.instance) for pod in fits)
        raise InputError(f"'{text}' may be {several}", "write one of these")
    names = frozenset(str(pod.instance) for pod in known)
    raise InputError(f"there is no pod '{text}'", nearest(text, names) or "deploy-kit pod list")


def short_name(pod: Pod) -> str:
    """The name that a pod was created by."""
    return (pod.instance.copy or "").removeprefix(f"{POD}-")


def keep(provider: Provider, pod: Pod, until: datetime) -> None:
    """Say that a pod is wanted until the aware time `until`. Raises what its provider raises."""
    provider.tag(pod.instance, {"until": times.iso(until)})


def until_after(duration: str, now: datetime) -> datetime:
    """The time that `duration` (30m, 4h, 2d) after `now` is. Raises InputError for no duration."""
    try:
        return now + timedelta(seconds=times.seconds_of(duration))
    except (ValueError, OverflowError):
        raise InputError(f"not a duration: '{duration}'", "write 90s, 15m, 2h or 1d") from None
