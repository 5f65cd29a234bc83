"""Which environment and which provider the name of an instance means."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit import providers as module
from deploykit.base.errors import InputError
from deploykit.providers import resolve_instance
from deploykit.site import Site, open_site

FILE = """\
name: dev
provider: metal
networks: {management: {cidr: 10.30.0.0/24}}
nodes: {salt: {roles: [master], at: 10}}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(module, "providers", lambda: {"lxd": None, "metal": None})
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "dev.yml").write_text(FILE, encoding="utf-8")
    (tmp_path / "site.yml").write_text("name: names\n", encoding="utf-8")
    return open_site(tmp_path)


@pytest.mark.parametrize(
    ("named", "provider", "instance", "by"),
    [
        ("dev", None, "dev", "metal"),
        ("dev", "metal", "dev", "metal"),
        ("dev", "lxd", "dev~lxd", "lxd"),
        ("dev~lxd", None, "dev~lxd", "lxd"),
        ("dev~lxd", "lxd", "dev~lxd", "lxd"),
        ("dev~copy", None, "dev~copy", "metal"),
        ("dev~copy", "lxd", "dev~copy", "lxd"),
    ],
)
def test_instance_is_named_by_environment_and_provider(
    site: Site, named: str, provider: str | None, instance: str, by: str
) -> None:
    environment, found = resolve_instance(site, named, provider)
    assert (str(found), environment.provider, environment.name) == (instance, by, "dev")


def test_unknown_environment_is_told(site: Site) -> None:
    with pytest.raises(InputError, match="no environment 'nowhere'"):
        resolve_instance(site, "nowhere~lxd")
