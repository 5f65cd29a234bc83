"""What a provider yields: where each node is and how it is reached; all else goes through SSH."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from deploykit.base import files
from deploykit.base.errors import DeployKitError
from deploykit.site.environment import MASTER_ROLE, Environment, is_minion
from deploykit.site.instance import Instance

SSH_TIMEOUT = 10  # seconds to connect; a dead node is named well within 30
HOSTS_FILE = "inventory.json"  # beside the ssh_config: the hosts as they were learned
CONTROL_PERSIST = 60  # seconds that an idle shared connection stays open


@dataclass(frozen=True, slots=True)
class Host:
    """One reachable node: uplink address for SSH, fixed addresses per network, host keys.

    `host_keys` are lines `TYPE BASE64` as in /etc/ssh/ssh_host_*_key.pub, learned over the
    provider's own trusted channel before the first connection.
    """

    name: str
    roles: tuple[str, ...]
    ssh_address: str
    ssh_user: str
    addresses: dict[str, str]
    host_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """The nodes of one instance of an environment, ready for SSH.

    `folder` holds the generated ssh_config, known_hosts and control sockets.
    """

    environment: Environment
    instance: Instance
    hosts: tuple[Host, ...]
    ssh_key: Path
    folder: Path

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    @property
    def master(self) -> Host:
        return self.host(self.environment.master.name)

    @property
    def minions(self) -> tuple[Host, ...]:
        """The nodes that Salt configures; the master is among them where it has other roles."""
        return tuple(host for host in self.hosts if is_minion(host.roles))

    def host(self, name: str) -> Host:
        return next(host for host in self.hosts if host.name == name)


def render_known_hosts(inventory: Inventory) -> str:
    """The known_hosts of an instance: every host key under the node's name."""
    return "".join(f"{host.name} {key}\n" for host in inventory.hosts for key in host.host_keys)


def render_ssh_config(inventory: Inventory) -> str:
    """The ssh_config of an instance: strict host keys, one shared connection per node."""
    folder = inventory.folder
    blocks = [
        f"Host {host.name}\n"
        f"  HostName {host.ssh_address}\n"
        f"  HostKeyAlias {host.name}\n"
        f"  User {host.ssh_user}\n"
        for host in inventory.hosts
    ]
    blocks.append(
        "Host *\n"
        f'  IdentityFile "{inventory.ssh_key}"\n'
        "  IdentitiesOnly yes\n"
        f'  UserKnownHostsFile "{folder / "known_hosts"}"\n'
        "  GlobalKnownHostsFile /dev/null\n"
        "  StrictHostKeyChecking yes\n"
        "  UpdateHostKeys no\n"
        "  BatchMode yes\n"
        "  ForwardAgent no\n"
        f"  ConnectTimeout {SSH_TIMEOUT}\n"
        "  ServerAliveInterval 5\n"
        "  ServerAliveCountMax 3\n"
        "  LogLevel ERROR\n"
        "  ControlMaster auto\n"
        f"  ControlPersist {CONTROL_PERSIST}\n"
        f'  ControlPath "{control_path(folder, "%n")}"\n'
    )
    return "\n".join(blocks)


def control_folder() -> Path:
    """Where the sockets of shared connections are: a short path, as they have at most 108 bytes."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and len(runtime) <= 30 and Path(runtime).is_dir():
        return Path(runtime) / "deploykit"
    return Path("/tmp") / f"deploykit-{os.geteuid()}"  # noqa: S108 (checked below)


def control_path(folder: Path, name: str) -> Path:
    """The socket of the shared connection to node `name` of the instance kept in `folder`."""
    return control_folder() / f"{hashlib.sha256(str(folder).encode()).hexdigest()[:10]}-{name}"


def make_control_folder() -> None:
    """Make the sockets' folder, for this user alone. ssh does not start without it.

    Raises DeployKitError where somebody else made it first.
    """
    folder = control_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise DeployKitError(
            f"{folder} is not this user's alone", "remove it, or set XDG_RUNTIME_DIR"
        )


def write_ssh_files(inventory: Inventory) -> bool:
    """Write ssh_config and known_hosts into the inventory's folder, each aside and renamed.

    Returns whether they say something else than before.
    """
    make_control_folder()
    inventory.folder.mkdir(parents=True, exist_ok=True)
    changed = False
    for name, text in (
        ("known_hosts", render_known_hosts(inventory)),
        ("ssh_config", render_ssh_config(inventory)),
        (HOSTS_FILE, json.dumps([asdict(host) for host in inventory.hosts], indent=1)),
    ):
        target = inventory.folder / name
        if target.is_file() and target.read_text(encoding="utf-8") == text:
            continue
        changed = True
        files.write(target, text)
    return changed


def ansible_inventory(inventory: Inventory) -> dict[str, object]:
    """The Ansible inventory of an instance: groups are roles (with '-' as '_').

    Beside them `masters` and `minions`; a master with other roles is in both. `users_accounts` are
    the environment's operators.
    """
    groups: dict[str, dict[str, dict[str, object]]] = {}
    for host in inventory.hosts:
        kinds = ["masters"] if MASTER_ROLE in host.roles else []
        kinds += ["minions"] if host in inventory.minions else []
        for group in (*host.roles, *kinds):
            members = groups.setdefault(group.replace("-", "_"), {"hosts": {}})
            members["hosts"][host.name] = {}
    return {
        "all": {
            "hosts": {
                host.name: {"addresses": host.addresses, "node_roles": list(host.roles)}
                for host in inventory.hosts
            },
            "children": groups,
            "vars": {"users_accounts": [one.account() for one in inventory.environment.operators]},
        }
    }
