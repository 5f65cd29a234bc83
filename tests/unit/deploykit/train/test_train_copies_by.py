"""Copies of an environment by another provider than its own: named in evidence, counted if policy
says so, and not made otherwise."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from deploykit.base.errors import Refused
from deploykit.ledger.view import evidence
from deploykit.pods.throwaway import throwaway
from deploykit.providers import names_in_use, resolve_instance
from deploykit.site.instance import Instance
from fakeprovider import FakeProvider
from trainworld import Build, World

LINE = {"alpha": None, "omega": "upgrade: {}, bootstrap: {}"}


class Copier(FakeProvider):
    """The provider `copier`: makes copies of `omega`, whose own nodes are another's."""


@pytest.fixture
def world(build: Build, monkeypatch: pytest.MonkeyPatch) -> World:
    world = build(LINE)
    entries = {
        "fake": SimpleNamespace(load=lambda: Uncopied),
        "copier": SimpleNamespace(load=lambda: Copier),
    }
    monkeypatch.setattr("deploykit.providers.providers", lambda: entries)
    return world


class Uncopied(FakeProvider):
    """Nodes of which there is one each, as of machines that are there."""

    def up(self, environment, instance, tags, progress):  # type: ignore[no-untyped-def]
        if instance.copy:
            raise Refused(f"{instance} cannot be copied")
        return super().up(environment, instance, tags, progress)


def say(world: World, counts: str) -> Path:
    """Have `omega` name who makes its copies, and its policy `counts` them or not."""
    file = world.site.folder / "environments" / "omega.yml"
    text = file.read_text().replace("provider: fake", "provider: fake\ncopies: copier")
    file.write_text(text.replace("promotion: {", f"promotion: {{{counts}"))
    return file


def test_copy_is_made_by_whom_the_environment_names_and_evidence_says_so(world: World) -> None:
    say(world, "copies: [copier], ")
    world.train(world.release())
    world.train(world.release())  # bare nodes are only in a copy from now on
    by = {
        (entry.check, entry.environment, entry.copy): entry.provider
        for entry in evidence(world.records)
        if entry.environment == "omega" and entry.result == "passed"
    }
    assert by[("bootstrap", "omega", True)] == "copier"
    assert by[("smoke", "omega", False)] is None
    assert world.runs("omega") == world.runs("alpha")


def test_copy_that_policy_would_not_count_is_not_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = say(world, "")
    made: list[Instance] = []
    up = Copier.up
    monkeypatch.setattr(Copier, "up", lambda *words: (made.append(words[2]), up(*words))[1])
    world.train(world.release())
    with pytest.raises(Refused, match="omega: its copies for 'bootstrap' are made by copier") as no:
        world.train(world.release())
    assert no.value.remedy.startswith(f"{file}: promotion: {{copies: [copier]}}")
    assert made == []


def test_copy_that_a_person_names_is_looked_for_where_it_is_made(world: World) -> None:
    say(world, "copies: [copier], ")
    assert resolve_instance(world.site, "omega~pod-x")[0].provider == "copier"
    assert resolve_instance(world.site, "omega")[0].provider == "fake"
    assert resolve_instance(world.site, "omega", "fake")[0].copies == "copier"
    assert resolve_instance(world.site, "alpha", "copier")[0].copies == "copier"
    assert names_in_use(world.site) == ["fake", "copier"]


def test_environment_that_names_nobody_is_copied_by_its_own_provider(world: World) -> None:
    environment = world.site.environment("omega")
    assert environment.copies == environment.provider == "fake"
    with world.work() as work, pytest.raises(Refused, match="cannot be copied"):  # noqa: SIM117
        with throwaway(work, environment, "upgrade"):
            pass
