"""A suite's nodes: made by deploy-kit's own provider, as instance `kitchen~SUITE` of this site.

`python -m runner.nodes up|down SUITE` is what the playbooks call; one word on stdout says what
changed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Any

from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.process import run
from deploykit.base.progress import Silent
from deploykit.mirror.wheels import WheelSet
from deploykit.mirror.wheelstore import fetch_wheels, release_lock, salt_variables
from deploykit.nodes.inventory import Inventory, ansible_inventory
from deploykit.nodes.ssh import run_on
from deploykit.providers.lxd import LxdProvider
from deploykit.site import Site, open_site
from deploykit.site.endpoints import BALANCER_ROLE, VIRTUAL_ROLE
from deploykit.site.environment import Environment, parse_environment
from deploykit.site.instance import Instance
from deploykit.site.tunables import (
    day0_variables,
    demand_known,
    pillar_settings,
    read_tunables,
)

from . import pillars
from .suites import CHECKOUT, Suite, load

# Whose content is tested; another than this checkout's in a try.
CONTENT = Path(os.environ.get("KITCHEN_CONTENT", CHECKOUT))

ENVIRONMENT = "kitchen"
NETWORKS = {"management": "10.90.0.0/24", "tunnel": "10.90.1.0/24", "external": "10.90.2.0/24"}
PUBLIC_NAME = "cloud.kitchen.test"  # how outsiders call a suite with load balancers
SALT = "salt"  # the role whose suites begin without what their nodes' image has of Salt
WHEELS = "/srv/wheels"  # where those have the wheels instead; there is no master yet that serves
FIRST = 11  # host number of a suite's first node
# What nodes share, in suites that have such: for services, and for outsiders.
VIPS = {"management": "10.90.0.5", "external": "10.90.2.5"}


def site() -> Site:
    return open_site(CHECKOUT / "deploy-kit")


def run_folder(suite: str, site: Site) -> Path:
    """Where a suite keeps what it needs while it runs: secrets, inventory, molecule's state."""
    return site.state / "kitchen" / suite


def instance(suite: str) -> Instance:
    return Instance(ENVIRONMENT, copy=suite.replace("_", "-"))


def is_up(suite: str, site: Site) -> bool:
    """Whether the suite has nodes."""
    return instance(suite) in LxdProvider(site).instances()


def render_environment(suite: Suite) -> str:
    """The suite's nodes in the schema of environments; the first one is made the master too.

    An environment has exactly one master; nothing of a master runs on it here.
    """
    has_master = any("master" in platform.roles for platform in suite.platforms)
    nodes = {}
    for place, platform in enumerate(suite.platforms):
        roles = list(platform.roles)
        if place == 0 and not has_master:
            roles.insert(0, "master")
        nodes[platform.name] = {"roles": roles, "at": FIRST + place}
    networks = {name: {"cidr": cidr} for name, cidr in NETWORKS.items()}
    roles_used = {role for platform in suite.platforms for role in platform.roles}
    if VIRTUAL_ROLE in roles_used:
        for network, address in VIPS.items():
            networks[network]["vip"] = address
    document: dict[str, Any] = {"name": ENVIRONMENT, "networks": networks, "nodes": nodes}
    if BALANCER_ROLE in roles_used:
        document["endpoints"] = {"network": "external", "name": PUBLIC_NAME}
    # JSON is YAML.
    return json.dumps({**document, "settings": dict(suite.settings)}, indent=1)


def up(suite: Suite, site: Site) -> None:
    """Bring the nodes up and write what the playbooks read, beside molecule's state."""
    folder = run_folder(suite.name, site)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    environment = _environment(suite, folder)
    tags = {"purpose": "kitchen"}
    provider = LxdProvider(site, volumes=False)  # what can be tried without them is tried
    made = not is_up(suite.name, site)
    inventory = provider.up(environment, instance(suite.name), tags, Silent())
    if made and _brings_salt(suite):
        _bring_wheels(inventory, _wheels(folder)[1])
    _write(suite, inventory, folder)


def down(suite: str, site: Site) -> bool:
    """Remove the nodes and everything the suite kept; returns whether there was anything."""
    folder = run_folder(suite, site)
    was_up = is_up(suite, site)
    LxdProvider(site).down(instance(suite), Silent())
    for path in folder.glob("*"):
        # Molecule itself still works there.
        if path.name != "molecule":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return was_up


def refresh(suite: Suite, site: Site) -> None:
    """Bring content and pillar of nodes that are up to what the working copy says now."""
    folder = run_folder(suite.name, site)
    environment = _environment(suite, folder)
    inventory = LxdProvider(site).inventory(environment, instance(suite.name))
    _write(suite, inventory, folder)


def pack(checkout: Path, target: Path) -> None:
    """Write salt/ of `checkout` as the tar `target`: the same bytes for the same files."""
    aside = target.with_name(f".{target.name}.new")
    with tarfile.open(aside, mode="w") as tar:
        for path in sorted((checkout / "salt").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                entry = tarfile.TarInfo(str(path.relative_to(checkout)))
                entry.size, entry.mode = path.stat().st_size, 0o644
                with path.open("rb") as source:
                    tar.addfile(entry, source)
    aside.replace(target)


def _brings_salt(suite: Suite) -> bool:
    return any(SALT in platform.ansible for platform in suite.platforms)


def _bring_wheels(inventory: Inventory, wheels: Path) -> None:
    """Take what the image has of Salt from the nodes, and lay the wheels there instead."""
    for host in inventory.hosts:
        run_on(host, inventory, "rm -r /opt/salt*", timeout=60)
        target = f"{host.name}:{WHEELS}"
        run(["scp", "-q", "-r", "-F", inventory.ssh_config, wheels, target], timeout=300)


def _wheels(folder: Path) -> tuple[WheelSet, Path]:
    """The wheels of the working copy's Salt, and where they lie here."""
    return fetch_wheels(release_lock(CONTENT), folder / "wheels.log")


def _environment(suite: Suite, folder: Path) -> Environment:
    file = folder / f"{ENVIRONMENT}.yml"
    file.write_text(render_environment(suite), encoding="utf-8")
    return parse_environment(file)


def _write(suite: Suite, inventory: Inventory, folder: Path) -> None:
    """What the playbooks read: inventory, SSH settings, pillar and content of the working copy."""
    settings, tunables = inventory.environment.settings, read_tunables(CONTENT)
    demand_known(settings, tunables, "the working copy")
    told: dict[str, object] = dict(day0_variables(settings, CONTENT / "ansible"))
    if _brings_salt(suite):
        told |= salt_variables(_wheels(folder)[0], WHEELS)
    variables: Any = ansible_inventory(inventory, told)
    for platform in suite.platforms:
        host_variables = {"suite_node": platform.variables(), **platform.vars}
        variables["all"]["hosts"][platform.name].update(host_variables)
    variables["all"]["vars"] |= {"ansible_ssh_common_args": f"-F {inventory.ssh_config}"}
    (folder / "inventory.json").write_text(json.dumps(variables, indent=1), encoding="utf-8")
    own = pillar_settings(settings, tunables)
    pillar = pillars.write(folder, CONTENT, inventory, own)
    for name, target in (("ssh_config", inventory.ssh_config), ("pillar", pillar)):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)
    pack(CONTENT, folder / "content.tar")


def main(words: list[str]) -> int:
    try:
        act, name = words
        suite = load().get(name)
        if act == "down":
            print("removed" if down(name, site()) else "nothing")
        elif suite is None:
            raise InputError(f"there is no suite '{name}'")
        elif act == "up":
            before = is_up(name, site())
            up(suite, site())
            print("there" if before else "made")
        else:
            raise InputError(f"'{act}' is neither up nor down")
    except DeployKitError as error:
        print(f"error: {error.message}\n{error.remedy}".rstrip(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
