"""New values for secrets of the environment; the next deployment brings them to the services.

What the services still work with is kept as `previous` until a deployment has gone well.
"""

from __future__ import annotations

from typing import Any

from . import environment, given, kits, secrets
from .files import read_json, write_json
from .protocol import AgentError

PREVIOUS = "secrets-previous.json"
SUFFIX = "_tls"  # of the names of certificates


def rotate(names: list[str]) -> dict[str, list[str]]:
    """New values for the secrets `names`, or for all but the fixed ones if it is empty.

    Returns {"rotated": [...], "waiting": [...]}: `waiting` are token keys that were rotated before
    and not deployed since (see `next_keys`); named, they are refused.
    Raises AgentError for a name that the environment has no secret of, or whose secret is fixed.
    """
    spec = asked_for()
    described = environment.describe()
    with secrets.changing() as values:
        known = sorted(set(spec) & set(values))
        _demand_known(names, known)
        fixed = {name for name in known if spec[name].get("fixed")}
        others = {name for name in known if given.is_given(values[name])}
        _demand_ours(sorted(others.intersection(names)), spec)
        _demand_not_fixed(sorted(fixed.intersection(names)))
        known = [name for name in known if name not in fixed | others]
        old: dict[str, Any] = read_json(secrets.ROOT / PREVIOUS, {})
        waiting = [
            name for name in names or known if spec[name]["kind"] == "fernet-keys" and name in old
        ]
        if names and waiting:
            raise AgentError(
                f"{', '.join(waiting)}: rotated already, and not deployed since",
                "deploy first: a key signs only after every node has it",
            )
        chosen = [name for name in names or known if name not in waiting]
        # A second rotation before a deployment: services still work with the first value.
        write_json(secrets.ROOT / PREVIOUS, {**{name: values[name] for name in chosen}, **old})
        for name in chosen:
            values[name] = _next(name, spec[name], values[name], described)
    return {"rotated": chosen, "waiting": waiting}


def undo() -> list[str]:
    """Every secret that was rotated since the last deployment as it was; returns their names."""
    with secrets.changing() as values:
        old: dict[str, Any] = read_json(secrets.ROOT / PREVIOUS, {})
        values.update(old)
    settle()
    return sorted(old)


def settle() -> None:
    """A deployment went well: nobody works with the values of before any more."""
    (secrets.ROOT / PREVIOUS).unlink(missing_ok=True)


def listed() -> list[dict[str, Any]]:
    """What secrets there are, sorted by name, without any value.

    Each: name, kind, roles that may read it, made (ISO 8601, or None if it was not noted),
    whether it was rotated and waits for a deployment, when it `ends` (a certificate; ISO 8601),
    whether it was `given`, and how many keys of a ring stay when it is rotated (`keep`; None if all
    do, or it is none).
    """
    spec = asked_for(missing_ok=True)
    values: dict[str, Any] = read_json(secrets.ROOT / secrets.STORE, {})
    times: dict[str, str] = read_json(secrets.ROOT / secrets.TIMES, {})
    old: dict[str, Any] = read_json(secrets.ROOT / PREVIOUS, {})
    return [
        {
            "name": name,
            "kind": kind_of(values[name]),
            "roles": list(spec.get(name, {}).get("roles", [])),
            "made": times.get(name),
            "waiting": name in old,
            "ends": secrets.end_of(values[name]),
            "given": given.is_given(values[name]),
            "keep": spec.get(name, {}).get("keep"),
        }
        for name in sorted(values)
    ]


def kind_of(value: Any) -> str:
    """The kind of secret that a value is."""
    if isinstance(value, str):
        return "password"
    if isinstance(value, list):
        return "fernet-keys"
    return "values" if given.VALUES in value else "certificate"


def asked_for(missing_ok: bool = False) -> dict[str, dict[str, Any]]:
    """The secrets that the deployed release asks for: name -> kind, roles.

    Raises AgentError if nothing is deployed, unless `missing_ok`.
    """
    digest = kits.current()
    if digest is None:
        if missing_ok:
            return {}
        raise AgentError("nothing is deployed here yet", "deploy first: that makes the secrets")
    rules: dict[str, dict[str, Any]] = environment.role_map(digest)["secrets"]
    return rules


def next_keys(keys: list[str], keep: int | None) -> list[str]:
    """Keystone's rotation: the staged key (0) becomes the primary (the last), a new one is staged.

    The primary of before stays, so that what it signed is still accepted; of more than `keep` keys
    the oldest goes. Without `keep` none does: stored credentials know no expiry.
    """
    staged, *others = keys
    left = [*others, staged]
    if keep is not None and len(left) >= keep:
        left = left[len(left) + 1 - keep :]
    return [secrets.fernet_key(), *left]


def _next(name: str, rule: dict[str, Any], value: Any, described: dict[str, Any]) -> Any:
    if rule["kind"] == "fernet-keys":
        return next_keys(value, rule.get("keep"))
    if rule["kind"] == "certificate":
        # A description written before there were virtual addresses, or outsiders, has none.
        places = described["nodes"], described.get("virtual", {}), described.get("public")
        names = secrets.names_of(rule, *places) or ()
        both = bool(rule.get("both_ways"))
        return secrets.certificate(None, name, names, described["name"], both_ways=both)
    return secrets.new_value(name, rule)


def _demand_known(names: list[str], known: list[str]) -> None:
    if unknown := sorted(set(names) - set(known)):
        raise AgentError(
            f"no such secret: {', '.join(unknown)}", f"there are: {', '.join(known) or 'none'}"
        )


def _demand_ours(names: list[str], spec: dict[str, dict[str, Any]]) -> None:
    if not names:
        return
    whose, how = "made by others, who alone make another", "--value NAME=FILE"
    if spec[names[0]]["kind"] == "certificate":
        whose = "of an authority outside, which alone makes another"
        how = "--certificate FILE --key FILE"
    raise AgentError(f"{', '.join(names)}: {whose}", f"{given.REMEDY} ENVIRONMENT {names[0]} {how}")


def give(name: str, chain: str, key: str) -> dict[str, Any]:
    """Keep a certificate of an authority outside as the secret `name`; the next deployment brings
    it to the services. Returns its names and when it ends.

    If the deployed release knows none that outsiders see, or none is deployed, each name of a
    certificate is taken that no other secret has.
    Raises AgentError for another secret than one that outsiders see, and as `given.checked` does.
    """
    value = given.checked(chain, key)
    spec = asked_for(missing_ok=True)
    takes = sorted(secret for secret, rule in spec.items() if rule.get("public"))
    if takes:
        fits, known = name in takes, ", ".join(takes)
    else:  # of a release that is to come
        fits, known = name.endswith(SUFFIX) and name not in spec, f"a name that ends in {SUFFIX}"
    if not fits:
        raise AgentError(f"no such certificate: {name}", f"there is: {known}")
    with secrets.changing() as values:
        if spec:
            _keep_previous(name, values)
        values[name] = value
    return {"names": given.names(given.first(chain)), "ends": secrets.end_of(value)}


def give_values(name: str, by_name: dict[str, str]) -> dict[str, Any]:
    """Keep `by_name`, values by name, in the secret `name` beside those that it has; the next
    deployment brings them to the services. Returns the names of all that it has then.

    Where nothing is deployed yet, any name is taken. Raises AgentError for a secret that is no such
    thing, and as `given.checked_values` does.
    """
    spec = asked_for(missing_ok=True)
    takes = sorted(secret for secret, rule in spec.items() if rule["kind"] == "values")
    if spec and name not in takes:
        known = ", ".join(takes) or "none"
        raise AgentError(f"no secret of values that others made: {name}", f"there is: {known}")
    with secrets.changing() as values:
        there = values.get(name, given.values({}))
        if spec:
            _keep_previous(name, values)
        values[name] = given.values({**there[given.VALUES], **given.checked_values(by_name)})
    return {"names": sorted(values[name][given.VALUES])}


def _keep_previous(name: str, values: dict[str, Any]) -> None:
    """What the services work with until a deployment has gone well."""
    if name in values:
        old: dict[str, Any] = read_json(secrets.ROOT / PREVIOUS, {})
        write_json(secrets.ROOT / PREVIOUS, {name: values[name], **old})


def forget(name: str) -> None:
    """Put a certificate away that was given as the secret `name`, and the one before it.

    Raises AgentError where it is none of those, or where outsiders see it since the environment's
    last deployment: then another is given in its place, or the environment asks for none first.
    """
    spec = asked_for(missing_ok=True)
    public = environment.describe().get("public") or {}
    with secrets.changing() as values:
        theirs = sorted(secret for secret, value in values.items() if given.is_given(value))
        if name not in theirs:
            raise AgentError(
                f"no certificate was given as '{name}'", f"there is: {', '.join(theirs) or 'none'}"
            )
        if public.get("outside") and spec.get(name, {}).get("public"):
            raise AgentError(
                f"'{name}' is what outsiders see, and the environment's file asks for it",
                f"give another: {given.REMEDY} ENVIRONMENT {name}; or take 'certificate: outside' "
                "out of the file and deploy",
            )
        del values[name]
        old: dict[str, Any] = read_json(secrets.ROOT / PREVIOUS, {})
        if old.pop(name, None) is not None:
            write_json(secrets.ROOT / PREVIOUS, old)


def _demand_not_fixed(names: list[str]) -> None:
    if names:
        raise AgentError(
            f"{', '.join(names)}: cannot be rotated",
            "a service's data lies encrypted with it, and could not be read any more",
        )
