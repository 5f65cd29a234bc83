"""A scratch site with real nodes, for tests: own id, own state, taken down whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from deploykit.base.progress import Silent
from deploykit.providers.lxd import LxdProvider
from deploykit.providers.lxd.api import Lxd, LxdError
from deploykit.site import Site, open_site

ENVIRONMENT = """\
name: {name}
provider: lxd
networks:
  management: {{cidr: 10.77.0.0/24}}
  tunnel: {{cidr: 10.77.1.0/24}}
nodes:
  salt: {{roles: [master], at: 10}}
  web: {{roles: [load-balancer], at: 11, memory: 512M}}
"""


def lxd_or_skip() -> Lxd:
    """LXD, or a skip (a failure in CI) where it does not answer."""
    try:
        return Lxd()
    except LxdError as error:
        pytest.skip(f"no LXD: {error.message}")


def write_site(folder: Path, environments: dict[str, str] | None = None) -> None:
    """A site in `folder` with the environment `probe`, or with those given by name."""
    (folder / "environments").mkdir(parents=True)
    (folder / "site.yml").write_text("name: scratch\n", encoding="utf-8")
    for name, text in (environments or {"probe": ENVIRONMENT.format(name="probe")}).items():
        (folder / "environments" / f"{name}.yml").write_text(text, encoding="utf-8")


@contextmanager
def scratch_site(
    folder: Path, state: Path, environments: dict[str, str] | None = None
) -> Iterator[Site]:
    """A site in `folder` whose state is in `state`; afterwards nothing of it is left in LXD."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(state))
        write_site(folder, environments)
        site = open_site(folder)
        try:
            yield site
        finally:
            provider = LxdProvider(site)
            for instance in provider.instances():
                provider.down(instance, Silent())


def traces(lxd: Lxd, site_id: str) -> list[str]:
    """Everything in LXD that carries the id of a site: projects, networks, nodes, profiles."""
    places = []
    for kind in ("projects", "networks"):
        for thing in lxd.get(kind, recursion="1"):
            if site_id in thing["name"] or site_id in str(thing["config"]):
                places.append(f"{kind}/{thing['name']}")
    for kind in ("instances", "profiles"):
        for thing in lxd.get(kind, **{"recursion": "1", "all-projects": "true"}):
            if site_id in thing.get("project", "") or site_id in str(thing["config"]):
                places.append(f"{kind}/{thing['name']}")
    return sorted(places)
