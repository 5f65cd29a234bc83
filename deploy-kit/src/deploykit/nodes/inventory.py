"""What a provider yields: where each node is and how it is reached; all else goes through SSH."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from deploykit.base import files
from deploykit.base.errors import DeployKitError
from deploykit.site.endpoints import Endpoints
from deploykit.site.environment import MASTER_ROLE, Environment, is_minion
from deploykit.site.instance import Instance

TEMPORARY = Path("/tmp")  # noqa: S108 (what is in it is checked)
SSH_TIMEOUT = 10  # seconds to connect; a dead node is named well within 30
HOSTS_FILE = "inventory.json"  # beside the ssh_config: the hosts as they were learned
ABSENT = "absent"  # Ansible's group of the nodes that are left out
CONTROL_PERSIST = 60  # seconds that an idle shared connection stays open
# What every ssh_config of ours says: host keys that are known, no questions, nothing of ours lent.
STRICT = (
    "  GlobalKnownHostsFile /dev/null\n"
    "  StrictHostKeyChecking yes\n"
    "  UpdateHostKeys no\n"
    "  BatchMode yes\n"
    "  ForwardAgent no\n"
)


def tests_environment(folder: Path, inventory: Inventory) -> dict[str, str]:
    """What a release's own tests are told of the nodes: the inventory in `folder`, the addresses
    that load balancers share, by network, and what outsiders use."""
    return {
        "DEPLOYKIT_INVENTORY": str(folder / HOSTS_FILE),
        "DEPLOYKIT_VIRTUAL": json.dumps(inventory.environment.virtual),
        "DEPLOYKIT_PUBLIC": json.dumps(inventory.public or {}),
    }


@dataclass(frozen=True, slots=True)
class Host:
    """One reachable node: uplink address for SSH, fixed addresses per network, host keys.

    `host_keys` are lines `TYPE BASE64` as in /etc/ssh/ssh_host_*_key.pub, learned over the
    provider's own trusted channel before the first connection. `jump` is the node that it is
    reached from, by name; empty where this machine reaches it.
    """

    name: str
    roles: tuple[str, ...]
    ssh_address: str
    ssh_user: str
    addresses: dict[str, str]
    host_keys: tuple[str, ...]
    jump: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """The nodes of one instance of an environment, ready for SSH.

    `hosts` are all of them. What is done to nodes is done to those that are `there`: `absent` ones
    keep their place in what others know of them. `folder` holds the generated ssh_config,
    known_hosts and control sockets.
    """

    environment: Environment
    instance: Instance
    hosts: tuple[Host, ...]
    ssh_key: Path
    folder: Path
    absent: frozenset[str] = frozenset()

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    @property
    def endpoints(self) -> Endpoints | None:
        """What outsiders use. A copy has no certificate that was given: its region makes one."""
        endpoints = self.environment.endpoints
        return replace(endpoints, outside=False) if endpoints and self.instance.copy else endpoints

    @property
    def public(self) -> dict[str, str | bool] | None:
        """What its master and its tests are told of `endpoints`."""
        return self.endpoints.told() if self.endpoints else None

    @property
    def master(self) -> Host:
        return self.host(self.environment.master.name)

    @property
    def there(self) -> tuple[Host, ...]:
        """The nodes that are not absent."""
        return tuple(host for host in self.hosts if host.name not in self.absent)

    @property
    def minions(self) -> tuple[Host, ...]:
        """The nodes that are there and that Salt configures; the master is among them where it has
        other roles."""
        return tuple(host for host in self.there if is_minion(host.roles))

    def host(self, name: str) -> Host:
        return next(host for host in self.hosts if host.name == name)


@dataclass(frozen=True, slots=True)
class SshFiles:
    """Where an ssh_config finds its key and known_hosts; `sockets` is its ControlPath."""

    key: Path
    known_hosts: Path
    sockets: Path


def ssh_files(inventory: Inventory) -> SshFiles:
    """Where they are for this process."""
    folder = inventory.folder
    return SshFiles(inventory.ssh_key, folder / "known_hosts", control_path(folder, "%n"))


def hosts_json(hosts: Iterable[Host]) -> str:
    """Nodes as HOSTS_FILE has them: `jump` only where there is one, as releases cut before know
    none."""
    told = [asdict(host) for host in hosts]
    kept = [{key: value for key, value in one.items() if key != "jump" or value} for one in told]
    return json.dumps(kept, indent=1)


def render_known_hosts(inventory: Inventory) -> str:
    """The known_hosts of an instance: every host key under the node's name."""
    return "".join(f"{host.name} {key}\n" for host in inventory.hosts for key in host.host_keys)


def render_ssh_config(inventory: Inventory, files: SshFiles | None = None) -> str:
    """The ssh_config of an instance: strict host keys, one shared connection per node.

    `files` says where what it names lies; without it, where this process has it.
    """
    files = files or ssh_files(inventory)
    blocks = [
        f"Host {host.name}\n"
        f"  HostName {host.ssh_address}\n"
        f"  HostKeyAlias {host.name}\n"
        f"  User {host.ssh_user}\n" + (f"  ProxyJump {host.jump}\n" if host.jump else "")
        for host in inventory.hosts
    ]
    blocks.append(
        "Host *\n"
        f'  IdentityFile "{files.key}"\n'
        "  IdentitiesOnly yes\n"
        f'  UserKnownHostsFile "{files.known_hosts}"\n'
        f"{STRICT}"
        f"  ConnectTimeout {SSH_TIMEOUT}\n"
        "  ServerAliveInterval 5\n"
        "  ServerAliveCountMax 3\n"
        "  LogLevel ERROR\n"
        "  ControlMaster auto\n"
        f"  ControlPersist {CONTROL_PERSIST}\n"
        f'  ControlPath "{files.sockets}"\n'
    )
    return "\n".join(blocks)


def control_folder() -> Path:
    """Where the sockets of shared connections are: a short path, as they have at most 108 bytes."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and len(runtime) <= 30 and Path(runtime).is_dir():
        return Path(runtime) / "deploykit"
    return _own_folder(TEMPORARY, f"deploykit-{os.geteuid()}")


def _own_folder(parent: Path, name: str) -> Path:
    """`name` in `parent`, where anybody may write; if another user made that first, the folder of
    ours that was made in its place, under a name that nobody could know."""
    first = parent / name
    if not os.path.lexists(first) or _is_private(first):
        return first
    for other in sorted(parent.glob(f"{name}-*")):
        if _is_private(other):
            return other
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent))


def _is_private(folder: Path) -> bool:
    """Whether it is a folder, no link, of this user, for this user alone."""
    status = folder.lstat()
    own = status.st_uid == os.geteuid() and not status.st_mode & 0o077
    return own and stat.S_ISDIR(status.st_mode)


def control_path(folder: Path, name: str) -> Path:
    """The socket of the shared connection to node `name` of the instance kept in `folder`."""
    return control_folder() / f"{hashlib.sha256(str(folder).encode()).hexdigest()[:10]}-{name}"


def make_control_folder() -> None:
    """Make the sockets' folder, for this user alone. ssh does not start without it.

    Raises DeployKitError where somebody else made it first.
    """
    folder = control_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_private(folder):
        raise DeployKitError(
            f"{folder} is not this user's alone", "remove it, or set XDG_RUNTIME_DIR"
        )


def renew_ssh_config(inventory: Inventory) -> None:
    """Write the ssh_config anew if it leads to sockets in a folder that is not this user's now, or
    to another key."""
    make_control_folder()
    file = inventory.ssh_config
    needed = (str(control_folder()), f'IdentityFile "{inventory.ssh_key}"')
    if file.is_file() and not all(one in file.read_text(encoding="utf-8") for one in needed):
        files.write(file, render_ssh_config(inventory), mode=0o600)


def write_ssh_files(inventory: Inventory) -> bool:
    """Write ssh_config and known_hosts into the inventory's folder, each aside and renamed.

    Returns whether they say something else than before.
    """
    make_control_folder()
    inventory.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    changed = False
    for name, text in (
        ("known_hosts", render_known_hosts(inventory)),
        ("ssh_config", render_ssh_config(inventory)),
        (HOSTS_FILE, hosts_json(inventory.hosts)),
    ):
        target = inventory.folder / name
        if target.is_file() and target.read_text(encoding="utf-8") == text:
            continue
        changed = True
        files.write(target, text, mode=0o600)
    return changed


def ansible_inventory(
    inventory: Inventory, variables: Mapping[str, object] | None = None
) -> dict[str, object]:
    """The Ansible inventory of an instance: groups are roles (with '-' as '_').

    Beside them `masters` and `minions`; a master with other roles is in both; and `absent`, the
    nodes that are left out. `users_accounts` are the environment's operators; `variables` are what
    its settings say to all hosts.
    """
    environment = inventory.environment
    groups: dict[str, dict[str, dict[str, object]]] = {}
    for host in inventory.hosts:
        kinds = ["masters"] if MASTER_ROLE in host.roles else []
        kinds += ["minions"] if is_minion(host.roles) else []
        kinds += [ABSENT] if host.name in inventory.absent else []
        for group in (*host.roles, *kinds):
            members = groups.setdefault(group.replace("-", "_"), {"hosts": {}})
            members["hosts"][host.name] = {}
    return {
        "all": {
            "hosts": {
                host.name: {
                    "addresses": host.addresses,
                    "interfaces": environment.interfaces(environment.node(host.name)),
                    "node_roles": list(host.roles),
                }
                for host in inventory.hosts
            },
            "children": groups,
            "vars": {
                **(variables or {}),
                "users_accounts": [one.account() for one in inventory.environment.operators],
            },
        }
    }
