"""A certificate authority outside every region, which the outside trusts."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


class Authority:
    """One that the outside trusts."""

    def __init__(self, name: str = "outside") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.own = self.certificate(
            self.name, self.key, (), NOW - DAY, NOW + 9 * DAY, authority=True
        )

    def certificate(
        self,
        subject: x509.Name,
        key: Any,
        names: Sequence[str],
        begin: datetime.datetime,
        end: datetime.datetime,
        *,
        authority: bool = False,
    ) -> str:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
        )
        if authority:
            extension = x509.BasicConstraints(ca=True, path_length=None)
            builder = builder.add_extension(extension, critical=True)
        if names:
            spoken_for = [x509.DNSName(name) for name in names]
            builder = builder.add_extension(x509.SubjectAlternativeName(spoken_for), critical=False)
        made = builder.sign(self.key, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM).decode()

    def pair(
        self,
        *names: str,
        begin: datetime.datetime = NOW - DAY,
        end: datetime.datetime = NOW + 9 * DAY,
    ) -> tuple[str, str]:
        """A server's certificate with the authority's own, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
        return self.certificate(subject, key, names, begin, end) + self.own, pem(key)

    def write_pair(self, folder: Path, name: str) -> tuple[Path, Path]:
        """`pair` as the files cloud.pem and cloud.key in `folder`."""
        files = folder / "cloud.pem", folder / "cloud.key"
        for file, text in zip(files, self.pair(name), strict=True):
            file.write_text(text)
        return files


def pem(key: Any, *, secret: bytes = b"") -> str:
    shut = serialization.BestAvailableEncryption(secret) if secret else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    encoded: bytes = key.private_bytes(serialization.Encoding.PEM, form, shut)
    return encoded.decode()
