"""The content keeps its own rules: the role map is complete, YAML and Ansible are clean."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploykit.site.content import read_content
from deploykit.site.environment import parse_environment

BIN = Path(sys.executable).parent
STATES = ("init", "package", "config", "service", "health", "clean")
SILENT = {"cloud", "trust", "vendor"}  # components in which nothing runs
KEYWORDS = (
    "any_errors_fatal block changed_when check_mode gather_facts hosts loop loop_control name"
    " notify pre_tasks register rescue roles serial strategy tasks vars when"
)
ROLES = ("base", "hardening", "hypervisor_host", "salt_keys", "salt_master", "salt_minion", "users")
KINDS = {"password", "fernet-keys", "certificate", "values"}


def components(role_map: dict[str, Any]) -> set[str]:
    of_roles = {part for entry in role_map["roles"].values() for part in entry["components"]}
    return of_roles | set(role_map["common"])


def test_every_component_has_its_states_its_undo_and_its_tunables(
    checkout: Path, role_map: dict[str, Any]
) -> None:
    for component in components(role_map):
        folder = checkout / "salt" / "states" / component
        wanted = set(STATES) - ({"service"} if component in SILENT else set())
        missing = [name for name in sorted(wanted) if not (folder / f"{name}.sls").is_file()]
        assert not missing, f"{component} has no {missing}"
        assert (checkout / "salt" / "pillar" / f"{component}.sls").is_file()


def test_every_folder_of_states_is_a_component_of_some_role(
    checkout: Path, role_map: dict[str, Any]
) -> None:
    folders = {path.name for path in (checkout / "salt" / "states").iterdir() if path.is_dir()}
    assert folders - {"_modules", "_states", "lib", "stage"} == components(role_map)


def test_every_secret_has_a_known_kind_and_roles(role_map: dict[str, Any]) -> None:
    for name, rule in role_map["secrets"].items():
        assert rule["kind"] in KINDS, name
        assert rule["roles"], name
        assert set(rule["roles"]) <= set(role_map["roles"]), name
    assert set(role_map["schemas"]) <= components(role_map)


def test_role_map_fits_its_schema(checkout: Path, role_map: dict[str, Any]) -> None:
    assert set(read_content(checkout / "salt").roles) == set(role_map["roles"])


def test_component_brings_the_schema_of_its_databases(
    checkout: Path, role_map: dict[str, Any]
) -> None:
    for role in role_map["roles"].values():
        if role.get("databases") and role["stage"] in ("identity", "control"):
            for component in role["components"][:1]:
                assert (checkout / "salt" / "states" / component / "migrate.sls").is_file()


def test_component_asks_the_kernel_for_what_its_pillar_says(
    checkout: Path, role_map: dict[str, Any]
) -> None:
    for component in components(role_map):
        pillar = yaml.safe_load((checkout / "salt" / "pillar" / f"{component}.sls").read_text())
        asks = (checkout / "salt" / "states" / component / "kernel.sls").is_file()
        assert ("kernel" in pillar[component]) == asks, component


def test_every_role_of_a_shipped_environment_is_in_the_role_map(
    checkout: Path, role_map: dict[str, Any]
) -> None:
    for file in (checkout / "deploy-kit" / "environments").glob("*.yml"):
        used = {role for node in parse_environment(file).nodes for role in node.roles}
        assert used <= set(role_map["roles"]), file.name


def test_no_link_lies_in_the_content(checkout: Path) -> None:
    for part in ("salt", "ansible"):
        assert not [path for path in (checkout / part).rglob("*") if path.is_symlink()]


def test_yaml_of_the_content_is_clean(checkout: Path) -> None:
    plain = [
        file
        for file in [
            *(checkout / "ansible").rglob("*.yml"),
            checkout / "salt" / "roles.yml",
            *(checkout / "salt" / "pillar").glob("*.sls"),
        ]
        if "{{" not in file.read_text() or file.suffix == ".yml"
    ]
    rules = (
        "{extends: default, rules: {line-length: {max: 100}, document-start: disable,"
        " braces: {max-spaces-inside: 1}, comments: {min-spaces-from-content: 2},"
        " comments-indentation: disable, octal-values: {forbid-implicit-octal: true}}}"
    )
    done = subprocess.run(
        [BIN / "yamllint", "--strict", "-d", rules, *plain],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_roles_of_ansible_pass_its_production_profile(checkout: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [BIN / "ansible-lint", "--offline", "--nocolor", "-q"],
        cwd=checkout / "ansible",
        env={"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_playbook_uses_builtin_modules_and_its_own_only(checkout: Path) -> None:
    words = set(KEYWORDS.split())
    words |= {file.stem for file in (checkout / "ansible/playbooks/library").glob("*.py")}
    for file in (checkout / "ansible").rglob("*.yml"):
        if file.parent.name not in ("tasks", "handlers", "playbooks"):
            continue
        for task in yaml.safe_load(file.read_text()):
            for entry in (task, *task.get("pre_tasks", []), *task.get("tasks", [])):
                used = set(entry) - words
                assert all(key.startswith("ansible.builtin.") for key in used), (file, used)


@pytest.mark.parametrize("role", ROLES)
def test_role_validates_its_input_and_its_main_only_includes(checkout: Path, role: str) -> None:
    folder = checkout / "ansible" / "roles" / role
    assert yaml.safe_load((folder / "meta/argument_specs.yml").read_text())["argument_specs"]
    for task in yaml.safe_load((folder / "tasks/main.yml").read_text()):
        (included,) = set(task) - {"name", "vars", "when"}
        assert included in ("ansible.builtin.include_tasks", "ansible.builtin.include_role")
