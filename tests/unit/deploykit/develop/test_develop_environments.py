"""Which environments take a working copy, and which take releases only."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import Refused
from deploykit.develop.working_copy import demand_development, development
from deploykit.site import Site, open_site

FILE = """\
name: {name}
networks: {{management: {{cidr: 10.30.0.0/24}}}}
nodes: {{salt: {{roles: [master], at: 10}}}}
{more}
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "environments").mkdir()
    (tmp_path / "site.yml").write_text("name: lab\n", encoding="utf-8")
    more = {"dev": "", "test": "", "live": "promotion: {from: test}", "kept": "protected: true"}
    for name, text in more.items():
        file = tmp_path / "environments" / f"{name}.yml"
        file.write_text(FILE.format(name=name, more=text), encoding="utf-8")
    return open_site(tmp_path)


def test_environment_that_no_train_passes_is_for_development(site: Site) -> None:
    assert development(site) == ["dev"]
    demand_development(site, site.environment("dev").with_provider("vagrant"))


@pytest.mark.parametrize(
    ("name", "why"), [("test", "takes releases"), ("live", "takes"), ("kept", "is protected")]
)
def test_others_are_refused_with_those_there_are(site: Site, name: str, why: str) -> None:
    with pytest.raises(Refused, match=f"{name} {why}") as caught:
        demand_development(site, site.environment(name))
    assert "dev" in caught.value.remedy
