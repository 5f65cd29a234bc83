"""Two machines that are there, for the provider `static`: containers that no site knows of.

They are made with `lxc` alone, of the newest node image without what that has of Salt, in a project
of their own: no node of any site. `debian` may become root there, and gets in by the key
`operator`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from deploykit.base.waiting import wait_until
from deploykit.nodes.ssh import greeting
from deploykit.providers.lxd.api import POOL
from deploykit.providers.lxd.images import ALIAS, stored
from lxdsite import lxd_or_skip
from railway import Railway, build

PROJECT = "h-static"  # hosts for `static`
UPLINK, MANAGEMENT = "hstatic0", "hstatic1"  # bridges
ADDRESSES = {"salt": "10.99.7.10", "region": "10.99.7.11"}
MEMORY = {"salt": "600MiB", "region": "1600MiB"}
INTERFACES = "auto ens4\niface ens4 inet static\n  address 10.97.0.{last}/24"
KEY = "cat /etc/ssh/ssh_host_ed25519_key.pub"
USER = """\
set -eu
useradd --create-home --shell /bin/sh debian
install -d -m 0700 -o debian -g debian /home/debian/.ssh
cat > /home/debian/.ssh/authorized_keys
chown debian: /home/debian/.ssh/authorized_keys
echo 'debian ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/debian
rm -r /opt/salt*
dpkg --purge python3-apt
"""


@dataclass(frozen=True)
class Machines:
    """The machines; `key` is the operator's private one."""

    key: Path

    def on(self, name: str, line: str, stdin: str = "") -> str:
        """Run a line of shell on a machine as root, past SSH."""
        return lxc("exec", name, "--", "sh", "-c", line, stdin=stdin)

    def host_key(self, name: str) -> str:
        # On a busy machine `lxc exec` was seen to lose what a program printed.
        said = wait_until(lambda: self.on(name, KEY).split()[:2], 20)
        assert said, f"{name} does not say its host key"
        return " ".join(said)


@contextmanager
def railway_there(folder: Path, checkout: Path, text: str) -> Iterator[tuple[Machines, Railway]]:
    """The machines, the operator's key in an agent, and a checkout whose one environment, `cloud`,
    is the file `text` with their addresses and host keys."""
    with machines_there(folder) as machines, pytest.MonkeyPatch.context() as patch:
        agent = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True)
        told = dict(part.split("=", 1) for part in agent.stdout.split(";") if "=" in part)
        patch.setenv("SSH_AUTH_SOCK", told["SSH_AUTH_SOCK"].strip())
        try:
            subprocess.run(["ssh-add", "-q", machines.key], check=True, timeout=20)
            environment = _as_they_are(text, machines)
            yield machines, build(checkout, folder / "checkout", {"cloud": environment})
        finally:
            pid = next(value for key, value in told.items() if key.strip() == "SSH_AGENT_PID")
            os.kill(int(pid), 15)


def _as_they_are(text: str, machines: Machines) -> str:
    """The file with the addresses and host keys of the machines."""
    lines = text.splitlines()
    for name, address in ADDRESSES.items():
        at = max(place for place, line in enumerate(lines) if line == f"  {name}:")
        lines[at + 1] = f"    address: {address}"
        lines[at + 2] = f"    host_key: {machines.host_key(name)}"
    return "\n".join(lines) + "\n"


def lxc(*words: str, stdin: str = "", check: bool = True) -> str:
    """What `lxc` says in the machines' project."""
    done = subprocess.run(
        ["lxc", "--project", PROJECT, *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"lxc {' '.join(words)}: {done.stderr}")
    return done.stdout


@contextmanager
def machines_there(folder: Path) -> Iterator[Machines]:
    """Make them, and take them away when the block ends; what an earlier test left goes first."""
    images = stored(lxd_or_skip())
    if not images:
        pytest.skip("no node image: deploy-kit image build")
    key = folder / "operator"
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", str(key)]
    subprocess.run(words, check=True, timeout=20)
    remove()
    try:
        _make(f"{ALIAS}{images[-1].key}", Path(f"{key}.pub").read_text(encoding="utf-8"))
        yield Machines(key)
    finally:
        remove()


def _make(image: str, public: str) -> None:
    lxc("project", "create", PROJECT, "-c", "features.images=false")
    lxc("network", "create", UPLINK, "ipv4.address=10.99.7.1/24", "ipv4.nat=true",
        "ipv6.address=none")  # fmt: skip
    lxc("network", "create", MANAGEMENT, "ipv4.address=none", "ipv6.address=none")
    device = ("profile", "device", "add", "default")
    lxc(*device, "root", "disk", "path=/", f"pool={POOL}")
    lxc(*device, "eth0", "nic", f"network={UPLINK}", "name=eth0")
    lxc(*device, "ens4", "nic", f"network={MANAGEMENT}", "name=ens4")
    for name, address in ADDRESSES.items():
        settings = {
            "user.deploykit.interfaces": INTERFACES.format(last=address.rpartition(".")[2]),
            "limits.memory": MEMORY[name],
        }
        lxc("init", image, name, *_config(settings))
        lxc("config", "device", "override", name, "eth0", f"ipv4.address={address}")
        lxc("start", name)
    for name, address in ADDRESSES.items():
        assert wait_until(lambda at=address: greeting(at, 2.0), 90), f"{name} does not greet"
        lxc("exec", name, "--", "sh", "-c", USER, stdin=public)


def _config(settings: Mapping[str, str]) -> list[str]:
    return [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]


def remove() -> None:
    """Take everything away that `machines_there` makes, whether or not it is there."""
    for name in ADDRESSES:
        lxc("delete", "--force", name, check=False)
    for device in ("eth0", "ens4", "root"):
        lxc("profile", "device", "remove", "default", device, check=False)
    for network in (UPLINK, MANAGEMENT):
        lxc("network", "delete", network, check=False)
    lxc("project", "delete", PROJECT, check=False)
