"""What follows from a kit's role map (salt/roles.yml): secrets, schemas, what minions are told.

Standard library only: the master's agent and the host both read it.
"""

from __future__ import annotations

from typing import Any

from .protocol import AgentError

IDENTITY = "identity"  # the role whose nodes make the accounts of all others; it needs none itself
QUEUE = "messaging"  # the role that is the message queue
OWN_ACCOUNT = "account"  # what a role says of `messaging` that has an account there


def completed(content: dict[str, Any]) -> dict[str, Any]:
    """`content` (the parsed roles.yml) with all `secrets` and `schemas`: declared ones and others.

    Raises AgentError if a role asks for what needs an account and names none.
    """
    return {**content, "secrets": secrets(content), "schemas": schemas(content)}


def secrets(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Name -> kind and the roles that may read it, of what roles ask for and what is declared.

    ACCOUNT_database is for the database and for the roles whose `databases` it opens;
    ACCOUNT_service for the roles that act as ACCOUNT, and for identity, which makes it;
    ACCOUNT_messaging for them and the message queue. Content from before queues knew accounts says
    `messaging: true`, and one password is for all.
    `fixed` ones are never rotated.
    """
    rules: dict[str, dict[str, Any]] = {}

    def readable(name: str, *roles: str, **more: bool) -> None:
        rule = rules.setdefault(name, {"kind": "password", "roles": [], **more})
        rule["roles"] += [role for role in roles if role not in rule["roles"]]

    for role, entry in content["roles"].items():
        account = _account(role, entry)
        if entry.get("databases"):
            readable(f"{account}_database", "database", role)
        if account and role != IDENTITY:
            readable(f"{account}_service", IDENTITY, role)
        if entry.get("messaging"):
            own = entry["messaging"] == OWN_ACCOUNT
            readable(f"{account}_messaging" if own else "messaging_password", QUEUE, role)
        for name in entry.get("passwords") or []:
            readable(name, role)
        for name in entry.get("keys") or []:
            readable(name, role, fixed=True)
    return rules | (content.get("secrets") or {})


def schemas(content: dict[str, Any]) -> dict[str, str]:
    """Account -> the database schema that this content works with."""
    named = {
        entry["account"]: entry["schema"]
        for entry in content["roles"].values()
        if entry.get("schema") and entry.get("account")
    }
    return {str(k): str(v) for k, v in (named | (content.get("schemas") or {})).items()}


def told(content: dict[str, Any]) -> dict[str, Any]:
    """What states and the orchestration read of it, as the pillar key `role_map`.

    A list, so that the order of the roles outlives JSON with sorted keys. Every role has
    `components` and `stage`, if empty ones.
    """
    return {
        "common": list(content.get("common") or []),
        "roles": [
            {"components": [], "stage": "", **entry, "name": role}
            for role, entry in content["roles"].items()
        ],
    }


def _account(role: str, entry: dict[str, Any]) -> str:
    account = entry.get("account") or ""
    owned = [key for key in ("databases", "schema") if entry.get(key)]
    for key in owned + (["messaging"] if entry.get("messaging") == OWN_ACCOUNT else []):
        if not account:
            raise AgentError(f"salt/roles.yml: roles.{role}: '{key}' needs the key 'account'")
    return str(account)
