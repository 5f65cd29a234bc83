"""Operators come in by their own keys, and are gone when they are no longer named."""

import json
import subprocess
from pathlib import Path

import pytest

PLAY = [{"hosts": "all", "gather_facts": False, "roles": ["users"]}]


class Operators:
    """The accounts of this test: their keys, what they can do on the node, and the role again."""

    def __init__(self, host, folder):
        self.host, self.folder = host, folder
        self.inventory = host.backend.ansible_inventory
        known = json.loads(Path(self.inventory).read_text())
        self.ssh = known["all"]["vars"]["ansible_ssh_common_args"].split()

    def key(self, name):
        """The public key of `name`, made at the first call."""
        file = self.folder / name
        if not file.exists():
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file]
            subprocess.run(words, check=True, timeout=20)
        return file.with_suffix(".pub").read_text().strip()

    def apply(self, roles=("cache",), **sudo):
        """Run the role with an account for each name of `sudo`; whether that says 'changed'."""
        accounts = [
            {"name": name, "ssh_keys": [self.key(name)], "sudo": may} for name, may in sudo.items()
        ]
        play = self.folder / "play.yml"
        play.write_text(json.dumps(PLAY))
        done = subprocess.run(
            ["ansible-playbook", "-i", self.inventory, "-e",
             json.dumps({"users_accounts": accounts, "node_roles": list(roles)}), play],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return "changed=0 " not in done.stdout

    def run(self, name, command):
        """The exit status of `command` on the node as `name`, by that one's own key."""
        words = ["ssh", *self.ssh, "-o", f"IdentityFile={self.folder / name}", "-o",
                 "ControlPath=none", "-l", name, "node", command]  # fmt: skip
        return subprocess.run(words, capture_output=True, timeout=30, check=False).returncode


@pytest.fixture
def operators(host, tmp_path):
    return Operators(host, tmp_path)


def test_operator_with_sudo_becomes_root(operators):
    operators.apply(carol=True)
    assert operators.run("carol", "test $(id -un) = carol") == 0
    assert operators.run("carol", "sudo -n true") == 0


def test_operator_without_sudo_stays_what_he_is(operators):
    operators.apply(dave=False)
    assert operators.run("dave", "true") == 0
    assert operators.run("dave", "sudo -n true") != 0


def test_key_that_an_operator_adds_does_not_count(operators, host):
    operators.apply(dave=False)
    operators.key("erin")
    mine = "mkdir -p -m 0700 ~/.ssh && cat >~/.ssh/authorized_keys && chmod 0600 ~/.ssh/*"
    assert operators.run("dave", f"echo {operators.key('erin')!r} | ({mine})") == 0
    (operators.folder / "erin").replace(operators.folder / "dave")
    assert operators.run("dave", "true") != 0


def test_operator_who_is_no_longer_named_is_gone(operators, host):
    operators.apply(carol=True, dave=False)
    assert operators.apply(carol=True)
    assert not host.user("dave").exists
    assert not host.file("/home/dave").exists
    assert not host.file("/etc/ssh/operators/dave").exists
    assert operators.run("dave", "true") != 0
    assert operators.run("carol", "sudo -n true") == 0


def test_salt_master_has_no_accounts_without_sudo(operators, host):
    operators.apply(carol=True, dave=False)
    operators.apply(roles=["master"], carol=True, dave=False)
    assert operators.run("carol", "sudo -n true") == 0
    assert not host.user("dave").exists
    assert not host.file("/etc/ssh/operators/dave").exists


def test_last_operator_leaves_nothing_that_lets_in(operators, host):
    operators.apply(carol=True)
    assert operators.apply()
    assert not host.user("carol").exists
    assert not host.file("/etc/sudoers.d/operators").contains("carol")
    assert not operators.apply()


def test_accounts_of_the_system_are_not_taken_over(operators, host):
    with pytest.raises(AssertionError, match="backup: there already"):
        operators.apply(backup=True)
    assert host.user("backup").shell == "/usr/sbin/nologin"
