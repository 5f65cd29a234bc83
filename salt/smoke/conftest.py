"""The region under test, as its inventory names it; every look goes through SSH."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
import testinfra

PORT = 5000  # identity's public port: pillar/endpoints.sls


@dataclass(frozen=True)
class Region:
    """The nodes by role. `host(name)` is a testinfra host, reached by the generated ssh_config."""

    nodes: dict[str, dict]
    ssh_config: str

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
    def identity_url(self) -> str:
        return f"https://{self.address(self.with_role('load-balancer')[0])}:{PORT}/v3"


@pytest.fixture(scope="session")
def region(request: pytest.FixtureRequest) -> Region:
    nodes = json.loads(Path(os.environ["DEPLOYKIT_INVENTORY"]).read_text())
    return Region({node["name"]: node for node in nodes}, request.config.getoption("--ssh-config"))
