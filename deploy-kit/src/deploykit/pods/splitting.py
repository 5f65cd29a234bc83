"""Copies of a pod side by side, each running a part of the suites; gone when they ended."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from deploykit.base.errors import InputError
from deploykit.base.parallel import in_parallel
from deploykit.pods import Pod, pod_instance
from deploykit.pods.creation import Order, create_pods
from deploykit.pods.dealing import deal, record_seconds, recorded_seconds
from deploykit.pods.lease import lease_end, leased
from deploykit.pods.prepared import copying_provider, prepare
from deploykit.pods.suites import SuiteRun, Suites, run_suites
from deploykit.providers import Provider
from deploykit.rollout.work import Work
from deploykit.site.instance import Instance

SECONDS = "suite-seconds.json"  # in the site's state


def run_split(work: Work, order: Order, asked: Suites) -> list[SuiteRun]:
    """Make the pods of `order`, run the suites of `asked` dealt over them, and take them down.

    Raises what `create_pods` raises; InputError for a suite that is named twice.
    """
    if len(set(asked.suites)) < len(asked.suites):
        raise InputError("a suite is named twice", "name each one once")
    provider = copying_provider(work, order.environment)
    instances = [pod_instance(order.environment.name, name) for name in order.names]
    # First, as it may take longer than a new pod is wanted.
    prepare(work, order.environment, order.base, order.signers)
    order = replace(order, wanted=replace(order.wanted, until=lease_end()))
    file = work.site.state / SECONDS
    words = " ".join(asked.command)
    known = {
        name.removeprefix(f"{words} "): seconds
        for name, seconds in recorded_seconds(file).items()
        if name.startswith(f"{words} ")
    }
    with leased(provider, instances), _dropping_afterwards(work, provider, instances):
        pods = create_pods(work, order)
        hands = list(zip(pods, deal(asked.suites, known, len(pods)), strict=True))
        with work.progress.step(f"{len(asked.suites)} suites on {len(pods)} pods"):
            runs = run_suites(work.site, asked, hands)
    record_seconds(file, {f"{words} {run.suite}": run.seconds for run in runs if run.passed})
    return runs


def split_names(copies: int) -> tuple[str, ...]:
    """Names for `copies` pods that nobody else has."""
    token = secrets.token_hex(3)
    return tuple(f"split-{token}-{n}" for n in range(1, copies + 1))


def split_purpose(pod: Pod) -> str:
    return f"suites of {pod.instance}"


@contextmanager
def _dropping_afterwards(
    work: Work, provider: Provider, instances: list[Instance]
) -> Iterator[None]:
    try:
        yield
    finally:
        there = set(provider.instances())

        def drop(instance: Instance) -> None:
            work.masters.close(instance)
            provider.down(instance, work.progress)

        in_parallel([instance for instance in instances if instance in there], drop)
