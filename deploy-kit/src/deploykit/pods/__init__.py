"""Pods: disposable copies of environments. What is known of one stands in its provider's tags.

Nothing about a pod is kept in a file of ours alone, so whatever is lost, the tags tell what it is
for and until when it is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from deploykit.base import times
from deploykit.base.errors import InputError
from deploykit.base.printable import one_line
from deploykit.site.instance import Instance

POD = "pod"  # the tag that makes an instance a pod, and what its copy's name begins with
PREPARED = "prepared"  # the tag of nodes that pods are copied from: the digest that they carry
LONGEST_NAME = 20  # characters: the project's name in LXD has 63, node names come beside it
NAME = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{LONGEST_NAME - 1}}}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a pod is for. `user` wanted it, for `purpose`, on behalf of a `build` of a `change`
    (both may be ""), and until `until` (an aware time)."""

    user: str
    purpose: str
    until: datetime
    build: str = ""
    change: str = ""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as its tags say. `release` is the version that it carries, `base` the one that it began
    at ("" if its tags do not say), `provider` the name of what made its nodes; `created` an aware
    time."""

    instance: Instance
    provider: str
    release: str
    created: datetime
    wanted: Wanted
    base: str = ""

    def is_over(self, now: datetime) -> bool:
        """Whether nobody said that it is wanted at `now`."""
        return self.wanted.until <= now


def pod_tags(wanted: Wanted, provider: str, base: str) -> dict[str, str]:
    """The tags of a new pod: what it is for, what makes its nodes, the version it begins at."""
    texts = {
        "user": wanted.user,
        "purpose": wanted.purpose,
        "build": wanted.build,
        "change": wanted.change,
        "base": base,
        "release": base,
    }
    shown = {key: one_line(text) for key, text in texts.items()}
    return {POD: "true", "provider": provider, "until": times.iso(wanted.until), **shown}


def read_pod(instance: Instance, tags: Mapping[str, str]) -> Pod | None:
    """The pod that `tags` describe, None if they are not a pod's.

    Times that cannot be read count as just over: what nobody can date is looked at, not kept.
    """
    if tags.get(POD) != "true":
        return None
    created = _time(tags.get("created", ""))
    wanted = Wanted(
        user=tags.get("user", ""),
        purpose=tags.get("purpose", ""),
        until=_time(tags.get("until", "")) or created or times.utc_now(),
        build=tags.get("build", ""),
        change=tags.get("change", ""),
    )
    return Pod(
        instance,
        provider=tags.get("provider", ""),
        release=tags.get("release", ""),
        created=created or times.utc_now(),
        wanted=wanted,
        base=tags.get("base", ""),
    )


def pod_instance(environment: str, name: str) -> Instance:
    """The instance of the pod `name` of `environment`. Raises InputError for what is no name."""
    if not NAME.fullmatch(name):
        raise InputError(
            f"'{one_line(name)}' is not the name of a pod",
            f"a-z, 0-9 and '-', at most {LONGEST_NAME}",
        )
    return Instance(environment, copy=f"{POD}-{name}")


def _time(text: str) -> datetime | None:
    try:
        return times.parse(text)
    except ValueError:
        return None
