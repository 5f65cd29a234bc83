"""Throwaway copies: what they are called, and which of them a killed process left."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest
from deploykit.pods import throwaway as module
from deploykit.pods.throwaway import throwaway
from deploykit.rollout.work import Work
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance


class Nodes:
    """A provider that only keeps the names of what is up."""

    def __init__(self, *up: Instance) -> None:
        self.there = list(up)

    def instances(self) -> list[Instance]:
        return list(self.there)

    def tags(self, instance: Instance) -> dict[str, str]:
        return {}

    def up(self, environment: Environment, instance: Instance, *_: Any) -> Instance:
        self.there.append(instance)
        return instance

    def down(self, instance: Instance, progress: object) -> None:
        self.there.remove(instance)


@pytest.fixture
def gone() -> int:
    """The number of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait(timeout=20)
    return done.pid


def test_copy_of_a_killed_process_goes_and_no_other(
    gone: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [
        Instance("dev"),
        Instance("dev", provider="lxd"),
        Instance("dev", copy=f"bootstrap-{gone}"),
        Instance("dev", copy=f"upgrade-{os.getppid()}"),
        Instance("test", copy=f"upgrade-{gone}"),
    ]
    nodes = Nodes(*others, Instance("dev", copy=f"upgrade-{gone}"))
    monkeypatch.setattr(module, "provider_for", lambda *_: nodes)
    masters = SimpleNamespace(close=lambda instance: None)
    work = SimpleNamespace(site=None, progress=None, masters=masters)
    environment = cast(Environment, SimpleNamespace(name="dev", for_copies=lambda: environment))
    with throwaway(cast(Work, work), environment, "upgrade") as copy:
        assert str(copy) == f"dev~upgrade-{os.getpid()}"
        assert nodes.there == [*others, copy]
    assert nodes.there == others
