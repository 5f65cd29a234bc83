"""Renders the content of a checkout for a topology, by Salt as the nodes have it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import yaml
from deploykit.affected import MASTER_PILLAR
from deploykit.base.filelock import locked
from deploykit.base.homes import cache_home
from deploykit.image.salt import PYTHON, build_salt, salt_tar
from deploykit.master.remote import rolemap
from deploykit.master.remote.environment import interfaces, known_to_all, settings_of
from topologies import NETWORKS, Topology

SCRIPT = Path(__file__).with_name("saltrender.py")


def read_role_map(checkout: Path) -> dict[str, Any]:
    """salt/roles.yml of `checkout` with all secrets and schemas that follow from it."""
    text = (checkout / "salt" / "roles.yml").read_text(encoding="utf-8")
    return rolemap.completed(yaml.safe_load(text))


def render_topology(
    checkout: Path, topology: Topology, role_map: dict[str, Any], packages: Path, scratch: Path
) -> dict[str, Any]:
    """What Salt (`packages`) makes of the content of `checkout`, by minion (saltrender.py).

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
    cache = cache_home() / "image"
    tar = salt_tar(cache)
    if not tar.exists():
        # The lock of `deploy-kit image build`: whoever comes first builds it for both.
        with locked(cache / "lock", timeout=500):
            build_salt(cache, cache / "salt.log")
    folder = cache_home() / "tests" / tar.stem
    folder.parent.mkdir(exist_ok=True)
    with locked(folder.with_suffix(".lock"), timeout=120):
        if not folder.is_dir():
            aside = folder.with_suffix(".unpacking")
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            subprocess.run(["tar", "-xf", tar, "-C", aside], check=True, timeout=60)
            aside.rename(folder)
    version = sysconfig.get_python_version()
    return folder / "opt" / "salt" / "lib" / f"python{version}" / "site-packages"


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
    components = {role: entry["components"] for role, entry in role_map["roles"].items()}
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
    for name, node in nodes.items():
        roles = topology.nodes[name]
        own = {
            "name": "golden",
            "node": name,
            "ca": "CA\n",
            "nodes": known_to_all(nodes),
            "interfaces": interfaces(node["links"]),
            "virtual": virtual_of(topology),
            **({"public": topology.public} if topology.public else {}),
            **node,
        }
        parts = [*role_map["common"], *(part for role in roles for part in components[role])]
        pillar = {
            "environment": own,
            "components": list(dict.fromkeys(parts)),
            "role_map": rolemap.told(role_map),
            "settings": settings_of(topology.settings, parts, components),
            "secrets": {
                secret: example(secret, rule)
                for secret, rule in role_map["secrets"].items()
                if set(roles) & set(rule["roles"]) and (topology.public or not rule.get("public"))
            },
        }
        (folder / f"{name}.json").write_text(json.dumps(pillar))
    whole = {
        "nodes": known_to_all(nodes),
        "role_map": rolemap.told(role_map),
        "minions": topology.minions,
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
    return answer
