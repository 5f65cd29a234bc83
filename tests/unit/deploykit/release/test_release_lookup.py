"""Which release a name means: version, beginning of a digest, `latest`, or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.release import Release, find_release, named_release, release_of
from ledgerbook import Call
from sitecheckout import Checkout
from trainworld import World, build_world

OTHER = "sha256:" + "7" * 64


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return build_world(tmp_path / "world", monkeypatch, {"alpha": None})


@pytest.fixture
def two(world: World) -> tuple[Release, Release]:
    return world.release(), world.release()


def test_version_names_its_release(world: World, two: tuple[Release, Release]) -> None:
    assert [find_release(world.site, one.version) for one in two] == list(two)


def test_latest_is_the_one_that_was_cut_last(world: World, two: tuple[Release, Release]) -> None:
    assert find_release(world.site, "latest") == two[1]


@pytest.mark.parametrize("length", [6, 12, 64])
@pytest.mark.parametrize("prefix", ["", "sha256:"])
def test_beginning_of_a_digest_names_its_release(
    world: World, two: tuple[Release, Release], length: int, prefix: str
) -> None:
    assert find_release(world.site, prefix + two[0].hex[:length]) == two[0]


@pytest.mark.parametrize("text", ["2020.1.1", "12345", "0" * 64, "newest"])
def test_unknown_name_is_refused_with_what_there_is(
    world: World, two: tuple[Release, Release], text: str
) -> None:
    with pytest.raises(InputError, match=f"'{text}' names no release") as refused:
        find_release(world.site, text)
    assert all(one.version in refused.value.remedy for one in two)


@pytest.mark.parametrize("text", ["latest", "2026.1.1"])
def test_first_thing_to_do_is_told_where_there_is_no_release(world: World, text: str) -> None:
    with pytest.raises(InputError, match="there is none yet") as refused:
        find_release(world.site, text)
    assert "release cut" in refused.value.remedy


def test_digest_in_the_ledger_is_found_in_the_store(
    world: World, two: tuple[Release, Release]
) -> None:
    assert release_of(world.site, world.records, two[0].digest) == two[0]


def test_digest_that_neither_store_nor_ledger_has_is_refused(
    world: World, two: tuple[Release, Release]
) -> None:
    with pytest.raises(InputError, match="names no release"):
        release_of(world.site, world.records, OTHER)


def test_release_that_only_the_ledger_knows_has_its_digest_and_version(
    world: World, two: tuple[Release, Release]
) -> None:
    world.deploy(two[0], "alpha")
    for file in two[0].folder.iterdir():
        file.unlink()
    two[0].manifest.unlink()
    named = named_release(world.site, world.records, two[0].version)
    assert named == (two[0].digest, two[0].version)


@pytest.mark.parametrize("content", [b"\xff\xfe\0", b"", b"books: [", b"books: {a: !!int x}\n"])
def test_pins_and_sums_that_cannot_be_read_are_told_by_name_and_stop_no_other_release(
    call: Call, checkout_with_site: Checkout, content: bytes
) -> None:
    site = checkout_with_site.site
    for folder in (site.folder / "releases", site.kits / "2026.1.1"):
        folder.mkdir(parents=True)
    (site.folder / "releases" / "2026.1.1.yml").write_bytes(content)
    (site.folder / "releases" / "2026.1.2.yml").write_bytes(content)
    (site.kits / "2026.1.1" / "SHA256SUMS").write_bytes(content)
    assert call("release", "cut", "--no-commit", "--version", "2026.47.1")[0] == 0
    for words in ("release list", "release show 2026.47.1", "status"):
        assert call(*words.split())[0] == 0
    code, _, err = call("release", "show", "2026.1.2")
    assert code == 2 and "2026.1.2.yml" in err
