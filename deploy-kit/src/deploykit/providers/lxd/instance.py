"""A whole instance in LXD: worked on side by side, removed, found when its site is gone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deploykit.base.parallel import in_parallel
from deploykit.providers import parse_instance
from deploykit.providers.lxd.api import Lxd
from deploykit.providers.lxd.network import remove_networks
from deploykit.providers.lxd.plan import TAG, Names

AT_ONCE = 8  # nodes worked on side by side


@dataclass(frozen=True, slots=True)
class Orphan:
    """An instance whose site's folder is no longer there, or was moved.

    `protected` if its environment said so when it was last brought up, or nothing is known of it.
    """

    names: Names
    folder: Path
    protected: bool


def orphans(lxd: Lxd) -> list[Orphan]:
    """Every instance on this host that no checkout can take down any more."""
    lost = []
    for project in lxd.get("projects", recursion="1"):
        config = project["config"]
        folder = config.get(f"{TAG}folder")
        if folder and not Path(folder).exists():
            names = Names(config[f"{TAG}site"], parse_instance(config[f"{TAG}instance"]))
            protected = names.instance.copy is None and config.get(f"{TAG}protected") != "false"
            lost.append(Orphan(names, Path(folder), protected))
    return lost


def remove_instance(lxd: Lxd, names: Names) -> None:
    """Remove nodes, profile, bridges and project; also what a killed call left of them."""
    project = lxd.find(f"projects/{names.project}")
    if project is not None:
        nodes = lxd.get("instances", names.project, recursion="1")
        in_parallel(nodes, lambda node: lxd.remove(node["name"], names.project), AT_ONCE)
        default = {"description": "", "config": {}, "devices": {}}
        lxd.put("profiles/default", default, names.project)
    remove_networks(lxd, names)
    if project is not None:
        lxd.delete(f"projects/{names.project}")
