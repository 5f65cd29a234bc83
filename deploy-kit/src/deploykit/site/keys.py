"""The operator's signing key, and the files of known signers that OpenSSH reads."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.filelock import locked
from deploykit.base.process import run
from deploykit.base.processes import login
from deploykit.site import Site

KEY_VARIABLE = "DEPLOY_KIT_KEY"
FOLDER = "operator"
FILE = "id_ed25519"
TIMEOUT = 15.0  # seconds; ssh-keygen takes some milliseconds
KIT_NAMESPACE = "gitshelf-kit"
ROLES = frozenset({"admin", "operator", "release-manager", "approver"})
# OpenSSH reads principals as patterns: none of its special characters may stand in one.
PRINCIPAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@-]{0,127}")
PUBLIC_KEY = re.compile(r"(?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}")
# No password dialogue and no terminal: a key with a passphrase is refused, or comes from an agent.
QUIET = {"SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Key:
    """A key to sign with: its file (private, or public with an agent) and `TYPE BASE64`."""

    file: Path
    public: str
    principal: str


@dataclass(frozen=True, slots=True)
class Signer:
    """Someone whose signature counts, for what their roles allow."""

    principal: str
    key: str
    roles: frozenset[str]

    @property
    def fingerprint(self) -> str:
        """The key's SHA-256 as ssh-keygen -l shows it."""
        digest = hashlib.sha256(base64.b64decode(self.key.split()[1])).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def operator_key(site: Site, given: Path | None = None) -> Key:
    """The key of this call: `given`, else $DEPLOY_KIT_KEY, else the site's own.

    The site's own is made on first use: ed25519, no passphrase, readable by the user alone.
    Raises InputError where a named key cannot be used.
    """
    named = given or (Path(os.environ[KEY_VARIABLE]) if os.environ.get(KEY_VARIABLE) else None)
    if named is not None:
        return read_key(named.expanduser())
    folder = site.keys / FOLDER
    if not (folder / FILE).exists():
        _make(folder)
    return read_key(folder / FILE)


def read_key(file: Path) -> Key:
    """The key in `file`; its principal is the comment of the public half.

    Where that does not lie beside it, it is taken from the private one: those who keep a key for
    others (Jenkins) hand out that alone. Raises InputError where there is none, or it is not one.
    """
    public = file if file.suffix == ".pub" else file.with_name(f"{file.name}.pub")
    try:
        words = public.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        words = _public_half(file).split()
    if not words:
        raise InputError(
            f"cannot read the public key {public}",
            f"name a key pair with --key FILE or {KEY_VARIABLE}, e.g. ~/.ssh/id_ed25519",
        )
    text = " ".join(words[:2])
    if not PUBLIC_KEY.fullmatch(text):
        raise InputError(f"{public}: not an OpenSSH public key")
    comment = words[2] if len(words) > 2 else ""
    return Key(file, text, comment if PRINCIPAL.fullmatch(comment) else own_principal())


def _public_half(file: Path) -> str:
    """What OpenSSH says the public half of the private key is; '' if it cannot tell."""
    words = ["ssh-keygen", "-y", "-P", "", "-f", file]
    return run(words, timeout=TIMEOUT, env=QUIET, check=False).stdout if file.is_file() else ""


def own_principal() -> str:
    """`user@host` of this process, with what a principal may not hold replaced by '-'."""
    text = re.sub(r"[^A-Za-z0-9._+@-]", "-", f"{login()}@{socket.gethostname()}")
    return text if PRINCIPAL.fullmatch(text) else f"u{text}"[:128]


def sign(key: Key, text: str, namespace: str) -> str:
    """The armoured SSH signature of `text` in `namespace` (`ssh-keygen -Y sign`).

    Raises DeployKitError where the key cannot sign.
    """
    result = run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", key.file, "-n", namespace],
        timeout=TIMEOUT,
        input=text,
        env=QUIET,
        check=False,
    )
    if result.returncode != 0 or "BEGIN SSH SIGNATURE" not in result.stdout:
        raise DeployKitError(
            f"cannot sign with {key.file}: {result.stderr.strip() or 'ssh-keygen said nothing'}",
            "a key with a passphrase: ssh-add it and name its .pub file\n"
            f"or take the site's own key: unset {KEY_VARIABLE}",
        )
    return result.stdout


def allowed_signers(
    signers: Iterable[Signer], namespace: str = KIT_NAMESPACE, role: str | None = None
) -> str:
    """An allowed_signers file (ssh-keygen(1)) of those who hold `role`, for one namespace."""
    return "".join(
        f'{signer.principal} namespaces="{namespace}" {signer.key}\n'
        for signer in signers
        if role is None or role in signer.roles
    )


def _make(folder: Path) -> None:
    """Make a key pair aside and rename it into place; who comes second takes the first's."""
    with locked(folder.parent / ".lock", TIMEOUT * 2):
        if (folder / FILE).exists():
            return
        for left in folder.parent.glob(".new-*"):
            shutil.rmtree(left, ignore_errors=True)
        aside = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", own_principal()]
        run([*words, "-f", aside / FILE], timeout=TIMEOUT)
        aside.rename(folder)
