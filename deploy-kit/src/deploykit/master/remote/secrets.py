"""The environment's own secrets: made on its master, kept there, issued to roles that need them.

What secrets there are is the content's word (`secrets:` in salt/roles.yml); their values never
leave the master but through the pillar of the minions whose roles may read them.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import fcntl
import ipaddress
import os
import secrets as random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from . import given
from .files import read_json, write, write_json
from .protocol import AgentError

ROOT = Path("/srv/environment")
STORE = "secrets.json"
TIMES = "secrets-made.json"
CA_YEARS = 10
CERTIFICATE_DAYS = 397
RENEW_DAYS = 60
BALANCER = "load-balancer"  # the role whose nodes a certificate that is `fronted` speaks for, too


def password() -> str:
    """32 characters from 62: about 190 bits."""
    return "".join(
        random.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        for _ in range(32)
    )


def fernet_key() -> str:
    """A key as keystone and cryptography's Fernet take it."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def fernet_keys() -> list[str]:
    """A staged key (0) and a primary one (1), as keystone numbers them."""
    return [fernet_key(), fernet_key()]


def ensure(
    spec: dict[str, dict[str, Any]],
    nodes: dict[str, dict[str, Any]],
    name: str,
    virtual: dict[str, str],
    public: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Every secret of `spec` by name, those missing newly made; returns all of them.

    `nodes` maps node names to their roles and addresses; `name` is the environment's; `virtual` are
    its virtual addresses, `public` what outsiders use (None: what the services use). Raises
    AgentError if a certificate is to be given and was not.
    """
    with changing() as values:
        for secret, rule in spec.items():
            if rule.get("kind") == "certificate":
                old = values.get(secret)
                if (names := names_of(rule, nodes, virtual, public)) is None:
                    if not given.is_given(old):
                        values.pop(secret, None)  # outsiders had something of their own once
                    continue
                if rule.get("public") and public and public["outside"]:
                    given.demand(secret, old, public["name"])
                else:
                    both = bool(rule.get("both_ways"))
                    values[secret] = certificate(old, secret, names, name, both_ways=both)
            elif secret not in values:
                values[secret] = new_value(secret, rule)
        return values


@contextlib.contextmanager
def changing() -> Iterator[dict[str, Any]]:
    """The store's values by name, to be changed in place; written back when nothing was raised.

    One at a time; beside each value that changed the time is kept.
    """
    ROOT.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (ROOT / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before: dict[str, Any] = read_json(ROOT / STORE, {})
        values = dict(before)
        yield values
        times: dict[str, str] = read_json(ROOT / TIMES, {})
        now = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
        times |= {secret: now for secret in values if values[secret] != before.get(secret)}
        write_json(ROOT / STORE, values)
        write_json(ROOT / TIMES, times)


def new_value(secret: str, rule: dict[str, Any]) -> Any:
    """A value for a secret that is no certificate. Raises AgentError for an unknown kind."""
    kind = rule.get("kind")
    if kind == "password":
        return password()
    if kind == "fernet-keys":
        return fernet_keys()
    if kind == "values":
        return given.values({})
    raise AgentError(
        f"salt/roles.yml: secrets.{secret}: unknown kind {kind!r}",
        "known kinds: password, fernet-keys, certificate, values",
    )


def holders(rule: dict[str, Any], nodes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Those of `nodes` that have one of the rule's roles."""
    wanted = set(rule["roles"])
    return {node: entry for node, entry in nodes.items() if set(entry["roles"]) & wanted}


def names_of(
    rule: dict[str, Any],
    nodes: dict[str, dict[str, Any]],
    virtual: dict[str, str],
    public: dict[str, Any] | None,
) -> list[str] | None:
    """The names and addresses that a certificate speaks for, by its rule in the role map.

    Those of the nodes that have it, all virtual addresses if the rule says `virtual`, and the load
    balancers' nodes if it says `fronted`, since who is asked there is reached through them; if it
    says `public`, what outsiders use and nothing else, None if that is nothing of its own.
    """
    if rule.get("public"):
        return [name for name in (public["name"], public["address"]) if name] if public else None
    named = holders(rule, nodes)
    if rule.get("fronted") and named:
        named |= holders({"roles": [BALANCER]}, nodes)
    names = []
    for node, entry in sorted(named.items()):
        names += [node, *(address for _, address in sorted(entry["addresses"].items()))]
    return [*names, *(sorted(virtual.values()) if rule.get("virtual") else [])]


def authority(name: str) -> tuple[Any, Any]:
    """The environment's certificate authority (certificate, key), made on first use."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = ROOT / "ca"
    folder.mkdir(mode=0o700, exist_ok=True)
    certificate_file, key_file = folder / "ca.crt", folder / "ca.key"
    if certificate_file.exists() and key_file.exists():
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        return x509.load_pem_x509_certificate(certificate_file.read_bytes()), key
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name} region CA")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=365 * CA_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(False, False, False, False, False, True, True, False, False),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write(key_file, _pem_of_key(key))
    write(certificate_file, made.public_bytes(serialization.Encoding.PEM), 0o644)
    return made, key


def certificate(
    old: dict[str, str] | None,
    secret: str,
    names: Sequence[str],
    name: str,
    *,
    both_ways: bool = False,
) -> dict[str, str]:
    """A certificate of the environment `name` for `names`, of DNS or addresses; `both_ways`: as
    clients, too. `old` is kept while it fits and has time left.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    ca, ca_key = authority(name)
    wanted = x509.SubjectAlternativeName([_general(spoken_for) for spoken_for in names])
    client = [ExtendedKeyUsageOID.CLIENT_AUTH] if both_ways else []
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, *client])
    now = datetime.datetime.now(datetime.UTC)
    if old:
        parsed = x509.load_pem_x509_certificate(old["certificate"].encode())
        there = {type(extension.value): extension.value for extension in parsed.extensions}
        same = all(there.get(type(value)) == value for value in (wanted, uses))
        left = parsed.not_valid_after_utc - now
        if same and parsed.issuer == ca.subject and left > datetime.timedelta(days=RENEW_DAYS):
            return old
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, secret)]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=CERTIFICATE_DAYS))
        .add_extension(wanted, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(uses, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    return {
        "certificate": made.public_bytes(serialization.Encoding.PEM).decode(),
        "key": _pem_of_key(key).decode(),
    }


def _general(name: str) -> Any:
    """A name or an address as certificates have it."""
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def end_of(value: Any) -> str | None:
    """When a secret ends, in ISO 8601: a certificate does, others have None."""
    if not isinstance(value, dict) or "certificate" not in value:
        return None
    from cryptography import x509

    parsed = x509.load_pem_x509_certificate(value["certificate"].encode())
    return parsed.not_valid_after_utc.isoformat()


def _pem_of_key(key: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization

    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem
