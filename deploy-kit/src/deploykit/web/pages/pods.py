"""The page of pods: disposable copies of environments, as their providers tell of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from deploykit.pods import Pod
from deploykit.web.pages import Reading, reading_of
from deploykit.web.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class PodLine:
    """A pod: what it carries, whom and what it is for, until when it is wanted; `over` is that
    nobody said that it is wanted any more."""

    pod: str
    environment: str
    provider: str
    release: str
    user: str
    purpose: str
    change: str
    build: str
    created: datetime
    until: datetime
    over: bool


@dataclass(frozen=True, slots=True)
class PodsPage:
    """The pods at `as_of`, None as long as they are asked for. `trouble` says why they are not
    known, '' where they are."""

    reading: Reading
    as_of: datetime | None
    trouble: str
    pods: tuple[PodLine, ...]


def pods_page(
    snapshot: Snapshot, pods: Iterable[Pod], as_of: datetime | None, trouble: str, now: datetime
) -> PodsPage:
    """The page of `pods` as they were as_of at an aware time."""
    return PodsPage(
        reading=reading_of(snapshot),
        as_of=as_of,
        trouble=trouble,
        pods=tuple(_line(pod, now) for pod in pods),
    )


def _line(pod: Pod, now: datetime) -> PodLine:
    return PodLine(
        pod=str(pod.instance),
        environment=pod.instance.environment,
        provider=pod.provider,
        release=pod.release,
        user=pod.wanted.user,
        purpose=pod.wanted.purpose,
        change=pod.wanted.change,
        build=pod.wanted.build,
        created=pod.created,
        until=pod.wanted.until,
        over=pod.is_over(now),
    )
