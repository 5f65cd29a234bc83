"""site.yml: what it may say, and how two checkouts are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.site import find_site, open_site


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "site.yml").write_text(text, encoding="utf-8")
    return folder


def test_two_checkouts_of_one_site_have_different_ids_and_state(tmp_path: Path) -> None:
    one, two = (open_site(write(tmp_path / name, "name: home\n")) for name in ("a", "b"))
    assert one.id != two.id
    assert one.state != two.state
    assert one.id in one.state.name


def test_packages_for_the_image_are_the_sites_to_name(tmp_path: Path) -> None:
    site = open_site(write(tmp_path, "name: x\nimage: {download: [memcached, g++]}\n"))
    assert site.downloaded == ("memcached", "g++")
    assert open_site(write(tmp_path / "b", "name: x\n")).downloaded is None


@pytest.mark.parametrize("name", ["--purge", "a;reboot", "$(x)", "A"])
def test_name_that_is_no_package_is_refused(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path, f"name: x\nimage:\n  download: ['{name}']\n")
    with pytest.raises(InputError, match=r"site\.yml:3: .* is not the name of a Debian package"):
        open_site(folder)


def test_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_site(write(tmp_path, "nam: x\n"))
    assert "site.yml:1: nam: unknown key" in caught.value.message
    assert "'name'" in caught.value.remedy


def test_folder_without_a_site_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_site(tmp_path)
    assert "deploy-kit init" in caught.value.remedy


def test_site_is_found_from_any_folder_of_a_checkout(tmp_path: Path) -> None:
    write(tmp_path / "deploy-kit", "name: x\n")
    deep = tmp_path / "salt" / "states"
    deep.mkdir(parents=True)
    assert find_site(deep) == tmp_path / "deploy-kit"


def test_content_is_beside_the_site_or_further_up_in_its_repository(tmp_path: Path) -> None:
    deep = open_site(write(tmp_path / "clone" / "deploy-kit" / "sites" / "own", "name: x\n"))
    for folder in (tmp_path, tmp_path / "clone"):
        (folder / "salt").mkdir(parents=True)
        (folder / "salt" / "roles.yml").write_text("roles: {}\n")
    assert deep.content == deep.folder.parent / "salt", "there is no repository around it"
    (tmp_path / "clone" / ".git").mkdir()
    assert deep.content == tmp_path / "clone" / "salt"
    (deep.folder.parent / "salt").mkdir()
    (deep.folder.parent / "salt" / "roles.yml").write_text("roles: {}\n")
    assert deep.content == deep.folder.parent / "salt"
    alone = open_site(write(tmp_path / "alone", "name: x\n"))
    (alone.folder / ".git").mkdir()
    assert alone.content == tmp_path / "salt", "a repository of its own"
