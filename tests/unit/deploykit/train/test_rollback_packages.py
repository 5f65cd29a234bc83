"""Going back with the vendor packages of before, where the content says that this may be done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from deploykit.base.errors import Refused
from deploykit.ledger.view import evidence
from deploykit.mirror.packageset import Package, PackageSet, Snapshot
from deploykit.mirror.store import open_store
from deploykit.release import Release
from deploykit.rollout import RolloutFailed
from trainworld import Build, World, git

pytestmark = pytest.mark.timeout(600)  # each is some deployments, on a machine that may be busy
NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
PINS = "extra:\n  packages:\n    set: {}\n    snapshots:\n      bookworm: {}\n"


def package(name: str, version: str) -> Package:
    file = f"{name}_{version}_all.deb"
    return Package(name, version, "all", "a" * 64, 7, file, name, version)


def hold(world: World, version: str) -> PackageSet:
    """Have a set whose keystone has this version; the other packages stay."""
    packages = (package("keystone", version), package("tools", "1.0"))
    roles = {"identity": ("keystone", "tools"), "hypervisor": ("tools",)}
    one = PackageSet((Snapshot("bookworm", packages),), roles)
    store = open_store()
    store.write_set(one)
    store.hold(world.site, one.digest, NOON)
    return one


@pytest.fixture
def world(build: Build, monkeypatch: pytest.MonkeyPatch) -> World:
    """One environment, on whose nodes packages never arrive."""
    monkeypatch.setattr("deploykit.rollout.send_packages", lambda *words: {})
    return build({"alpha": None})


def release(world: World, version: str, packages: str | None, **content: Any) -> Release:
    """Cut a release that pins a set, and says this of `packages` (None: nothing)."""
    one = hold(world, version)
    takes = {"packages": packages} if packages is not None else {}
    manifest = world.site.manifest
    text = manifest.read_text().split("extra:")[0]
    manifest.write_text(text + PINS.format(one.digest, one.snapshots[0].digest))
    git(world.folder / "checkout", "add", "-A")
    return world.release(takes=takes, **content)


def brought(world: World) -> list[str]:
    """Of each orchestration, whether older packages came with it."""
    return (world.node("alpha", "salt") / "older_packages").read_text().split()


def test_older_set_comes_back_where_the_newer_release_says_so(world: World) -> None:
    first = release(world, "1.0", None)
    second = release(world, "1.1", "reversible")
    world.deploy(first, "alpha")
    world.deploy(second, "alpha")
    assert world.rollback("alpha") == first
    assert brought(world) == ["False", "False", "True"]
    last = [one.body for one in world.records if one.kind == "deploy"][-1]
    assert (last["purpose"], last["phase"]) == ("rollback", "finished")
    assert last["summary"].endswith(" s, with its packages")


@pytest.mark.parametrize(("packages", "version"), [("stay", "1.1"), (None, "1.1"),
                                                   ("reversible", "1.0")])  # fmt: skip
def test_packages_stay_where_nothing_is_said_or_the_set_is_the_same(
    world: World, packages: str | None, version: str
) -> None:
    first = release(world, "1.0", "reversible")
    second = release(world, version, packages)
    world.deploy(first, "alpha")
    world.deploy(second, "alpha")
    assert world.rollback("alpha") == first
    assert brought(world) == ["False"] * 3


def test_each_release_that_is_undone_has_to_say_so(world: World) -> None:
    first = release(world, "1.0", "reversible")
    second = release(world, "1.1", "stay")
    third = release(world, "1.2", "reversible")
    for one in (first, second, third):
        world.deploy(one, "alpha")
    assert world.rollback("alpha") == second
    assert brought(world)[-1] == "True"
    assert world.rollback("alpha", first) == first
    assert brought(world)[-1] == "False"


def test_packages_of_a_deployment_that_failed_go_back_with_it(world: World) -> None:
    good = release(world, "1.0", "reversible")
    bad = release(world, "1.1", "reversible", failed="db-sync")
    world.deploy(good, "alpha")
    with pytest.raises(RolloutFailed):
        world.deploy(bad, "alpha")
    assert world.rollback("alpha") == good
    assert brought(world)[-1] == "True"


def test_set_that_changes_the_packages_of_a_forward_only_role_is_no_way_back(world: World) -> None:
    """The words of the content are the same; what it pins is not."""
    first = release(world, "1.0", "forward-only")
    second = release(world, "1.1", "forward-only")
    world.deploy(first, "alpha")
    world.deploy(second, "alpha")
    with pytest.raises(Refused, match=f"{second.version} is forward-only") as refused:
        world.rollback("alpha")
    assert "the packages of identity: " in refused.value.remedy
    assert "the packages of hypervisor" not in refused.value.remedy  # theirs did not move


def test_rehearsal_goes_back_with_the_packages_too(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploykit.rollout.send_packages", lambda *words: {})
    told: list[bool] = []
    from deploykit.checks import rollback
    from deploykit.rollout import roll_out

    def noted(*words: Any, older_packages: bool = False, **more: Any) -> None:
        told.append(older_packages)
        roll_out(*words, older_packages=older_packages, **more)

    monkeypatch.setattr(rollback, "roll_out", noted)
    world = build({"alpha": None, "omega": "rollback: {}"})
    world.train(release(world, "1.0", "reversible"))
    world.train(release(world, "1.1", "reversible"))
    assert told == [False, False, True]
    assert [one.result for one in evidence(world.records, check="rollback")] == ["passed"]
