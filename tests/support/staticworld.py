"""Machines that are folders, as the provider `static` meets them: $MACHINES/ADDRESS.

Each holds `host_key` (what it shows), `user` (who gets in by the operator's keys) and `look` (what
look.sh prints there, its clock set when it is asked); root's home is below it. `ssh` is the script
SSH, which lets in and refuses as OpenSSH does.
"""

from __future__ import annotations

import base64
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import pytest
from deploykit.providers.static import StaticProvider
from deploykit.site import Site, open_site
from deploykit.site.environment import Environment
from environmentfile import EnvironmentFile

SSH = """\
#!/bin/sh
# ssh -F CONFIG -T NAME COMMAND
config=$2; shift 3; name=$1; shift
of() { awk -v key="$1" '$1 == key { gsub(/"/, "", $2); print $2; exit }' "$config"; }
address=$(awk -v name="$name" '$1 == "Host" { here = $2 == name } here && $1 == "HostName" \\
  { print $2 }' "$config")
user=$(awk -v name="$name" '$1 == "Host" { here = $2 == name } here && $1 == "User" \\
  { print $2 }' "$config")
machine=$MACHINES/$address
if [ ! -d "$machine" ]; then
    echo "ssh: connect to host $address port 22: Connection refused" >&2; exit 255
fi
if ! grep -qxF "$name $(cat "$machine/host_key")" "$(of UserKnownHostsFile)"; then
    echo "The fingerprint is SHA256:uNiVztksCsDhcc0u9e8BrrJsTXJgEGmM2yvcQs2qLdU." >&2
    echo "Host key verification failed." >&2; exit 255
fi
if [ "$(of IdentitiesOnly)" = yes ]; then
    if ! grep -qsxF "$(cat "$(of IdentityFile).pub")" "$machine/root/.ssh/authorized_keys"; then
        echo "$user@$address: Permission denied (publickey)." >&2; exit 255
    fi
elif [ "$user" != "$(cat "$machine/user")" ]; then
    echo "$user@$address: Permission denied (publickey)." >&2; exit 255
fi
case "$*" in
sudo*) if [ -e "$machine/no-sudo" ]; then echo "sudo: a password is required" >&2; exit 1; fi ;;
*"sh -s") ;;
*) exit 0 ;;
esac
text=$(cat)
case "$text" in
*"say clock"*)
    echo "clock	$(( $(date +%s) + $(cat "$machine/ahead") )).0"; cat "$machine/look" ;;
*) printf '%s\\n' "$text" | sed "s|/root/|$machine/root/|g" | sh -s ;;
esac
"""
NETWORKS = [
    {"ifname": "lo", "flags": ["UP"], "mtu": 65536, "addr_info": []},
    {
        "ifname": "eth1",
        "flags": ["UP"],
        "mtu": 1500,
        "address": "52:54:00:12:34:56",
        "addr_info": [{"local": "ADDRESS", "prefixlen": 24, "scope": "global"}],
    },
]
LOOK = {
    "uid": "0",
    "system": "debian 12",
    "called": "Debian GNU/Linux 12 (bookworm)",
    "init": "systemd",
    "memory": str(2 * 2**20),
    "disk": str(10 * 2**20),
    "python": "Python 3.11.2",
    "root_login": "without-password",
    "end": "1",
}
ENVIRONMENT = """\
name: cloud
provider: static
protected: true
networks:
  management: {{cidr: 10.20.0.0/24}}
nodes:
  salt: {{roles: [master], at: 10}}
  web: {{roles: [load-balancer], at: 11}}
machines:
  "*": {{user: debian, become: true}}
  salt:
    address: 192.0.2.10
    host_key: {salt}
  web:
    address: 192.0.2.11
    host_key: {web} root@web
"""


def host_key(seed: str) -> str:
    """A host key as sshd would have it, another one for each `seed`."""
    kind, body = b"ssh-ed25519", seed.encode().ljust(32, b".")[:32]
    blob = b"".join(struct.pack(">I", len(part)) + part for part in (kind, body))
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


@dataclass(frozen=True)
class World(EnvironmentFile):
    """A site with the environment `cloud` of two machines, which are there."""

    site: Site
    machines: Path

    @property
    def provider(self) -> StaticProvider:
        return StaticProvider(self.site)

    @property
    def file(self) -> Path:
        return self.site.folder / "environments" / "cloud.yml"

    @property
    def environment(self) -> Environment:
        return self.site.environment("cloud")

    def machine(self, address: str) -> Path:
        return self.machines / address

    def authorized_keys(self, address: str) -> Path:
        return self.machine(address) / "root" / ".ssh" / "authorized_keys"

    def say(self, address: str, **changed: str) -> None:
        """What the machine tells of itself from now on, beside LOOK."""
        fixed = json.dumps(NETWORKS).replace("ADDRESS", f"10.20.0.{address.rpartition('.')[2]}")
        facts = {**LOOK, "networks": fixed, **changed}
        lines = [f"{key}\t{value}\n" for key, value in facts.items() if value]
        (self.machine(address) / "look").write_text("".join(lines), encoding="utf-8")

    def add(self, address: str, key: str) -> None:
        """A machine that is fit, lets in the user debian, and shows the host key `key`."""
        folder = self.machine(address)
        (folder / "root").mkdir(parents=True)
        for name, text in (("host_key", key), ("user", "debian"), ("ahead", "0")):
            (folder / name).write_text(text, encoding="utf-8")
        self.say(address)


def build_world(folder: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Such a site in `folder`, with `ssh` in the place of the real one until the test is over."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    (programs / "ssh").write_text(SSH)
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setenv("MACHINES", str(folder / "machines"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    where = folder / "site" / "environments"
    where.mkdir(parents=True)
    (folder / "site" / "site.yml").write_text("name: there\n", encoding="utf-8")
    text = ENVIRONMENT.format(salt=host_key("salt"), web=host_key("web"))
    (where / "cloud.yml").write_text(text, encoding="utf-8")
    world = World(open_site(folder / "site"), folder / "machines")
    for address, name in (("192.0.2.10", "salt"), ("192.0.2.11", "web")):
        world.add(address, host_key(name))
    monkeypatch.setattr(
        "deploykit.providers.static.greeting", lambda address, _: world.machine(address).is_dir()
    )
    return world
