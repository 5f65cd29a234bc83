"""How packages are installed on a node: as Debian has it, but for what Salt installs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from deploykit.mirror.sources import parse_sources

ANSIBLE = Path(__file__).resolve().parents[3] / "ansible"
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
POLICY, APT, COMPILE = (
    "/usr/sbin/policy-rc.d",
    "/etc/apt/apt.conf.d/90deploy-kit",
    "/usr/local/bin/py3compile",
)
SOURCES, ONLY = "/etc/apt/packages.d/release.sources", "/etc/apt/apt.conf.d/91packages"
MIRROR = {
    "url": "http://10.0.0.10:8065/" + "a" * 64,
    "address": "10.0.0.10",
    "suites": ["bookworm", "bookworm-security"],
    "key": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDM=\n=x\n-----END PGP PUBLIC KEY BLOCK-----\n",
}
Files = dict[str, str]
pytestmark = pytest.mark.timeout(600)  # the first test runs Ansible


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    """What role base would put on each of three nodes: by path, '' for a file that is not to be."""
    folder = tmp_path_factory.mktemp("base")
    play = {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {"set_fact": {"machine": {"container": "{{ kind }}"}, "cacheable": True}},
            {"include_role": {"name": "base", "tasks_from": "files.yml"}},
            {
                "copy": {
                    "dest": f"{folder}/{{{{ inventory_hostname }}}}.json",
                    "content": "{{ base_placed.diff | to_json }}",
                },
                "check_mode": False,
            },
        ],
    }
    common = {"addresses": {"management": "10.0.0.1"}, "node_roles": ["cache"]}
    hosts = {
        "container": {**common, "kind": "lxc"},
        "machine": {**common, "kind": ""},
        "mirrored": {**common, "kind": "lxc", "packages_mirror": MIRROR},
    }
    (folder / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    done = subprocess.run(
        [PLAYBOOK, "-i", "inventory.yml", "-c", "local", "--check", "--diff", "play.yml"],
        cwd=folder,
        env={
            **os.environ,
            "ANSIBLE_LIBRARY": str(ANSIBLE / "playbooks/library"),
            "ANSIBLE_ROLES_PATH": str(ANSIBLE / "roles"),
            "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "LC_ALL": "C.UTF-8",
        },
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        name: {
            one["after_header"]: one["after"]
            for one in json.loads((folder / f"{name}.json").read_text())
        }
        for name in hosts
    }


def ended(script: str, folder: Path, *words: str, salt: bool) -> int:
    """The exit status of a script of the role, called by a package."""
    file = folder / "script"
    file.write_text(script)
    more = {"SALT_INSTALLS": "yes"} if salt else {}
    env = {**{key: os.environ[key] for key in ("PATH",)}, **more}
    done = subprocess.run(["sh", file, *words], env=env, timeout=20, check=False)
    return done.returncode


@pytest.mark.parametrize("node", ["container", "machine"])
def test_service_that_a_person_installs_starts_and_one_that_salt_installs_waits(
    node: str, tmp_path: Path, nodes: dict[str, Files]
) -> None:
    policy = nodes[node][POLICY]
    assert ended(policy, tmp_path, "keystone", "start", salt=False) == 0
    assert ended(policy, tmp_path, "keystone", "start", salt=True) == 101


def test_machine_compiles_python_as_debian_does(nodes: dict[str, Files]) -> None:
    machine = nodes["machine"]
    assert "DPkg::Path" not in machine[APT] and "py3compile" not in machine[APT]
    assert not machine.get(COMPILE)


def test_container_compiles_once_what_salt_installs_and_else_as_debian_does(
    nodes: dict[str, Files], tmp_path: Path
) -> None:
    container = nodes["container"]
    assert 'DPkg::Path "/usr/local/sbin:/usr/local/bin:' in container[APT]
    debians = tmp_path / "debians"
    debians.write_text(f"#!/bin/sh\necho \"$@\" >'{tmp_path}/compiled'\n")
    debians.chmod(0o755)
    script = container[COMPILE].replace("/usr/bin/py3compile", str(debians))
    script = script.replace("/run/py3compile.wanted", str(tmp_path / "wanted"))
    assert ended(script, tmp_path, "-p", "python3-nova", salt=True) == 0
    assert (tmp_path / "wanted").exists() and not (tmp_path / "compiled").exists()
    (tmp_path / "wanted").unlink()
    assert ended(script, tmp_path, "-p", "python3-nova", salt=False) == 0
    assert (tmp_path / "compiled").read_text() == "-p python3-nova\n"
    assert not (tmp_path / "wanted").exists()


@pytest.mark.parametrize("node", ["container", "machine"])
def test_packages_are_unpacked_with_care_unless_the_environment_says_else(
    node: str, nodes: dict[str, Files]
) -> None:
    assert "unsafe-io" not in nodes[node][APT]


def test_node_of_a_release_that_pins_packages_knows_its_master_alone(
    nodes: dict[str, Files], tmp_path: Path
) -> None:
    (tmp_path / "packages.d").mkdir()
    (tmp_path / "packages.d" / "release.sources").write_text(nodes["mirrored"][SOURCES])
    setting = nodes["mirrored"][ONLY].replace("/etc/apt/packages.d", f"{tmp_path}/packages.d")
    (tmp_path / "apt.conf").write_text(f'{setting}Dir::State "{tmp_path}";\n')
    done = subprocess.run(
        ["apt-get", "-c", str(tmp_path / "apt.conf"), "update", "--print-uris"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    asked = [line.split()[0].strip("'") for line in done.stdout.splitlines()]
    assert all(uri.startswith(f"{MIRROR['url']}/dists/") for uri in asked), asked
    lists = [uri.split("/")[-2] for uri in asked if uri.endswith("/InRelease")]
    assert lists == MIRROR["suites"]
    sources = list(parse_sources(nodes["mirrored"][SOURCES]))
    assert [source.suite for source in sources] == MIRROR["suites"]
    key = "\n".join(f" {line or '.'}" for line in str(MIRROR["key"]).splitlines())
    assert {source.signed_by.strip("\n") for source in sources} == {key}
    assert 'Acquire::http::Proxy::10.0.0.10 "DIRECT";' in setting


def test_node_of_a_release_that_pins_none_keeps_its_own_sources(nodes: dict[str, Files]) -> None:
    assert not nodes["container"].get(SOURCES) and not nodes["container"].get(ONLY)
