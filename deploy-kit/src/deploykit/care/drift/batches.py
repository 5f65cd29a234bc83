"""Which nodes are asked what their states would do at the same time. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from deploykit.nodes.inventory import Host

BATCH = 8  # nodes at once: rendering takes each some seconds of a processor, and it goes on serving


def batches(hosts: Sequence[Host], size: int = BATCH) -> Iterator[tuple[Host, ...]]:
    """`hosts` in their order, at most `size` at once, and of those that share a role at most half:
    what is there twice is never busy twice."""
    shared = Counter(role for host in hosts for role in host.roles)
    left = list(hosts)
    while left:
        busy: Counter[str] = Counter()
        batch: list[Host] = []
        for host in left:
            free = all(busy[role] < max(1, shared[role] // 2) for role in host.roles)
            if len(batch) < size and free:
                batch.append(host)
                busy.update(host.roles)
        yield tuple(batch)
        left = [host for host in left if host not in batch]
