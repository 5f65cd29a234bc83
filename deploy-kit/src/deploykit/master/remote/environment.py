"""The environment as its master knows it: roles, secrets and each minion's external pillar."""

from __future__ import annotations

from typing import Any

from . import kits, rolemap, secrets
from .files import read_json, write_json
from .protocol import AgentError


def role_map(digest: str) -> dict[str, Any]:
    """salt/roles.yml of the kit, with all `secrets` and `schemas` that follow from its roles.

    Beside `roles` it may have `common`: the components of every minion, before those of its roles.
    """
    import yaml  # type: ignore[import-untyped,unused-ignore]

    file = kits.folder(digest) / "salt" / "roles.yml"
    try:
        with file.open(encoding="utf-8") as text:
            content = yaml.safe_load(text)
    except FileNotFoundError:
        raise AgentError("the kit holds no salt/roles.yml", "add the book 'salt' to it") from None
    if not isinstance(content, dict) or not isinstance(content.get("roles"), dict):
        raise AgentError("salt/roles.yml: expected the mapping 'roles'")
    if wrong := [role for role, entry in content["roles"].items() if not isinstance(entry, dict)]:
        raise AgentError(f"salt/roles.yml: roles.{wrong[0]}: expected a mapping")
    return rolemap.completed(content)


def apply(
    digest: str,
    name: str,
    nodes: dict[str, dict[str, Any]],
    virtual: dict[str, str] | None = None,
    settings: dict[str, Any] | None = None,
    *,
    public: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write the environment's pillar for the kit `digest`; returns role -> components.

    `nodes`: name -> {"roles": [...], "addresses": {network: address}, "links": {network:
    {"interface": name, ...}}}, and "addresses6" if there are any. `virtual`: network -> the address
    that several nodes share there, if there is one. `public`: what outsiders use, if that is not
    what the services use: "network", "address", "name" ('' without one), "host" (what stands in
    URLs), "outside" (whether its certificate is given). `settings` are the environment's values
    over the kit's, by component or what else its pillar has; a node gets those of its own
    components. Secrets that the kit asks for are made if they are missing; a node that is no longer
    there loses its pillar.
    Raises AgentError for a role that the kit does not know.
    """
    content = role_map(digest)
    components = {
        role: list(entry.get("components") or []) for role, entry in content["roles"].items()
    }
    for node, entry in nodes.items():
        for role in entry["roles"]:
            if role not in components:
                raise AgentError(
                    f"node {node} has the role '{role}', which the release does not know",
                    f"roles in its salt/roles.yml: {', '.join(sorted(components))}",
                )
    virtual, settings = virtual or {}, settings or {}
    values = secrets.ensure(content["secrets"], nodes, name, virtual, public)
    secrets.authority(name)
    ca = (secrets.ROOT / "ca" / "ca.crt").read_text()
    folder = secrets.ROOT / "pillar"
    folder.mkdir(mode=0o700, exist_ok=True)
    told = pillars(
        content, nodes, values, name=name, ca=ca, virtual=virtual, public=public, settings=settings
    )
    for node, pillar in told.items():
        write_json(folder / f"{node}.json", pillar)
    for stale in folder.glob("*.json"):
        if stale.stem not in nodes:
            stale.unlink()
    everybody = known_to_all(nodes)
    described = {"name": name, "nodes": everybody, "virtual": virtual, "public": public}
    write_json(secrets.ROOT / "environment.json", described)
    return components


def pillars(
    content: dict[str, Any],
    nodes: dict[str, dict[str, Any]],
    values: dict[str, Any],
    *,
    name: str,
    ca: str,
    virtual: dict[str, str],
    public: dict[str, Any] | None,
    settings: dict[str, Any],
) -> dict[str, dict[str, Any]]:
    """The external pillar of each node, by the role map `content`; the rest as `apply` has it.

    `values` are the secrets by name, `ca` is the text of the authority's certificate. Pure.
    """
    components = {role: entry.get("components") or [] for role, entry in content["roles"].items()}
    everybody = known_to_all(nodes)
    told = {}
    for node, entry in nodes.items():
        roles = entry["roles"]
        own = {
            "name": name,
            "node": node,
            "ca": ca,
            "nodes": everybody,
            "interfaces": interfaces(entry["links"]),
            "virtual": virtual,
            **({"public": public} if public else {}),
            **entry,
        }
        parts = [*(content.get("common") or []), *(c for role in roles for c in components[role])]
        told[node] = {
            "environment": own,
            "components": list(dict.fromkeys(parts)),
            "role_map": rolemap.told(content),
            "settings": settings_of(settings, parts, components),
            "secrets": {
                secret: values[secret]
                for secret, rule in content["secrets"].items()
                if secret in values and set(roles) & set(rule["roles"])
            },
        }
    return told


def settings_of(
    settings: dict[str, Any], parts: list[str], components: dict[str, list[str]]
) -> dict[str, Any]:
    """Those of `settings` for a node with the components `parts`; `components` are all, by role."""
    others = {name for listed in components.values() for name in listed} - set(parts)
    return {key: own for key, own in settings.items() if key not in others}


def interfaces(links: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Network -> interface, of what is said of a node's links."""
    return {network: link["interface"] for network, link in links.items()}


def known_to_all(nodes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What every minion knows of every node: its roles and addresses."""
    keys = ("roles", "addresses", "addresses6")
    return {
        node: {key: entry[key] for key in keys if key in entry} for node, entry in nodes.items()
    }


def describe() -> dict[str, Any]:
    """What `apply` wrote last, without any secret."""
    described: dict[str, Any] = read_json(secrets.ROOT / "environment.json", {})
    return described


def nodes_with(role: str) -> dict[str, dict[str, Any]]:
    """The nodes with `role` by name, of what `describe` returns."""
    nodes: dict[str, dict[str, Any]] = describe().get("nodes", {})
    return {name: entry for name, entry in nodes.items() if role in entry["roles"]}
