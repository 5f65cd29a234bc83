"""A release that is cut from pins which somebody else keeps: the merge gate."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.gate.config import Pins
from deploykit.gate.pins import Source, pins_text
from deploykit.ledger import Ledger
from deploykit.release import cutting
from deploykit.site import open_site
from sitecheckout import make_checkout


def test_release_has_what_the_pins_name_and_nothing_newer(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    folder = checkout.site.folder
    tested = checkout.git("rev-parse", "HEAD")
    pins = Pins("tools", "deploy-kit/gitshelf.yml", "deploy-kit/pins.yml")
    manifest = (folder / "gitshelf.yml").read_text(encoding="utf-8")
    text = pins_text(pins, manifest, [Source("tools", "main", tested)])
    (folder / "pins.yml").write_text(text, encoding="utf-8")
    (folder / "site.yml").write_text("name: trial\nmanifest: pins.yml\n", encoding="utf-8")
    checkout.git("add", "--all")
    checkout.git("commit", "-q", "-m", "pins")
    newer = checkout.change("file: /srv/other\n")
    site = open_site(folder)
    found = cutting.cut(site, Ledger.open(site), commit=False).release
    cut = found.manifest.read_text(encoding="utf-8")
    assert tested in cut and newer not in cut
    assert cut == text


def test_manifest_that_is_not_beside_site_yml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text("manifest: ../pins.yml\n", encoding="utf-8")
    with pytest.raises(InputError, match="no file beside"):
        open_site(tmp_path)
