"""Which suites a change asks for: the pure function, over this checkout's own declarations."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import yaml
from deploykit.affected import Affected, affected, needs_rendering
from deploykit.affected.declared import Content, read_declared, references
from deploykit.affected.imports import Packages, read_packages
from deploykit.affected.suites import FILE, Suite, Table, read_table, suite
from deploykit.base.errors import InputError

CHECKOUT = Path(__file__).resolve().parents[4]
OF_THE_TABLE = [
    name for name in yaml.safe_load((CHECKOUT / FILE).read_text())["suites"] if name != "kitchen"
]
# What they share, the import graph of all files, takes seconds: only one worker reads it.
pytestmark = pytest.mark.xdist_group("affected")
WHOLE = {"region", "faults", "ha", "openstack", "train-region"}


@cache
def packages() -> Packages:
    return read_packages(CHECKOUT)


@cache
def content() -> Content:
    return read_declared(CHECKOUT)


@cache
def table() -> Table:
    return read_table(CHECKOUT, packages())


def by_name() -> dict[str, Suite]:
    return {one.name: one for one in table().suites}


def of(*paths: str, rendered: frozenset[str] | None = frozenset()) -> Affected:
    return affected(paths, content(), packages(), table(), rendered)


def asked(*paths: str, rendered: frozenset[str] | None = frozenset()) -> set[str]:
    return set(of(*paths, rendered=rendered).suites)


@pytest.mark.parametrize("path", ["docs/adr/001-x.md", "CONTRIBUTING.md", "Makefile", ".ci/run",
                                  "tests/unit/policy/test_policy_rules.py", "LICENSE",
                                  "tests/content/golden/dev-network.yml"])  # fmt: skip
def test_change_that_tests_without_nodes_guard_asks_for_no_suite(path: str) -> None:
    assert asked(path) == set()


def test_nothing_changed_asks_for_nothing() -> None:
    assert asked() == set()


@pytest.mark.parametrize(
    "path", ["salt/states/memcached/config.sls", "salt/states/memcached/files/memcached.conf.jinja"]
)
def test_component_asks_for_its_suite_and_for_all_that_stand_on_it(path: str) -> None:
    found = of(path).suites
    assert found["kitchen/memcached"] is True
    assert found["kitchen/keystone"] is False, "memcached is applied before keystone"
    assert found["region"] is found["train"] is False
    assert "kitchen/libvirt" not in found and "kitchen/users" not in found


def test_component_of_hypervisors_leaves_the_train_alone() -> None:
    found = asked("salt/states/nova_compute/config.sls")
    assert {"kitchen/nova", *WHOLE} <= found
    assert not {"train", "line", "secrets", "vagrant", "kitchen/keystone"} & found


def test_component_of_every_node_reaches_all_that_deploy() -> None:
    assert {"train", "nodes", "secrets", "vagrant", *WHOLE} <= asked("salt/states/chrony/init.sls")


def test_component_that_another_includes_reaches_the_other_s_suites() -> None:
    uses = {"b": frozenset({"a"}), "c": frozenset({"b"})}
    letters = Content(frozenset("abc"), uses)
    one = Table((Suite("c", "c", 1, covers=frozenset("c")),))
    found = affected(["salt/states/a/init.sls"], letters, Packages({}), one)
    assert found.suites == {"c": False}
    assert not affected(["salt/states/d/init.sls"], letters, Packages({}), one).suites


def test_macro_asks_for_the_suites_of_components_that_render_otherwise() -> None:
    path = "salt/states/lib/service.jinja"
    assert needs_rendering([path])
    assert asked(path) == set()
    found = asked(path, rendered=frozenset({"libvirt"}))
    assert {"kitchen/libvirt", "region"} <= found and "kitchen/mariadb" not in found


def test_macro_that_could_not_be_rendered_counts_for_every_component() -> None:
    found = asked("salt/states/lib/service.jinja", rendered=None)
    covering = {one.name for one in table().suites if one.covers}
    assert covering | {"train", *WHOLE} <= found
    assert "kitchen/users" not in found


def test_orchestration_that_renders_otherwise_asks_for_all_that_deploy() -> None:
    found = asked("salt/pillar/endpoints.sls", rendered=frozenset({"deployment"}))
    assert found == {one.name for one in table().suites if one.deploys}


@pytest.mark.parametrize(
    "path",
    [
        "salt/pillar/mariadb.sls",
        "salt/pillar/endpoints.sls",
        "salt/roles.yml",
        "salt/states/top.sls",
        "salt/states/_states/restart.py",
        "ansible/roles/salt_master/templates/environment.py.j2",
    ],
)
def test_what_components_share_needs_rendering(path: str) -> None:
    assert needs_rendering([path])
    assert not needs_rendering(["salt/states/mariadb/config.sls", "docs/region.md"])


def test_role_of_ansible_asks_for_its_suites_and_for_all_that_deploy() -> None:
    found = of("ansible/roles/users/tasks/main.yml").suites
    assert found["kitchen/users"] is True
    assert found["region"] is False
    assert "kitchen/mariadb" not in found and "lxd" not in found
    below = of("ansible/roles/base/tasks/main.yml").suites
    assert below["kitchen/base"] is True and below["kitchen/mariadb"] is False


def test_module_of_day_0_asks_for_the_roles_that_call_it() -> None:
    found = of("ansible/playbooks/library/kernel_settings.py")
    assert found.touched.roles == {"hardening", "hypervisor_host"}
    assert {"kitchen/hardening", "kitchen/hypervisor_host", "region"} <= set(found.suites)
    assert "kitchen/users" not in found.suites


def test_module_that_the_playbook_calls_itself_asks_for_all_that_deploy() -> None:
    found = asked("ansible/playbooks/library/machine_facts.py")
    assert found == {one.name for one in table().suites if one.deploys}


def test_orchestration_reaches_what_deploys_and_no_kitchen() -> None:
    found = asked("salt/orchestrate/deploy.sls")
    assert {"train", "region"} <= found
    assert not {name for name in found if name.startswith("kitchen/")}


def test_suite_of_the_kitchen_asks_for_itself_only() -> None:
    assert of("kitchen/suites/memcached/suite.yml").suites == {"kitchen/memcached": True}
    assert asked("kitchen/suites/memcached2/suite.yml") == set(by_name()), "nobody knows that one"


def test_kitchen_s_own_code_asks_for_all_its_suites_and_nothing_else() -> None:
    kitchen = {one.name for one in table().suites if one.in_kitchen}
    for path in ("kitchen/base.yml", "kitchen/modules/traces.py", "kitchen/runner/nodes.py"):
        assert asked(path) == kitchen, path


def test_file_that_nobody_knows_asks_for_everything() -> None:
    for path in ("uv.lock", "deploy-kit/setup", "something/new.txt"):
        assert asked(path) == set(by_name()), path


def test_test_file_and_its_support_ask_for_those_that_import_it() -> None:
    assert of("tests/region/test_region_ha.py").suites == {"ha": True}
    assert asked("tests/support/losses.py") == {"faults", "ha"}
    assert asked("tests/support/tinyguest.py") == WHOLE
    assert {"lxd", *WHOLE} <= asked("tests/conftest.py")


def test_rooms_of_vagrant_reach_vagrant() -> None:
    assert asked("vagrant/lib/region.rb") == {"vagrant"}
    assert "vagrant" in asked(packages().plugins["vagrant"])
    assert "region" in asked(packages().plugins["lxd"])


def test_module_that_no_suite_exercises_asks_for_none() -> None:
    assert asked("deploy-kit/src/deploykit/affected/plan.py") <= {
        name for name in by_name() if name.startswith("kitchen/")
    }
    assert asked("deploy-kit/src/deploykit/cli/dev.py") == {"nodes"}


def test_files_that_lie_beside_a_module_count_as_it() -> None:
    (data,) = (CHECKOUT / "deploy-kit/src/deploykit").rglob("customize.sh")
    path = str(data.relative_to(CHECKOUT))
    found = of(path)
    assert {str(Path(path).parent)} == found.touched.packages
    assert {"lxd", "region", "train"} <= set(found.suites)


def test_what_is_sent_to_the_master_reaches_what_deploys() -> None:
    agents = list((CHECKOUT / "deploy-kit/src/deploykit").rglob("agent.py"))
    path = str(agents[0].relative_to(CHECKOUT))
    assert {"train", "region", "secrets"} <= asked(path)


# The table is held to what it speaks of.


def roles_in(text: str) -> set[str]:
    lists = re.findall(r"\broles: \[([^]]*)\]", text)
    return {word.strip() for one in lists for word in one.split(",")}


@pytest.mark.parametrize("name", OF_THE_TABLE)
def test_suite_of_the_table_says_what_its_files_say(name: str) -> None:
    one = by_name()[name]
    targets = re.findall(r"^([a-z-]+): .*##", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert one.target in targets
    texts = [(CHECKOUT / file).read_text() for file in (*one.tests, *one.paths)
             if not file.endswith(("/", ".md", "dev.yml"))]  # fmt: skip
    if one.deploys:
        found = set().union(*(roles_in(text) for text in texts))
        assert found <= one.roles
    for text in texts:
        words = re.findall(r"(?:railway|region|vault|made|own)\(\s*\"(\w+)\"", text)
        for word in set(words) & set(packages().commands):
            assert packages().commands[word] in one.entries, f"{name} starts deploy-kit {word}"


def test_every_test_on_nodes_belongs_to_a_suite() -> None:
    files = {
        str(file.relative_to(CHECKOUT))
        for folder in ("integration", "region")
        for file in (CHECKOUT / "tests" / folder).glob("test_*.py")
    }
    of_suites = {file for one in table().suites if not one.in_kitchen for file in one.tests}
    assert {file for file in of_suites if not file.startswith("tests/unit/")} == files


def test_every_command_and_every_plugin_is_found_in_the_packages() -> None:
    assert {"train", "deploy", "env"} <= set(packages().commands)
    assert {"lxd", "vagrant", "smoke", "bootstrap"} <= set(packages().plugins)
    assert all(file in packages().imports for file in packages().commands.values())


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"target": "t", "tests": [], "minutes": 1, "role": []}, "unknown key 'role'"),
        ({"target": "t", "tests": [], "minutes": 1, "commands": ["fly"]}, "'fly' is no command"),
        ({"target": "t", "tests": [], "minutes": 1, "plugins": ["fly"]}, "'fly' is no entry point"),
    ],
)
def test_wrong_entry_of_the_table_is_told(said: dict[str, object], what: str) -> None:
    with pytest.raises(InputError) as caught:
        suite("one", said, packages())
    assert what in caught.value.message


def test_references_are_read_from_includes_requisites_files_and_pillar() -> None:
    text = """
{%- from 'a/where.jinja' import where %}
include:
  - b.service
  - .config
x:
  file.managed:
    - source: salt://c/files/x
    - require:
      - pkg: d_extra_package_installed
    - name: {{ pillar.e.name }}
"""
    assert references("x", text, ["a", "b", "c", "d", "d_extra", "e", "f", "x"]) == {
        *("a", "b", "c", "d_extra", "e")
    }
