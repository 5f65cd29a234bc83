"""The content as the approver's page previews it: by the nodes' Salt, in a sandbox."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from deploykit.preview import render_release
from deploykit.preview.places import place_of
from deploykit.preview.states import read_states
from deploykit.release import Release
from deploykit.site import Site
from deploykit.site.environment import Environment, parse_environment
from rendering import salt_of_the_image

# On one worker with all that renders; the first may have to build Salt.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("rendered")]
SITE = cast(Site, SimpleNamespace())
NODES = """
name: small
networks: {management: {cidr: 10.20.0.0/24}}
nodes: {salt: {roles: [master], at: 10}, one: {roles: [cache], at: 11}}
settings: {memcached: {memory: 77}}
"""


@dataclass(frozen=True)
class Unpacked:
    """A release by what rendering asks of it."""

    version: str
    folder: Path

    @property
    def hex(self) -> str:
        return f"{self.version}-{self.folder}"  # what it is kept under: of this test alone

    digest = hex

    def unpacked(self, site: Site) -> Path:
        return self.folder

    place = unpacked


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    file = tmp_path / "small.yml"
    file.write_text(NODES)
    return parse_environment(file)


@pytest.fixture(scope="module")
def shared(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the content as it is, and what was rendered of it."""
    folder = tmp_path_factory.mktemp("preview")
    shutil.copytree(checkout / "salt", folder / "before" / "salt")
    return folder


@pytest.fixture
def releases(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The content as it is, and another that a test may change."""
    salt = salt_of_the_image()
    monkeypatch.setattr("deploykit.preview.renderer.salt_packages", lambda lock: salt)
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared / "cache"))
    after = tmp_path / "after"
    shutil.copytree(shared / "before", after)
    return [cast(Release, Unpacked(folder.name, folder)) for folder in (shared / "before", after)]


def test_what_a_template_would_change_is_told_and_nothing_else(
    releases: Any, environment: Environment
) -> None:
    folder = releases[1].folder / "salt"
    template = folder / "states" / "memcached" / "files" / "memcached.conf.jinja"
    template.write_text(template.read_text() + "# mended\n")
    pillar = folder / "pillar" / "memcached.sls"
    pillar.write_text(pillar.read_text() + "  # no value\n")
    found = read_states(SITE, *releases, environment)
    assert found is not None and (found.missing, found.failed) == ("", ())
    (change,) = found.changes
    assert (change.component, change.roles, change.nodes) == ("memcached", ("cache",), ("one",))
    assert change.lines[-1] == "+# mended"


def test_template_that_does_not_render_is_said_with_its_node(
    releases: Any, environment: Environment
) -> None:
    init = releases[1].folder / "salt" / "states" / "memcached" / "init.sls"
    init.write_text(init.read_text() + "{{ no_such.thing }}\n")
    found = read_states(SITE, *releases, environment)
    assert found is not None and found.changes == ()
    (failed,) = found.failed
    assert (failed.version, failed.node) == ("after", "one")
    assert "no_such" in failed.why


def test_rendering_without_a_sandbox_is_the_same(
    releases: Any, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = place_of(environment)
    confined = render_release(SITE, releases[0], place, older=False)
    monkeypatch.setenv("DEPLOY_KIT_SANDBOX", "off")
    assert render_release(SITE, releases[1], place, older=False) == confined
    assert confined.nodes["one"]["values"]["memcached"]["memory"] == 77
