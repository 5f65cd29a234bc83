"""SSH signatures made here, without a program: by keys that ssh-keygen would know, too."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from deploykit.base.sshsig import armour, signed_data, strings

NAMESPACE, ALGORITHM = b"git", b"sha512"


@dataclass(frozen=True)
class Pen:
    """A key: its public half as bytes, and what signs data with it, as `KIND SIGNATURE`."""

    public: bytes
    sign: Callable[[bytes], bytes]

    @property
    def line(self) -> str:
        """The public half as `TYPE BASE64`."""
        kind = self.public[4 : 4 + int.from_bytes(self.public[:4], "big")].decode()
        return f"{kind} {base64.b64encode(self.public).decode()}"

    def armoured(self, payload: str) -> str:
        """The signature of a text as `ssh-keygen -Y sign -n git` writes it."""
        signed = self.sign(signed_data(NAMESPACE, ALGORITHM, payload.encode()))
        head = b"SSHSIG" + (1).to_bytes(4, "big")
        return armour(head + strings(self.public, NAMESPACE, b"", ALGORITHM, signed))


def ed25519_pen(secret: bytes | None = None) -> Pen:
    """A key of that kind; of 32 bytes `secret` always the same one."""
    make = ed25519.Ed25519PrivateKey
    private = make.generate() if secret is None else make.from_private_bytes(secret)
    kind = b"ssh-ed25519"
    public = strings(kind, private.public_key().public_bytes_raw())
    return Pen(public, lambda data: strings(kind, private.sign(data)))


def rsa_pen(bits: int = 2048) -> Pen:
    """An RSA key that signs with SHA-512."""
    private = rsa.generate_private_key(65537, bits)
    known, kind = private.public_key().public_numbers(), b"rsa-sha2-512"

    def sign(data: bytes) -> bytes:
        return strings(kind, private.sign(data, padding.PKCS1v15(), hashes.SHA512()))

    return Pen(strings(b"ssh-rsa", _mpint(known.e), _mpint(known.n)), sign)


def _mpint(value: int) -> bytes:
    """A positive number as RFC 4251 has it."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big")
