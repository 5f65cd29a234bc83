"""SSH signatures checked here, without a program for each.

Formats: OpenSSH's PROTOCOL.sshsig, its PROTOCOL.u2f for security keys, RFC 4253 (RSA: 8332, ECDSA:
5656, Ed25519: 8709). What is exactly as `ssh-keygen -Y sign` writes it can be proved here, and only
what `ssh-keygen -Y verify` accepts, too. Of everything else nothing is said.

As a program it reads questions, one JSON line each, and prints 1 or 0 for each.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

BEGIN, END = "-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n"
COLUMNS = 70  # of base64 in a line, as ssh-keygen writes it
MAGIC, VERSION = b"SSHSIG", 1
HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
RSA_BITS = range(2048, 16385)  # others are left to OpenSSH, which may refuse them one day

Check = Callable[["_Fields", bytes], None]


class _Unusual(Exception):
    """Not as ssh-keygen writes it, or by a key of a kind that is not checked here."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whether `signature` (armoured) is one of `payload`, in `namespace`, by one of the public
    `keys` (`TYPE BASE64`)."""

    payload: str
    signature: str
    namespace: str
    keys: tuple[str, ...]


def is_proven(question: Question) -> bool:
    """True only if the answer is yes for certain; False says nothing."""
    from cryptography.exceptions import InvalidSignature

    try:
        _prove(question)
    except (_Unusual, InvalidSignature):
        return False
    return True


def encode_questions(questions: Iterable[Question]) -> str:
    """The input of this module as a program."""
    return "".join(f"{json.dumps(asdict(question))}\n" for question in questions)


def armour(blob: bytes) -> str:
    """The text that ssh-keygen writes of a signature's bytes."""
    text = base64.b64encode(blob).decode()
    lines = [f"{text[start : start + COLUMNS]}\n" for start in range(0, len(text), COLUMNS)]
    return f"{BEGIN}{''.join(lines)}{END}"


def strings(*parts: bytes) -> bytes:
    """`parts` as strings of RFC 4251: each after its length."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def signed_data(namespace: bytes, algorithm: bytes, payload: bytes) -> bytes:
    """What a key really signs of `payload`; `algorithm` is one of HASHES."""
    digest = HASHES[algorithm](payload).digest()
    return MAGIC + strings(namespace, b"", algorithm, digest)


def _prove(question: Question) -> None:
    """Raises _Unusual or InvalidSignature unless the signature is right."""
    fields = _Fields(_bytes_of(question.signature))
    if fields.take(len(MAGIC)) != MAGIC or fields.number() != VERSION:
        raise _Unusual
    key, namespace, reserved, algorithm = (fields.string() for _ in range(4))
    signature = _Fields(fields.string())
    fields.end()
    if namespace != question.namespace.encode() or reserved or algorithm not in HASHES:
        raise _Unusual
    if key not in map(_key_bytes, question.keys):
        raise _Unusual
    check = _check_of(key)
    check(signature, signed_data(namespace, algorithm, question.payload.encode()))


def _bytes_of(signature: str) -> bytes:
    """What is in the armour, which is as ssh-keygen writes it. Raises _Unusual."""
    body = signature.removeprefix(BEGIN).removesuffix(END)
    try:
        blob = binascii.a2b_base64(body)
    except ValueError:
        raise _Unusual from None
    if armour(blob) != signature:
        raise _Unusual
    return blob


@functools.lru_cache(maxsize=256)
def _key_bytes(public: str) -> bytes:
    try:
        return binascii.a2b_base64(public.split(" ")[1], strict_mode=True)
    except (ValueError, IndexError):
        raise _Unusual from None


class _Fields:
    """Bytes that are taken apart from the beginning; each step raises _Unusual for want of them."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def take(self, size: int) -> bytes:
        start, self._place = self._place, self._place + size
        if self._place > len(self._data):
            raise _Unusual
        return self._data[start : self._place]

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.number())

    def integer(self) -> int:
        """A positive number of RFC 4251 (`mpint`), as short as it can be."""
        data = self.string()
        value = int.from_bytes(data, "big")
        if not value or len(data) != value.bit_length() // 8 + 1:
            raise _Unusual
        return value

    def expect(self, text: bytes) -> None:
        if self.string() != text:
            raise _Unusual

    def end(self) -> None:
        if self._place != len(self._data):
            raise _Unusual


@functools.lru_cache(maxsize=256)
def _check_of(key: bytes) -> Check:
    """What checks the signatures of a public key. Raises _Unusual for a kind that is not known
    here, or a key that cannot be."""
    fields = _Fields(key)
    kind = fields.string()
    if kind not in _KINDS:
        raise _Unusual
    try:
        check = _KINDS[kind](kind, fields)
    except ValueError:
        raise _Unusual from None
    fields.end()
    return check


def _ed25519(kind: bytes, key: _Fields) -> Check:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    public = Ed25519PublicKey.from_public_bytes(key.string())

    def check(signature: _Fields, data: bytes) -> None:
        signature.expect(kind)
        value = signature.string()
        signature.end()
        public.verify(value, data)

    return check


def _ecdsa(kind: bytes, key: _Fields) -> Check:
    verify = _curve_of(kind.rpartition(b"-")[2], key)

    def check(signature: _Fields, data: bytes) -> None:
        signature.expect(kind)
        value = signature.string()
        signature.end()
        verify(value, data)

    return check


def _rsa(kind: bytes, key: _Fields) -> Check:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    # Never SHA-1: that is what a signature of the kind `ssh-rsa` would be.
    algorithms = {b"rsa-sha2-256": hashes.SHA256(), b"rsa-sha2-512": hashes.SHA512()}
    exponent, modulus = key.integer(), key.integer()
    if modulus.bit_length() not in RSA_BITS:
        raise _Unusual
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()

    def check(signature: _Fields, data: bytes) -> None:
        algorithm = algorithms.get(signature.string())
        value = signature.string()
        signature.end()
        if algorithm is None or len(value) != (public.key_size + 7) // 8:
            raise _Unusual
        public.verify(value, data, padding.PKCS1v15(), algorithm)

    return check


def _security_ed25519(kind: bytes, key: _Fields) -> Check:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    public = Ed25519PublicKey.from_public_bytes(key.string())
    return _on_security_key(kind, key.string(), public.verify)


def _security_ecdsa(kind: bytes, key: _Fields) -> Check:
    verify = _curve_of(b"nistp256", key)
    return _on_security_key(kind, key.string(), verify)


def _on_security_key(
    kind: bytes, application: bytes, verify: Callable[[bytes, bytes], None]
) -> Check:
    """A security key signs more than it is given: for which application, how often it has signed,
    and whether it was touched. Nothing is asked of these, as `ssh-keygen -Y verify` does not."""

    def check(signature: _Fields, data: bytes) -> None:
        signature.expect(kind)
        value, flags_and_counter = signature.string(), signature.take(5)
        signature.end()
        hashed = hashlib.sha256(data).digest()
        verify(value, hashlib.sha256(application).digest() + flags_and_counter + hashed)

    return check


def _curve_of(curve: bytes, key: _Fields) -> Callable[[bytes, bytes], None]:
    """What checks the bytes of a signature by a key on that curve against the data."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    curves: dict[bytes, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
        b"nistp256": (ec.SECP256R1(), hashes.SHA256()),
        b"nistp384": (ec.SECP384R1(), hashes.SHA384()),
        b"nistp521": (ec.SECP521R1(), hashes.SHA512()),
    }
    shape, algorithm = curves[curve]
    key.expect(curve)
    point = key.string()
    if not point.startswith(b"\x04"):  # written out, as OpenSSH wants it
        raise _Unusual
    public = ec.EllipticCurvePublicKey.from_encoded_point(shape, point)

    def verify(value: bytes, data: bytes) -> None:
        numbers = _Fields(value)
        r, s = numbers.integer(), numbers.integer()
        numbers.end()
        public.verify(encode_dss_signature(r, s), data, ec.ECDSA(algorithm))

    return verify


_KINDS: dict[bytes, Callable[[bytes, _Fields], Check]] = {
    b"ssh-ed25519": _ed25519,
    b"sk-ssh-ed25519@openssh.com": _security_ed25519,
    b"ecdsa-sha2-nistp256": _ecdsa,
    b"ecdsa-sha2-nistp384": _ecdsa,
    b"ecdsa-sha2-nistp521": _ecdsa,
    b"sk-ecdsa-sha2-nistp256@openssh.com": _security_ecdsa,
    b"ssh-rsa": _rsa,
}


def main(lines: Iterable[str]) -> None:
    """Print 1 or 0 for each question in `lines`."""
    for line in lines:
        asked: dict[str, str | Sequence[str]] = json.loads(line)
        question = Question(**{**asked, "keys": tuple(asked["keys"])})  # type: ignore[arg-type]
        sys.stdout.write(f"{is_proven(question):d}\n")


if __name__ == "__main__":
    main(sys.stdin)
