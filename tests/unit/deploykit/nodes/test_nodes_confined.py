"""Tests that a release brings, run by the real pytest in the real sandbox, and hostile ones."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploykit.base import sandbox
from deploykit.base.process import Result
from deploykit.checks.smoke import command
from deploykit.nodes.confined import INSTANCE, RESULTS, confined
from deploykit.nodes.inventory import Host, Inventory, write_ssh_files
from deploykit.site.environment import parse_environment
from deploykit.site.instance import Instance

TEXT = """\
name: lab
networks: {management: {cidr: 10.30.0.0/24}}
nodes: {salt: {roles: [master], at: 10}}
"""
# What a test of a release would do to reach more than its own instance.
HOSTILE = """
import os, pathlib, signal, socket, subprocess
import pytest

STATE = pathlib.Path({state!r})

@pytest.mark.parametrize("path", {paths!r})
def test_reads(path):
    with pytest.raises(OSError):
        pathlib.Path(path).read_bytes()

@pytest.mark.parametrize("path", {paths!r})
def test_reads_by_a_link_of_its_own(path):
    link = pathlib.Path("/tmp", path.replace("/", "-"))
    link.symlink_to(path)
    with pytest.raises(OSError):
        link.read_bytes()

def test_lists_state():
    assert [one.name for one in STATE.iterdir()] == ["unpacked"]
    assert len(list((STATE / "unpacked").iterdir())) == 1

def test_writes_into_the_kit():
    for path in (pathlib.Path(__file__), pathlib.Path(__file__).parent / "conftest.py"):
        with pytest.raises(OSError):
            path.write_text("")

def test_writes_what_the_next_run_reads():
    for name in ("ssh_config", "known_hosts", "inventory.json", "key"):
        with pytest.raises(OSError):
            pathlib.Path("/instance", name).write_text("")

def test_asks_the_agent():
    assert "SSH_AUTH_SOCK" not in os.environ
    with pytest.raises(OSError):
        socket.socket(socket.AF_UNIX).connect({agent!r})

def test_takes_secrets_of_the_environment():
    said = b"".join(one.read_bytes() for one in pathlib.Path("/proc").glob("[0-9]*/environ"))
    assert b"hunter2" not in said and "hunter2" not in str(os.environ)

def test_ends_the_process_that_called_it():
    with pytest.raises(OSError):
        os.kill({pid}, 0)

def test_becomes_more():
    assert subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode if \
        pathlib.Path("/usr/bin/sudo").exists() else True
    with pytest.raises(OSError):
        os.setuid(12345)

def test_has_the_way_to_its_own_instance():
    assert pathlib.Path("/instance/key").read_text() == "key of lab"
    config = subprocess.run(["ssh", "-G", "-F", "/instance/ssh_config", "salt"],
                            capture_output=True, text=True, check=True).stdout
    assert "identityfile /instance/key" in config and "hostname 10.200.0.10" in config
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a site, with keys and ledger and two instances."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    folder = tmp_path / "xdg" / "deploy-kit" / "site-123456"
    for name, text in {
        "keys/operator/id_ed25519": "operator",
        "keys/admin/id_ed25519": "admin",
        "keys/provision": "the site's",
        "ledger/clone.git/HEAD": "ref: refs/heads/ledger",
        "instances/lab/key": "key of lab",
        "instances/lab/ssh_config": "outside",
        "instances/production/key": "key of production",
        "logs/latest.log": "log",
        "unpacked/other/file": "another release",
    }.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o600)
    return folder


@pytest.fixture
def inventory(state: Path, tmp_path: Path) -> Inventory:
    file = tmp_path / "lab.yml"
    file.write_text(TEXT, encoding="utf-8")
    environment = parse_environment(file)
    hosts = tuple(
        Host(node.name, node.roles, "10.200.0.10", "root", environment.addresses(node), ("t KEY",))
        for node in environment.nodes
    )
    folder = state / "instances" / "lab"
    return Inventory(environment, Instance("lab"), hosts, folder / "key", folder)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The socket of an ssh-agent of this test."""
    socket = tmp_path / "agent"
    with subprocess.Popen(
        ["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        yield socket
        process.terminate()


def tried(inventory: Inventory, kit: Path, results: Path) -> Result:
    """The kit's smoke tests as the check runs them."""
    with confined(inventory, [kit]) as place:
        argv, env = command(kit / "salt" / "smoke", place.folder, inventory)
        return place.run(
            [*argv, f"--junitxml={RESULTS}"],
            timeout=60,
            env=env,
            cwd=kit / "salt" / "smoke",
            results=results,
        )


def with_tests(state: Path, text: str) -> Path:
    kit = state / "unpacked" / "0123"
    folder = kit / "salt" / "smoke"
    folder.mkdir(parents=True)
    (folder / "conftest.py").write_text("")
    (folder / "test_it.py").write_text(text)
    return kit.resolve()


def test_hostile_test_of_a_release_reaches_its_own_instance_only(
    inventory: Inventory, state: Path, agent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "hunter2")
    files = [path for path in state.rglob("*") if path.is_file()]
    paths = [str(path) for path in (*files, Path(__file__), "/etc/shadow", "/etc/hostname")]
    text = HOSTILE.format(state=str(state), paths=paths, agent=str(agent), pid=os.getpid())
    done = tried(inventory, with_tests(state, text), tmp_path / "results.xml")
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) == 2 * len(paths) + 8
    assert (tmp_path / "results.xml").read_text().count("<testcase ") == int(passed[1])


def test_test_that_fails_inside_is_told_as_outside(
    inventory: Inventory, state: Path, tmp_path: Path
) -> None:
    kit = with_tests(state, "def test_it():\n    assert 1 == 2, 'no luck'\n")
    done = tried(inventory, kit, tmp_path / "results.xml")
    assert done.returncode == 1
    assert "no luck" in done.stdout


def test_state_home_behind_a_link_makes_no_difference(
    inventory: Inventory, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "xdg")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "link"))
    kit = with_tests(
        state, f"import os\ndef test_it(): assert os.listdir({str(state)!r})==['unpacked']\n"
    )
    assert tried(inventory, kit, tmp_path / "results.xml").returncode == 0


def test_link_in_the_place_of_the_tests_shows_nothing(
    inventory: Inventory, state: Path, tmp_path: Path
) -> None:
    kit = with_tests(state, "")
    (kit / "keys").symlink_to(state / "keys")
    with confined(inventory, [kit]) as place:
        done = place.run(["ls", f"{kit}/keys/"], timeout=20, env={})
    assert done.returncode != 0
    assert "operator" not in done.stdout


def test_files_for_one_run_are_readable_inside_and_gone_afterwards(inventory: Inventory) -> None:
    with confined(inventory, []) as place:
        file = place.put("more.json", "{}")
        assert file == INSTANCE / "more.json"
        assert place.run(["cat", file], timeout=20, env={}).stdout == "{}"
        kept = place.kept
        assert kept.stat().st_mode & 0o077 == 0
    assert not kept.exists()


def test_without_sandbox_it_is_said_aloud_and_the_environment_is_clean_all_the_same(
    inventory: Inventory, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("DEPLOY_KIT_SANDBOX", "off")
    monkeypatch.setenv("DEPLOY_TOKEN", "hunter2")
    sandbox.warn_unconfined.cache_clear()
    write_ssh_files(inventory)
    kit = with_tests(
        state,
        "import os, subprocess\ndef test_it(request):\n"
        "    assert 'DEPLOY_TOKEN' not in os.environ\n"
        "    config = request.config.getoption('--ssh-config')\n"
        "    words = ['ssh', '-G', '-F', config, 'salt']\n"
        "    said = subprocess.run(words, capture_output=True).stdout\n"
        f"    assert b'identityfile {inventory.ssh_key}' in said\n",
    )
    done = tried(inventory, kit, tmp_path / "results.xml")
    assert done.returncode == 0, done.stdout
    assert "<testcase" in (tmp_path / "results.xml").read_text()
    assert "run without a sandbox, beside your keys" in " ".join(capfd.readouterr().err.split())
