"""In which order nodes boot again: one by one; of hypervisors a canary, then batches."""

from __future__ import annotations

from collections.abc import Sequence

from deploykit.nodes.inventory import Host
from deploykit.site.deploying import Batch

HYPERVISOR = "hypervisor"
MOST = 10  # in a batch, unless the environment says how many


def steps(hosts: Sequence[Host], batch: Batch) -> list[tuple[Host, ...]]:
    """What boots side by side, step by step.

    Of what is a hypervisor and nothing else one goes first, then as many at a time as a release
    changes (steps.jinja says the same): `batch`, else half of them, at most MOST. Everything else,
    before them, each alone: of a cluster only one node may be away.
    """
    many = [host for host in hosts if host.roles == (HYPERVISOR,)]
    alone = [host for host in hosts if host not in many]
    rest = many[1:]
    size = max(1, _size(len(rest), batch))
    batches = [tuple(rest[at : at + size]) for at in range(0, len(rest), size)]
    return [(host,) for host in (*alone, *many[:1])] + batches


def _size(nodes: int, batch: Batch) -> int:
    if batch.percent is not None:
        return nodes * batch.percent // 100
    return batch.count or min((nodes + 1) // 2, MOST)
