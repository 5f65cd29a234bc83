"""What is built where LXD lacks an image or a base: somebody may have deleted either by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deploykit.base.progress import Silent
from deploykit.image.inputs import inputs_of
from deploykit.image.layer import layer_of
from deploykit.providers.lxd import bases
from deploykit.site import Site, open_site


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The keys of what is built; nothing is, and LXD's store has what is in the list."""
    keys: list[str] = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(bases, "has_image", lambda lxd, key: key in keys)
    monkeypatch.setattr(bases, "_add_image", lambda inputs, *rest: keys.append(inputs.key))
    monkeypatch.setattr(bases, "_add_layer", lambda layer, *rest: keys.append(layer.key))
    return keys


@pytest.fixture
def site(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return open_site(checkout / "deploy-kit")


def test_deleted_node_image_is_built_again_for_the_layer_although_its_base_is_there(
    built: list[str], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, layer = inputs_of(site).key, layer_of(site).key

    def find_base(lxd: Any, key: str, privileged: bool) -> str | None:
        return "dkbase" if key == plain else None

    monkeypatch.setattr(bases, "find_base", find_base)
    monkeypatch.setattr(bases, "make_base", lambda lxd, key, privileged: f"dkbase-{key}")
    lxd: Any = None
    assert bases.ensure_base(lxd, site, Silent(), installed=True) == f"dkbase-{layer}"
    assert built == [plain, layer]


def test_stored_image_is_not_built_again(built: list[str], site: Site) -> None:
    layer = layer_of(site).key
    built.append(layer)
    lxd: Any = None
    bases.store_image(lxd, site, Silent(), installed=True)
    assert built == [layer]


def test_base_that_is_there_needs_no_image(
    built: list[str], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bases, "find_base", lambda lxd, key, privileged: f"dkbase-{key}")
    lxd: Any = None
    key = inputs_of(site).key
    assert bases.ensure_base(lxd, site, Silent(), installed=False) == f"dkbase-{key}"
    assert built == []
