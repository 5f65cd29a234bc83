"""The region under test, as its inventory names it; every look goes through SSH."""

import json
import os
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import testinfra
import yaml

FOLDER = Path(__file__).parent
TIMEOUT = 270  # seconds for what a node is asked; the whole smoke test has 600
ROLES = yaml.safe_load((FOLDER.parent / "roles.yml").read_text())["roles"]


@dataclass(frozen=True)
class Region:
    """The nodes by role. `host(name)` is a testinfra host, reached by the generated ssh_config.

    `virtual` is the address that load balancers share, empty if they do not; `public` what
    outsiders use: `address`, `host`, `outside` (whose certificate it is); empty if they use the
    same.
    """

    nodes: dict[str, dict]
    ssh_config: str
    virtual: str = ""
    public: dict = field(default_factory=dict)

    def with_role(self, role: str) -> list[str]:
        return [name for name, node in self.nodes.items() if role in node["roles"]]

    def address(self, name: str) -> str:
        return self.nodes[name]["addresses"]["management"]

    def host(self, name: str) -> testinfra.host.Host:
        return testinfra.get_host(f"ssh://{name}", ssh_config=self.ssh_config)

    @property
    def master(self) -> testinfra.host.Host:
        return self.host(self.with_role("master")[0])

    @property
    def front(self) -> str:
        return self.virtual or self.address(self.with_role("load-balancer")[0])

    @property
    def offered(self) -> dict[str, dict]:
        """The services of this region by type, as the role map describes them."""
        return {
            kind: {"path": "", **offer, "role": role}
            for role, entry in ROLES.items()
            for kind, offer in entry.get("offers", {}).items()
            if self.with_role(role)
        }

    @property
    def catalogued(self) -> dict[str, str]:
        """The URL by which services reach each service of keystone's catalogue."""
        return self._catalogued(self.front)

    @property
    def catalogued_outside(self) -> dict[str, str]:
        """The URL that the catalogue should give outsiders for each."""
        return self._catalogued(self.public.get("host", self.front))

    def _catalogued(self, host: str) -> dict[str, str]:
        return {
            kind: f"https://{host}:{offer['public_port']}{offer['path']}"
            for kind, offer in self.offered.items()
            if offer.get("catalogue", True)
        }

    @property
    def identity_url(self) -> str:
        return self.catalogued["identity"]

    def on_master(self, script: str, *words: str, stdin: bytes = b"") -> str:
        """What a script of this folder prints when the master runs it."""
        argv = ["python3", "-c", (FOLDER / script).read_text(), *words]
        return self._ssh(self.with_role("master")[0], argv, stdin).decode().strip()

    def read(self, name: str, path: str) -> bytes:
        """A file of a node."""
        return self._ssh(name, ["cat", path])

    def _ssh(self, name: str, argv: list[str], stdin: bytes = b"") -> bytes:
        """What a command prints on a node; testinfra has no way to give it anything to read."""
        done = subprocess.run(
            ["ssh", "-F", self.ssh_config, name, shlex.join(argv)],
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, f"{name}: {done.stderr.decode(errors='replace')[-2000:]}"
        return done.stdout


@pytest.fixture(scope="session")
def region(request: pytest.FixtureRequest) -> Region:
    nodes = json.loads(Path(os.environ["DEPLOYKIT_INVENTORY"]).read_text())
    virtual = json.loads(os.environ.get("DEPLOYKIT_VIRTUAL", "{}"))
    return Region(
        {node["name"]: node for node in nodes},
        request.config.getoption("--ssh-config"),
        virtual.get("management", ""),
        json.loads(os.environ.get("DEPLOYKIT_PUBLIC", "{}")),
    )
