"""The order in which a train passes environments."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.site.environment import Environment, chain, load_environments

FILE = """name: {name}
networks: {{lan: {{cidr: 10.0.0.0/24}}}}
nodes: {{salt: {{roles: [master], at: 10}}}}
{promotion}
"""


def site(folder: Path, **sources: str | None) -> dict[str, Environment]:
    for name, source in sources.items():
        promotion = f"promotion: {{from: {source}}}" if source else ""
        (folder / f"{name}.yml").write_text(FILE.format(name=name, promotion=promotion))
    return load_environments(folder)


def names(line: list[Environment]) -> list[str]:
    return [environment.name for environment in line]


def test_line_follows_promotion_from_not_the_alphabet(tmp_path: Path) -> None:
    found = site(tmp_path, test=None, staging="test", production="staging")
    assert names(chain(found)) == ["test", "staging", "production"]


def test_environment_outside_every_promotion_is_left_out(tmp_path: Path) -> None:
    assert names(chain(site(tmp_path, dev=None, test=None, live="test"))) == ["test", "live"]


def test_line_ends_with_the_environment_asked_for(tmp_path: Path) -> None:
    found = site(tmp_path, test=None, staging="test", production="staging")
    assert names(chain(found, "staging")) == ["test", "staging"]


@pytest.mark.parametrize("last", ["east", "west"])
def test_branch_of_the_line_does_not_pass_the_other_branch(tmp_path: Path, last: str) -> None:
    found = site(tmp_path, test=None, east="test", west="test")
    assert names(chain(found, last)) == ["test", last]
