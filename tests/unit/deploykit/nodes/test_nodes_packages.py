"""Which packages nodes have: asked of dpkg alone; ssh is a script here."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.packages import packages_by_role, packages_of, parse_packages
from scriptedssh import inventory_of, ssh_is

FILE = """name: test
networks: {lan: {cidr: 10.9.0.0/24}}
nodes:
  one: {roles: [master, cache], at: 10}
  two: {roles: [cache, database], at: 11}
"""
# A node is a folder: `packages` is what dpkg has, `base` what the image brought, if it says so.
SSH = r"""#!/bin/bash
while [[ $1 == -* ]]; do [[ $1 == -F ]] && shift; shift; done
cd "$NODES/$1" || exit 255
shift
printf '%s\n' "$*" >>../told
dpkg-query() { cat packages; }
line=${*//\/usr\/share\/deploy-kit\/packages/base}
eval "$line"
"""


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inventory:
    folder = ssh_is(SSH, tmp_path, monkeypatch)
    for name, memcached in (("one", "1.6"), ("two", "1.7")):
        (folder / name).mkdir()
        (folder / name / "packages").write_text(
            f"ii  base-files 12\nii  memcached {memcached}\nrc  gone 3\niF  half 2\n"
        )
    (folder / "one" / "base").write_text("base-files 12\n\nmemcached 1.5\n")
    return inventory_of(FILE, tmp_path)


def test_packages_of_a_role_are_those_that_its_first_node_has_beyond_the_image(
    inventory: Inventory,
) -> None:
    assert packages_by_role(inventory) == {
        "master": {"memcached": "1.6"},
        "cache": {"memcached": "1.6 (two: 1.7)", "base-files": "12"},
        "database": {"base-files": "12", "memcached": "1.7"},
    }


def test_look_at_packages_reads_no_other_file(inventory: Inventory, tmp_path: Path) -> None:
    looks = packages_of(inventory, ["two"])
    assert looks["two"].there == {"base-files": "12", "memcached": "1.7"}
    told = (tmp_path / "nodes" / "told").read_text()
    assert "python3" not in told and "/etc" not in told


def test_node_whose_image_says_nothing_has_all_packages_of_its_own() -> None:
    assert parse_packages("ii  a 1\n--\n").added == {"a": "1"}
