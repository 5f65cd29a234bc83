"""Which suites a change asks for."""

from __future__ import annotations

import pytest
from runner.selection import FIXED, choose
from runner.suites import KITCHEN, load

SUITES = load(KITCHEN)
FEW = sorted(FIXED)


def asked(*paths: str) -> list[str]:
    return choose(paths, SUITES)


def test_nothing_changed_asks_for_the_fixed_few() -> None:
    assert asked() == FEW
    assert set(FIXED) <= set(SUITES)


@pytest.mark.parametrize(
    ("path", "suite"),
    [
        ("salt/states/memcached/config.sls", "memcached"),
        ("salt/states/memcached/files/memcached.conf.jinja", "memcached"),
        ("salt/pillar/memcached.sls", "memcached"),
        ("kitchen/suites/memcached/tests/test_memcached.py", "memcached"),
        ("ansible/roles/base/tasks/names.yml", "base"),
    ],
)
def test_changed_component_asks_for_its_own_suite(path: str, suite: str) -> None:
    assert suite in asked(path)
    others = set(asked(path)) - set(FIXED)
    covering = {name for name, one in SUITES.items() if one.covers & SUITES[suite].covers}
    assert others <= covering | {suite}


@pytest.mark.parametrize(
    "path",
    [
        "salt/states/lib/service.jinja",
        "salt/roles.yml",
        "salt/pillar/endpoints.sls",
        "kitchen/base.yml",
        "kitchen/runner/nodes.py",
        "deploy-kit/src/deploykit/providers/lxd/node.py",
        "README.md",
    ],
)
def test_shared_and_foreign_files_ask_for_the_fixed_few_only(path: str) -> None:
    assert asked(path) == FEW


def test_module_of_day_0_asks_for_the_suites_of_roles() -> None:
    found = asked("ansible/playbooks/library/config_files.py")
    assert set(found) > {"base", "users", "hardening", "hypervisor_host", "salt_minion"}
    assert "mariadb" not in found


def test_name_that_begins_like_another_asks_for_its_own_suite_only() -> None:
    assert asked("salt/states/memcached_extra/init.sls") == FEW
    assert asked("kitchen/suites/memcached2/suite.yml") == FEW
