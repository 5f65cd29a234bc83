"""What makes a master this environment's own, to be taken away and brought back.

Secrets, certificate authority, the master's Salt key pair and the keys of its minions. It travels
as one JSON value within the session; encrypting it is the caller's part, on the other end.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from . import environment, rotation, secrets
from .files import read_json, write, write_json
from .protocol import AgentError

FORMAT = 1
SALT = Path("/etc/salt/pki/master")
AUTHORITY = "certificate authority"
MASTER_KEY = "Salt master key"
MODES = {"ca.crt": 0o644, "master.pub": 0o644, "master.pem": 0o400}
MINION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def export() -> dict[str, Any]:
    """Everything, with values. Raises AgentError if there is nothing to take."""
    values: dict[str, Any] = read_json(secrets.ROOT / secrets.STORE, {})
    name = environment.describe().get("name")
    if not values or not name:
        raise AgentError("this master has no secrets yet", "deploy first: that makes them")
    return {
        "format": FORMAT,
        "environment": name,
        "secrets": values,
        "made": read_json(secrets.ROOT / secrets.TIMES, {}),
        "previous": read_json(secrets.ROOT / rotation.PREVIOUS, {}),
        **_own(),
        "minions": _minions(),
    }


def fingerprint() -> str | None:
    """What tells this master's secrets from others, in 64 hex digits; None if it has none.

    Each value in it is long and random: nobody finds one of them by it.
    """
    values: dict[str, Any] | None = read_json(secrets.ROOT / secrets.STORE, None)
    if values is None:
        return None
    return fingerprint_of({"secrets": values, **_own()})


def fingerprint_of(saved: dict[str, Any]) -> str:
    """The `fingerprint` of a master that has nothing but what `saved`, an export, holds."""
    parts = {part: saved[part] for part in ("secrets", "ca", "salt")}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _own() -> dict[str, dict[str, str]]:
    return {
        "ca": _texts(secrets.ROOT / "ca", ("ca.crt", "ca.key")),
        "salt": _texts(SALT, ("master.pem", "master.pub")),
    }


def differing(saved: dict[str, Any]) -> list[str]:
    """The names of what is here with another value than `saved` has; sorted."""
    here: dict[str, Any] = read_json(secrets.ROOT / secrets.STORE, {})
    names = [name for name, value in saved["secrets"].items() if here.get(name, value) != value]
    for title, folder, part in ((AUTHORITY, secrets.ROOT / "ca", "ca"), (MASTER_KEY, SALT, "salt")):
        now = _texts(folder, tuple(saved[part]))
        if any(saved[part][file] != text for file, text in now.items()):
            names.append(title)
    return sorted(names)


def restore(saved: dict[str, Any], name: str, replacing: list[str]) -> dict[str, Any]:
    """Put `saved` (what `export` returned) in place on a master of the environment `name`.

    What differs here is replaced only if `replacing` names it; secrets that `saved` does not have
    stay. Returns {"restored": number of secrets, "kept": names that only this master has}.
    Raises AgentError if it is another environment's, is damaged, or would replace more.
    """
    _demand_fitting(saved, name)
    more = sorted(set(differing(saved)) - set(replacing))
    if more:
        raise AgentError(f"other values are here already: {', '.join(more)}")
    secrets.ROOT.mkdir(mode=0o700, parents=True, exist_ok=True)
    SALT.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder, part in ((secrets.ROOT / "ca", "ca"), (SALT, "salt")):
        folder.mkdir(mode=0o700, exist_ok=True)
        if part == "salt":
            _clear_salt_key()
        for file, text in saved[part].items():
            write(folder / file, text.encode(), MODES.get(file, 0o600))
    _invite(saved["minions"])
    with secrets.changing() as values:
        only_here = sorted(set(values) - set(saved["secrets"]))
        values.update(saved["secrets"])
    times: dict[str, str] = read_json(secrets.ROOT / secrets.TIMES, {})
    write_json(secrets.ROOT / secrets.TIMES, {**times, **saved["made"]})
    if saved["previous"]:
        write_json(secrets.ROOT / rotation.PREVIOUS, saved["previous"])
    return {"restored": len(saved["secrets"]), "kept": only_here}


def _public(words: list[str], text: str) -> str:
    """The public key that openssl reads in a certificate or key; the text is no argument of it."""
    done = subprocess.run(
        ["openssl", *words], input=text, capture_output=True, text=True, check=False, timeout=30
    )
    if done.returncode != 0:
        raise AgentError("the export's certificate authority cannot be read")
    return done.stdout


def _demand_fitting(saved: dict[str, Any], name: str) -> None:
    if saved.get("format") != FORMAT:
        raise AgentError(f"the export has format {saved.get('format')!r}, known is {FORMAT}")
    for owner in (name, environment.describe().get("name", name)):
        if saved["environment"] != owner:
            raise AgentError(
                f"the export is of the environment '{saved['environment']}', this is '{owner}'"
            )
    # By Debian's program: a master that is bare has no Salt yet, and so none of its packages.
    authority = _public(["x509", "-noout", "-pubkey"], saved["ca"]["ca.crt"])
    if authority != _public(["pkey", "-pubout"], saved["ca"]["ca.key"]):
        raise AgentError("the export's certificate authority does not fit its key")
    for minion in saved["minions"]:
        if not MINION.fullmatch(minion):
            raise AgentError(f"the export names a minion {minion!r}")


def _clear_salt_key() -> None:
    """Remove the master's key pair under every name that Salt knows it by.

    Salt 3008 takes ID.pem if it is there, and keeps master.pem as a link to it; without one it
    makes both of a master.pem (salt/crypt.py, MasterKeys._setup_keys).
    """
    for file in [*SALT.glob("*.pem"), *SALT.glob("*.pub")]:
        file.unlink()


def _invite(minions: dict[str, str]) -> None:
    """Accept the minions of before; who is here already may have been made anew since."""
    folder = SALT / "minions"
    folder.mkdir(mode=0o700, exist_ok=True)
    for minion, key in minions.items():
        if not (folder / minion).exists():
            write(folder / minion, key.encode(), 0o644)


def _minions() -> dict[str, str]:
    return {
        file.name: file.read_text()
        for file in sorted((SALT / "minions").glob("*"))
        if file.is_file() and MINION.fullmatch(file.name)
    }


def _texts(folder: Path, names: tuple[str, ...]) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in names if (folder / name).is_file()}
