"""What a deployment comes to: bare nodes, nodes in use, a master that was lost beside them."""

from __future__ import annotations

import shutil

import pytest
from deploykit.base.errors import Refused
from deploykit.ledger.keeping import keeping
from deploykit.rollout import DAY0_MARK
from trainworld import Build, World


@pytest.fixture
def world(build: Build) -> World:
    """alpha runs a release, from bare nodes."""
    world = build({"alpha": None})
    world.deploy(world.release(), "alpha")
    return world


def lose(world: World, *names: str) -> None:
    """Make nodes anew: what was on them is gone."""
    for name in names:
        shutil.rmtree(world.node("alpha", name))
    # Real ones come with new host keys, and so to a new day 0.
    (world.up("alpha").folder / DAY0_MARK).unlink()


def store(world: World) -> str:
    return (world.node("alpha", "salt") / "srv/environment/ca/ca.key").read_text()


def bootstraps(world: World) -> set[str]:
    return {version for check, _, version, *_ in world.found() if check == "bootstrap"}


def test_master_that_lost_the_secrets_of_nodes_in_use_is_refused_with_both_ways_on(
    world: World,
) -> None:
    exports = world.site.state / "secrets"
    exports.mkdir()
    for time in ("20261101T080000Z", "20261102T080000Z"):
        (exports / f"alpha-{time}.age").write_text("")
    lose(world, "salt")
    before = world.phases("alpha")
    with pytest.raises(Refused, match=r"alpha: the master has no secrets, and region work") as said:
        world.deploy(world.release(), "alpha")
    assert "deploy-kit secrets restore alpha --from" in said.value.remedy
    assert "alpha-20261102T080000Z.age" in said.value.remedy
    assert "--new-secrets" in said.value.remedy
    assert world.phases("alpha") == before
    assert not (world.node("alpha", "salt") / "srv").exists()


def test_new_secrets_are_made_when_told_and_prove_no_bootstrap(world: World) -> None:
    first = bootstraps(world)
    lose(world, "salt")
    second = world.release()
    world.deploy(second, "alpha", new_secrets=True)
    assert world.runs("alpha") == second.version
    assert bootstraps(world) == first
    kept = keeping(world.records, "alpha")
    assert kept is not None
    assert (kept.event, kept.exported, kept.fits) == ("rotated", None, False)
    world.deploy(second, "alpha")  # the store is there again: nothing is asked


def test_master_that_got_its_secrets_back_is_deployed_to_and_proves_no_bootstrap(
    world: World,
) -> None:
    first = bootstraps(world)
    kept = world.node("alpha", "salt").with_name("kept")
    shutil.copytree(world.node("alpha", "salt") / "srv/environment", kept)
    lose(world, "salt")
    shutil.copytree(kept, world.node("alpha", "salt") / "srv/environment")
    shutil.rmtree(kept)
    second = world.release()
    world.deploy(second, "alpha")
    assert world.runs("alpha") == second.version
    assert bootstraps(world) == first
    assert keeping(world.records, "alpha") is None


def test_environment_of_which_every_node_was_made_anew_is_a_bootstrap(world: World) -> None:
    lose(world, "salt", "region")
    second = world.release()
    world.deploy(second, "alpha")
    assert second.version in bootstraps(world)


def test_node_that_an_older_deploy_kit_set_up_is_in_use(world: World) -> None:
    lose(world, "salt", "region")
    minion = world.node("alpha", "region") / "etc" / "salt" / "minion"
    minion.parent.mkdir(parents=True)
    minion.write_text("")
    with pytest.raises(Refused, match="region work"):
        world.deploy(world.release(), "alpha")


def test_first_deployment_that_failed_is_a_bootstrap_of_its_own_release_alone(build: Build) -> None:
    world = build({"alpha": None})
    broken = world.release(failed="keystone")
    for _ in range(2):
        with pytest.raises(Exception, match="keystone"):
            world.deploy(broken, "alpha")
    assert bootstraps(world) == {broken.version}
    world.deploy(world.release(), "alpha")
    assert bootstraps(world) == {broken.version}, "nodes that it left half done are not bare"
