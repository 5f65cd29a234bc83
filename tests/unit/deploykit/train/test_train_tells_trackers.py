"""A train, as people call it, tells bug trackers what its release mends and where that runs."""

from __future__ import annotations

import json

import pytest
import receiver
from deploykit.base import webcall
from deploykit.base.errors import Refused
from deploykit.cli import cli
from deploykit.release import Release
from trainworld import Build, World, git

LINE = {"alpha": None, "omega": "smoke: {}"}


def call(world: World, *words: str) -> None:
    """Call deploy-kit in this process. Raises what it ends with."""
    argv = ["--site", str(world.site.folder), *words]
    cli.main(argv, standalone_mode=False, prog_name="deploy-kit")


def mend(world: World) -> None:
    """Commit what mends a bug into the content."""
    checkout = world.folder / "checkout"
    (checkout / "salt/states/mended.sls").write_text("{}\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "Mend it\n\nCloses-Bug: #7")


def told(server: receiver.Receiver) -> list[tuple[str, str | None]]:
    bodies = [json.loads(body) for _, _, body in server.posts]
    assert {one["bug"] for one in bodies} <= {"7"}
    return [(one["release"], one["environment"]) for one in bodies]


def release_that_mends(world: World, server: receiver.Receiver) -> Release:
    """A second release, which mends a bug of which the site tells `server`."""
    keys = json.dumps({"kind": "webhook", "url": server.url})
    with (world.site.folder / "site.yml").open("a") as file:
        file.write(f"trackers: {{ours: {keys}}}\n")
    world.release()
    mend(world)
    return world.release()


def test_tracker_hears_of_the_release_and_of_each_environment_that_it_enters(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webcall, "PAUSE", 0.01)
    world = build(LINE)
    with receiver.serving() as server:
        second = release_that_mends(world, server)
        call(world, "train", second.version, "--to", "alpha")
        assert told(server) == [(second.version, None), (second.version, "alpha")]
        server.failing = [500] * 100
        call(world, "promote", second.version, "omega")
        assert world.runs("omega") == second.version, "a tracker that is away is no reason"
        server.failing = []
        call(world, "train", second.version)
        assert told(server)[2:] == [(second.version, "omega")]


def test_train_that_stops_on_its_way_tells_what_it_reached(build: Build) -> None:
    world = build(LINE)
    with receiver.serving() as server:
        second = release_that_mends(world, server)
        call(world, "hold", "omega", "--reason", "night")
        with pytest.raises(Refused):
            call(world, "train", second.version)
        assert told(server) == [(second.version, None), (second.version, "alpha")]
