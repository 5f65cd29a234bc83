"""Version, digest and pins of a release are one thing, and the ledger says which."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from deploykit.base.errors import InputError
from deploykit.base.errors import Refused as Said
from deploykit.ledger import Ledger
from deploykit.ledger.kit_signers import kit_signers
from deploykit.ledger.view import releases
from deploykit.release import Release, find_release
from deploykit.release.cutting import build_release, cut
from deploykit.release.proof import prove
from trainworld import Build, World, build_world


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    return lambda line: build_world(tmp_path / "world", monkeypatch, line)


@pytest.fixture
def world(build: Build) -> World:
    return build({"alpha": None})


def proved(world: World, release: Release) -> None:
    records = world.records
    prove(release, records, kit_signers(records))


def test_release_that_was_cut_is_proved(world: World) -> None:
    release = world.release()
    proved(world, release)
    entry = releases(world.records)[release.digest]
    assert (entry.version, len(entry.pins or "")) == (release.version, 64)


def test_old_signed_kit_under_a_new_version_is_refused_everywhere(world: World) -> None:
    old, new = world.release(), world.release()
    shutil.rmtree(new.folder)
    shutil.copytree(old.folder, new.folder)
    swapped = find_release(world.site, new.version)
    assert isinstance(swapped, Release) and swapped.digest == old.digest
    said = f"is {old.hex[:12]}, and that is {old.version}"
    with pytest.raises(Said, match=said):
        proved(world, swapped)
    with pytest.raises(Said, match=said):
        world.deploy(swapped, "alpha")
    with pytest.raises(Said, match=said):
        world.train(swapped)
    assert world.runs("alpha") is None
    # Its remedy: built again from its own pins it is the new one.
    shutil.rmtree(new.folder)
    again = build_release(world.site, world.ledger, find_release(world.site, new.version))
    assert again == new
    proved(world, again)


def test_pins_that_were_changed_since_are_refused(world: World) -> None:
    release = world.release()
    release.manifest.write_text(release.manifest.read_text() + "# x\n")
    with pytest.raises(Said, match="not the pins that"):
        proved(world, release)


def test_kit_that_nobody_released_is_refused(world: World) -> None:
    release = world.release()
    records = world.records[:1]
    with pytest.raises(Said, match="nobody released"):
        prove(release, records, kit_signers(records))


def test_two_who_cut_on_one_ledger_get_two_versions(build: Build, tmp_path: Any) -> None:
    """Two laptops with different content: neither knows of the other's pins."""
    world = build({"alpha": None})
    site = world.site
    ledger = Ledger.open(site)
    first = world.release()
    # The other laptop has the same ledger and none of the pins.
    for folder in (site.pins, site.kits):
        shutil.move(folder, tmp_path / folder.name)
    second = _other(world)
    assert second.version != first.version and second.digest != first.digest
    known = releases(ledger.fetch_records())
    assert {known[r.digest].version for r in (first, second)} == {first.version, second.version}
    assert second.version.rpartition(".")[2] == "2"


def test_same_content_cut_twice_is_one_release(world: World, tmp_path: Any) -> None:
    first = world.release()
    for folder in (world.site.pins, world.site.kits):
        shutil.move(folder, tmp_path / folder.name)
    done = cut(world.site, world.ledger, commit=False)
    assert done.release.version == first.version and done.release.digest == first.digest
    assert len(releases(world.records)) == 1


def test_version_that_another_laptop_took_is_refused(world: World, tmp_path: Any) -> None:
    first = world.release()
    for folder in (world.site.pins, world.site.kits):
        shutil.move(folder, tmp_path / folder.name)
    with pytest.raises(InputError, match=f"the version {first.version} is taken: in the ledger"):
        _other(world, first.version)


def _other(world: World, version: str | None = None) -> Release:
    """Cut a release of other content, as on another laptop."""
    (world.folder / "checkout" / "salt" / "states" / "keystone" / "init.sls").write_text("x: 2\n")
    from trainworld import git

    git(world.folder / "checkout", "commit", "-qam", "other")
    return cut(world.site, world.ledger, commit=False, version=version).release


def test_kit_unpacked_here_is_what_was_proved_or_unpacked_again(world: World) -> None:
    release = world.release()
    folder = release.unpacked(world.site)
    task = folder / "ansible" / "playbooks" / "day0.yml"
    good = task.read_text()
    for spoil in (
        lambda: task.write_text("[evil]\n"),
        lambda: (folder / "ansible" / "more.yml").write_text("x"),
        lambda: task.unlink(),
        lambda: task.chmod(0o755),
    ):
        spoil()
        assert release.unpacked(world.site) == folder
        assert task.read_text() == good and not (folder / "ansible" / "more.yml").exists()
