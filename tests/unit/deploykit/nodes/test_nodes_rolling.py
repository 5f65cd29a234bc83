"""In which order nodes boot again, for a kernel."""

from __future__ import annotations

import pytest
from deploykit.nodes.inventory import Host
from deploykit.nodes.rolling import steps
from deploykit.site.deploying import Batch


def nodes(*roles: tuple[str, ...]) -> list[Host]:
    """A node of each of `roles`, called n0, n1 …"""
    return [Host(f"n{at}", each, "192.0.2.1", "root", {}, ()) for at, each in enumerate(roles)]


def names(found: list[tuple[Host, ...]]) -> list[str]:
    return [" ".join(host.name for host in step) for step in found]


def test_all_but_hypervisors_boot_one_after_the_other_and_before_them() -> None:
    hosts = nodes(("hypervisor",), ("master",), ("database", "hypervisor"), ("network",))
    assert names(steps(hosts, Batch())) == ["n1", "n2", "n3", "n0"]


@pytest.mark.parametrize(
    ("batch", "found"),
    [
        (Batch(), ["n0", "n1 n2 n3", "n4 n5 n6"]),
        (Batch(count=2), ["n0", "n1 n2", "n3 n4", "n5 n6"]),
        (Batch(percent=100), ["n0", "n1 n2 n3 n4 n5 n6"]),
        (Batch(percent=1), ["n0", "n1", "n2", "n3", "n4", "n5", "n6"]),
    ],
)
def test_one_hypervisor_is_first_and_then_as_many_as_a_release_changes(
    batch: Batch, found: list[str]
) -> None:
    assert names(steps(nodes(*[("hypervisor",)] * 7), batch)) == found


def test_of_two_hundred_hypervisors_ten_at_most_are_away() -> None:
    sizes = [len(step) for step in steps(nodes(*[("hypervisor",)] * 200), Batch())]
    assert (sizes[0], max(sizes), sum(sizes)) == (1, 10, 200)


def test_no_node_is_no_step() -> None:
    assert steps([], Batch()) == []
