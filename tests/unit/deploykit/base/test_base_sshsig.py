"""SSH signatures checked here: proven only if ssh-keygen accepts them, whatever kind the key is."""

from __future__ import annotations

import base64
import functools
import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from deploykit.base.sshsig import (
    BEGIN,
    END,
    Question,
    armour,
    is_proven,
    signed_data,
    strings,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PAYLOAD = "tree 1\nauthor ann\n\n17: decision ümlaut\n"
KINDS = {
    "ed25519": [],
    "ecdsa": ["-b", "256"],
    "ecdsa-384": ["-b", "384"],
    "ecdsa-521": ["-b", "521"],
    "rsa": ["-b", "2048"],
}


class Pair:
    """A key pair of OpenSSH, and what it signs."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.file = folder / kind
        words = ["ssh-keygen", "-q", "-t", kind.partition("-")[0], "-N", "", "-C", "ann"]
        subprocess.run([*words, *KINDS[kind], "-f", str(self.file)], check=True, timeout=60)
        self.public = " ".join(self.file.with_suffix(".pub").read_text().split()[:2])

    def sign(self, payload: str = PAYLOAD, namespace: str = "git", *more: str) -> str:
        words = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(self.file), "-n", namespace, *more]
        done = subprocess.run(words, input=payload.encode(), capture_output=True, timeout=20)
        return done.stdout.decode()

    @functools.cached_property
    def signed(self) -> str:
        """One signature, the same whenever it is asked for: ECDSA's differ."""
        return self.sign()

    def openssh_accepts(self, folder: Path, payload: str, signature: str) -> bool:
        known, file = folder / "signers", folder / "signature"
        known.write_text(f"ann {self.public}\n")
        file.write_text(signature)
        words = ["ssh-keygen", "-q", "-Y", "verify", "-n", "git", "-I", "ann", "-f", str(known)]
        done = subprocess.run(
            [*words, "-s", str(file)], input=payload.encode(), capture_output=True, timeout=20
        )
        return done.returncode == 0


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    folder = tmp_path_factory.mktemp("keys")
    return {kind: Pair(folder, kind) for kind in KINDS}


def proven(pair: Pair, signature: str, payload: str = PAYLOAD, namespace: str = "git") -> bool:
    return is_proven(Question(payload, signature, namespace, (pair.public,)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hash_", ["sha256", "sha512"])
def test_what_ssh_keygen_signs_is_proven(pairs: dict[str, Pair], kind: str, hash_: str) -> None:
    signature = pairs[kind].sign(PAYLOAD, "git", "-O", f"hashalg={hash_}")
    assert proven(pairs[kind], signature)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_signed_otherwise_is_not_proven(pairs: dict[str, Pair], kind: str) -> None:
    pair, other = pairs[kind], pairs["rsa" if kind != "rsa" else "ed25519"]
    signature = pair.sign()
    assert not proven(pair, signature, PAYLOAD + " ")
    assert not proven(pair, signature, namespace="file")
    assert not proven(pair, pair.sign(namespace="file"))
    assert not proven(other, signature)
    assert not proven(pair, "")
    assert not is_proven(Question(PAYLOAD, signature, "git", ()))
    assert is_proven(Question(PAYLOAD, signature, "git", (other.public, pair.public)))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(END, ""),
        lambda text: f"x{text}",
        lambda text: f"{text}\n",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace(BEGIN, BEGIN + " "),
        lambda text: armour(base64.b64decode(text[len(BEGIN) : -len(END)]) + b"\0"),
    ],
)
def test_armour_that_ssh_keygen_would_not_write_is_left_to_it(
    pairs: dict[str, Pair], change: object
) -> None:
    pair = pairs["ed25519"]
    assert not proven(pair, change(pair.sign()))  # type: ignore[operator]


@pytest.mark.parametrize("touched", [b"\x01", b"\x00"])
def test_signature_of_a_security_key_is_proven_as_ssh_keygen_accepts_it(
    tmp_path: Path, touched: bytes
) -> None:
    """Made here as such a key would (PROTOCOL.u2f): no machine of these tests has one."""
    kind, application = b"sk-ssh-ed25519@openssh.com", b"ssh:"
    secret = Ed25519PrivateKey.generate()
    key = strings(kind, secret.public_key().public_bytes_raw(), application)
    data = signed_data(b"git", b"sha512", PAYLOAD.encode())
    flags_and_counter = touched + (7).to_bytes(4, "big")
    told = hashlib.sha256(application).digest() + flags_and_counter + hashlib.sha256(data).digest()
    signature = strings(kind, secret.sign(told)) + flags_and_counter
    blob = b"SSHSIG" + (1).to_bytes(4, "big")
    blob += strings(key, b"git", b"", b"sha512", signature)
    pair = Pair.__new__(Pair)
    pair.public = f"{kind.decode()} {base64.b64encode(key).decode()}"
    assert pair.openssh_accepts(tmp_path, PAYLOAD, armour(blob))
    assert proven(pair, armour(blob))
    assert not proven(pair, armour(blob), PAYLOAD + " ")


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nothing_is_proven_that_ssh_keygen_refuses(
    pairs: dict[str, Pair], tmp_path: Path, kind: str, data: st.DataObject
) -> None:
    """Bytes of the blob changed, put in and taken away, at any place."""
    pair = pairs[kind]
    blob = bytearray(base64.b64decode(pair.signed[len(BEGIN) : -len(END)]))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(blob) - 1))
        act = data.draw(st.sampled_from(["flip", "cut", "put"]))
        if act == "flip":
            blob[place] ^= 1 << data.draw(st.integers(0, 7))
        elif act == "cut":
            del blob[place]
        else:
            blob.insert(place, data.draw(st.integers(0, 255)))
    signature = armour(bytes(blob))
    if proven(pair, signature):
        assert pair.openssh_accepts(tmp_path, PAYLOAD, signature)
