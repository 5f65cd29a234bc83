"""What Salt makes of a release, without any node: rendered here, by the Salt that nodes have.

The release's templates and modules run in a sandbox without a network. What comes of them follows
from the kit, the place it is rendered for and this deploy-kit; so it is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from deploykit.base.errors import InputError
from deploykit.base.filelock import locked
from deploykit.base.files import write
from deploykit.base.homes import cache_home
from deploykit.base.yamlfile import load
from deploykit.master.remote import rolemap
from deploykit.master.remote.environment import known_to_all, pillars
from deploykit.master.remote.given import GIVEN, VALUES
from deploykit.master.remote.protocol import AgentError
from deploykit.mirror.wheelstore import release_lock
from deploykit.preview.places import Place
from deploykit.preview.renderer import SCRIPT, ask_salt
from deploykit.release import Release
from deploykit.site import Site
from deploykit.site.tunables import demand_known, pillar_settings, read_tunables

PATIENCE = 600.0  # seconds for others to render theirs
KEPT = 40  # renderings: those used last
UNREAD = ("clean", "health")  # files of a component that no deployment runs to change anything
GRAINS = {
    "os": "Debian",
    "os_family": "Debian",
    "oscodename": "bookworm",
    "osmajorrelease": 12,
    "osrelease": "12",
    "kernel": "Linux",
    "cpuarch": "x86_64",
    "osarch": "amd64",
    "init": "systemd",
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """What Salt makes of a release: by node as SCRIPT answers, its steps as `orchestration`;
    `components` of each role, '' for those of every node."""

    nodes: Mapping[str, Any]
    components: Mapping[str, tuple[str, ...]]


def roles_of(site: Site, release: Release) -> dict[str, str]:
    """The roles that its content knows and the stage of each, '' of one that has none.

    Without any there is nothing to render."""
    roles = _content(release.unpacked(site))["roles"]
    return {role: str(entry.get("stage") or "") for role, entry in roles.items()}


def render_release(site: Site, release: Release, place: Place, *, older: bool) -> Rendered:
    """Render `release` for the nodes of `place`, or read what was rendered before.

    `older`: roles and settings that it does not know are left out, as it is not what would come.
    Raises InputError if it cannot take them; DeployKitError where this machine cannot render.
    """
    root = release.unpacked(site)
    content = _role_map(root)
    known = place.with_roles(content["roles"]) if older else place
    for name, node in known.nodes.items():
        if strange := [role for role in node["roles"] if role not in content["roles"]]:
            raise InputError(
                f"{name} has the role '{strange[0]}', which {release.version} does not know"
            )
    tunables = read_tunables(root)
    if not older:
        demand_known(place.settings, tunables, release.version)
    components = {role: tuple(e.get("components") or ()) for role, e in content["roles"].items()}
    told = {
        **_pillars(content, known, pillar_settings(place.settings, tunables)),
        "whole": {
            # As the master's agent gives them to the orchestration.
            "pillar": {
                **place.batch,
                "environment": {"name": place.name, "nodes": known_to_all(dict(known.nodes))},
                "roles": {role: list(parts) for role, parts in components.items()},
                "role_map": rolemap.told(content),
            },
            "minions": [name for name in place.kinds if name in known.nodes],
            "grains": GRAINS,
            "unread": UNREAD,
            "stages": False,
        },
    }
    common = tuple(content.get("common") or ())
    return Rendered(_kept(root, release.hex, told, place.machine), {"": common, **components})


def _role_map(root: Path) -> dict[str, Any]:
    """The role map of the content in `root`, with what follows from it. Raises InputError."""
    try:
        return rolemap.completed(_content(root))
    except (AgentError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"salt/roles.yml is no role map: {error}") from None


def _content(root: Path) -> dict[str, Any]:
    """What salt/roles.yml in `root` says, with `roles` in any case: empty where it says none."""
    file = root / "salt" / "roles.yml"
    said = load(file).plain() if file.is_file() else {}
    content = said if isinstance(said, dict) else {}
    roles = content.get("roles")
    known = {role: entry or {} for role, entry in roles.items()} if isinstance(roles, dict) else {}
    return {**content, "roles": known}


def _pillars(content: dict[str, Any], place: Place, settings: dict[str, Any]) -> dict[str, Any]:
    """The external pillar of every node, with a name in the place of each secret."""
    values = {name: _placeholder(name, rule) for name, rule in content["secrets"].items()}
    return pillars(
        content,
        dict(place.nodes),
        values,
        name=place.name,
        ca="<the authority>\n",
        virtual=dict(place.virtual),
        public=place.public,
        settings=settings,
    )


def _placeholder(name: str, rule: Mapping[str, Any]) -> Any:
    """What stands for a secret, by its kind; in a form that masks leave as it is."""
    if rule["kind"] == "fernet-keys":
        return [f"<{name}_0>", f"<{name}_1>"]
    if rule["kind"] == "values":  # which there are, people say who give them
        return {GIVEN: True, VALUES: {}}
    if rule["kind"] == "certificate":
        return {"certificate": f"<{name} certificate>\n", "key": f"<{name} key>\n"}
    return f"<{name}>"


def _kept(
    root: Path, digest: str, told: Mapping[str, Any], machine: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The answer for the kit `digest`, unpacked in `root`: of before, or made now."""
    script = files("deploykit.preview").joinpath(SCRIPT).read_text("utf-8")
    salt = release_lock(root).text
    words = [sysconfig.get_python_version(), salt, script, digest, told, machine]
    key = hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()
    folder = cache_home() / "previews"
    file = folder / f"{key}.json"
    with locked(folder / f"{key}.lock", timeout=PATIENCE):
        if not file.is_file():
            write(file, json.dumps(ask_salt(root, told, machine)))
            _prune(folder)
        os.utime(file)
        answer: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return answer


def _prune(folder: Path) -> None:
    """Forget all but those that were used last. A lock may go, too: then one is rendered twice."""
    known = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
    for file in known[:-KEPT]:
        file.unlink(missing_ok=True)
        file.with_suffix(".lock").unlink(missing_ok=True)
