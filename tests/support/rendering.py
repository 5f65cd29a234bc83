"""Renders the content of a checkout for a topology, by Salt as the nodes have it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml
from deploykit import preview
from deploykit.affected import MASTER_PILLAR
from deploykit.base.filelock import locked
from deploykit.base.homes import cache_home
from deploykit.image.salt import build_salt, salt_tar
from deploykit.master.remote import rolemap
from deploykit.master.remote.environment import known_to_all, pillars
from deploykit.mirror.wheelstore import PYTHON, own_lock
from deploykit.preview import GRAINS
from deploykit.preview.renderer import salt_packages
from topologies import NETWORKS, Topology

SCRIPT = Path(preview.__file__).with_name("saltside.py")


def read_role_map(checkout: Path) -> dict[str, Any]:
    """salt/roles.yml of `checkout` with all secrets and schemas that follow from it."""
    text = (checkout / "salt" / "roles.yml").read_text(encoding="utf-8")
    return rolemap.completed(yaml.safe_load(text))


def render_topology(
    checkout: Path, topology: Topology, role_map: dict[str, Any], packages: Path, scratch: Path
) -> dict[str, Any]:
    """What Salt (`packages`) makes of the content of `checkout`, by minion (saltside.py).

    `scratch` is an empty folder to work in. Raises AssertionError with what Salt said.
    """
    pillars = write_pillars(scratch / "pillars", topology, role_map)
    extmods = scratch / "extmods"
    (extmods / "pillar").mkdir(parents=True)
    shutil.copy(checkout / MASTER_PILLAR, extmods / "pillar" / "environment.py")
    (extmods / "modules").mkdir()
    # In the place of _modules/machine.py, which would tell of whoever renders this.
    own = f"def facts():\n    return {topology.machine!r}\n"
    (extmods / "modules" / "machine.py").write_text(own)
    return run_salt(packages, SCRIPT, checkout, extmods, pillars, scratch)


def salt_of_the_image() -> Path:
    """The site-packages of the node image's Salt, unpacked once per version in the cache."""
    cache, lock = cache_home() / "image", own_lock()
    cache.mkdir(parents=True, exist_ok=True)
    if not salt_tar(cache, lock).exists():
        # The lock of `deploy-kit image build`: whoever comes first builds it for both.
        with locked(cache / "lock", timeout=500):
            build_salt(cache, lock, cache / "salt.log")
    return salt_packages(lock)


def example(name: str, rule: dict[str, Any]) -> Any:
    """A fixed value for a secret of the role map, by its kind."""
    if rule["kind"] == "fernet-keys":
        return [f"{name}-key-zero", f"{name}-key-one"]
    if rule["kind"] == "values":
        return {"given": True, "values": {}}
    if rule["kind"] == "certificate":
        return {"certificate": "CERTIFICATE\n", "key": "PRIVATE KEY\n"}
    return f"secret-of-{name}"


def virtual_of(topology: Topology) -> dict[str, str]:
    """What load balancers share, by network."""
    if not topology.virtual:
        return {}
    public = topology.public
    return {"management": topology.virtual} | ({"external": public["address"]} if public else {})


def write_pillars(folder: Path, topology: Topology, role_map: dict[str, Any]) -> Path:
    """The external pillar of every node, as the master's agent writes it; fixed secrets."""
    folder.mkdir()
    networks = list(NETWORKS.items())[: topology.networks]
    nodes = {
        name: {
            "roles": roles,
            "addresses": {network: f"{prefix}.{10 + place}" for network, prefix in networks},
            "links": {
                network: topology.links.get(network, {"interface": f"eth{number}"})
                for number, (network, _) in enumerate(networks, start=1)
            },
            **topology.more(10 + place),
        }
        for place, (name, roles) in enumerate(topology.nodes.items())
    }
    told = pillars(
        role_map,
        nodes,
        {
            secret: example(secret, rule)
            for secret, rule in role_map["secrets"].items()
            if topology.public or not rule.get("public")
        },
        name="golden",
        ca="CA\n",
        virtual=virtual_of(topology),
        public=topology.public or None,
        settings=topology.settings,
    )
    for name, pillar in told.items():
        (folder / f"{name}.json").write_text(json.dumps(pillar))
    environment = {"name": "golden", "nodes": known_to_all(nodes)}
    whole = {
        "pillar": {"environment": environment, "role_map": rolemap.told(role_map)},
        "minions": topology.minions,
        "grains": GRAINS,
        "unread": [],
        "stages": True,
    }
    (folder / "whole.json").write_text(json.dumps(whole))
    return folder


def run_salt(packages: Path, script: Path, *words: Path) -> dict[str, Any]:
    done = subprocess.run(
        [str(PYTHON), "-W", "ignore", str(script), *(str(word) for word in words)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(packages), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=words[-1],
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    failed = [node for node in answer.values() if isinstance(node, dict) and "failed" in node]
    assert failed == [], failed[0]["failed"][-6000:]
    return answer
