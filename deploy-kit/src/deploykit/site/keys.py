"""The keys that people sign with, one per role, and the files of known signers OpenSSH reads."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.process import run
from deploykit.base.processes import login
from deploykit.site import Site
from deploykit.site.keypair import make_key

KEY_VARIABLE = "DEPLOY_KIT_KEY"  # for every role
ADMIN_KEY_VARIABLE = "DEPLOY_KIT_ADMIN_KEY"  # for what wants an admin, and nothing else
FILE = "id_ed25519"
TIMEOUT = 15.0  # seconds; ssh-keygen takes some milliseconds
TOUCH_TIMEOUT = 60.0  # seconds that a person may take to touch a security key
KIT_NAMESPACE = "gitshelf-kit"
OPERATOR, ADMIN, CUSTODIAN = "operator", "admin", "custodian"
# What a key may be for, that with the least to say first. A custodian opens exports of secrets.
IN_ORDER = (OPERATOR, "approver", "release-manager", CUSTODIAN, ADMIN)
ROLES = frozenset(IN_ORDER)
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
    """Someone whose signature counts, for what their roles allow.

    `addresses` are those that their commits have as an author's.
    """

    principal: str
    key: str
    roles: frozenset[str]
    addresses: frozenset[str] = frozenset()

    @property
    def fingerprint(self) -> str:
        """The key's SHA-256 as ssh-keygen -l shows it."""
        digest = hashlib.sha256(base64.b64decode(self.key.split()[1])).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def named_key(site: Site, given: Path | None = None) -> Key | None:
    """The key that a person wants for every record of this call: `given`, else $DEPLOY_KIT_KEY.

    `given` may be the name of a role: the site's own key of that one. None if nothing is named.
    Raises InputError if a named key cannot be used.
    """
    named = given or (Path(os.environ[KEY_VARIABLE]) if os.environ.get(KEY_VARIABLE) else None)
    if named is None:
        return None
    if str(named) in ROLES and not named.exists():
        return Keyring(site).of_role(str(named))
    return read_key(named.expanduser())


def operator_key(site: Site) -> Key:
    """The site's own key of the role operator."""
    return Keyring(site).of_role(OPERATOR)


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys that one may sign with: `named` for everything, else the site's own, one per role.

    The site's own are made on first use: ed25519, no passphrase, readable by the user alone. That
    of the admin may be another, such as a security key's: $DEPLOY_KIT_ADMIN_KEY.
    """

    site: Site
    named: Key | None = None

    def of_role(self, role: str) -> Key:
        """The key of `role`, made if it is not there."""
        if self.named is not None:
            return self.named
        if role == ADMIN and os.environ.get(ADMIN_KEY_VARIABLE):
            key = read_key(Path(os.environ[ADMIN_KEY_VARIABLE]).expanduser())
            return replace(key, principal=principal_of(role))
        file = self.site.keys / role / FILE
        if not file.exists():
            make_key(file, principal_of(role))
        return read_key(file)

    def here(self) -> dict[str, Key]:
        """The keys that are there, by role, that with the least to say first."""
        if self.named is not None:
            return {OPERATOR: self.named}
        there = [role for role in IN_ORDER if (self.site.keys / role / FILE).exists()]
        if os.environ.get(ADMIN_KEY_VARIABLE):
            there = [*(role for role in there if role != ADMIN), ADMIN]
        return {role: self.of_role(role) for role in there}

    def entitled(self, roles: Collection[str], signers: Iterable[Signer]) -> Key:
        """The key for what one of `roles` may sign; `signers` are those in force.

        Of those that are there the first that may; if none may, the key of the first such role, so
        that an admin can be asked to let it in.
        """
        roles_of_key = {signer.key: signer.roles for signer in signers}
        for key in self.here().values():
            if roles_of_key.get(key.public, frozenset()) & set(roles):
                return key
        return self.of_role(next(role for role in IN_ORDER if role in roles))

    def founders(self) -> tuple[Signer, ...]:
        """Whom a new ledger trusts: the key of each role, or the one that was named with all."""
        if self.named is not None:
            return (Signer(self.named.principal, self.named.public, ROLES),)
        keys = ((role, self.of_role(role)) for role in IN_ORDER)
        return tuple(Signer(key.principal, key.public, frozenset({role})) for role, key in keys)


def opening_key(site: Site, recipients: Collection[str]) -> Path:
    """The private key to open an export with that is for the principals `recipients`.

    One of the site's own that is among them, else that of the custodian.
    """
    keyring = Keyring(site)
    fitting = [key.file for key in keyring.here().values() if key.principal in recipients]
    return fitting[0] if fitting else keyring.of_role(CUSTODIAN).file


def read_key(file: Path) -> Key:
    """The key in `file`; its principal is the comment of the public half.

    If that does not lie beside it, it is taken from the private one: those who keep a key for
    others (Jenkins) hand out that alone. Raises InputError if there is none, or it is not one.
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
    words: list[str | Path] = ["ssh-keygen", "-y", "-P", "", "-f", file]
    return run(words, timeout=TIMEOUT, env=QUIET, check=False).stdout if file.is_file() else ""


def principal_of(role: str) -> str:
    """The name of this process's own key of `role`: `user@host`, for others `user+role@host`."""
    if role == OPERATOR:
        return own_principal()
    user, _, host = own_principal().partition("@")
    rest = f"+{role}@{host}"
    return f"{user[: max(1, 128 - len(rest))]}{rest}"[:128]


def person(principal: str) -> str:
    """Whose key it is: `user@host` for `user+role@host` too. One person may have several keys, and
    their word counts once."""
    user, at, host = principal.partition("@")
    name, _, role = user.rpartition("+")
    return f"{name}{at}{host}" if name and role in ROLES else principal


def own_principal() -> str:
    """`user@host` of this process, with what a principal may not hold replaced by '-'."""
    text = re.sub(r"[^A-Za-z0-9._+@-]", "-", f"{login()}@{socket.gethostname()}")
    return text if PRINCIPAL.fullmatch(text) else f"u{text}"[:128]


def sign(key: Key, text: str, namespace: str) -> str:
    """The armoured SSH signature of `text` in `namespace` (`ssh-keygen -Y sign`).

    Raises DeployKitError if the key cannot sign.
    """
    result = run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", key.file, "-n", namespace],
        timeout=TOUCH_TIMEOUT if key.public.startswith("sk-") else TIMEOUT,
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
