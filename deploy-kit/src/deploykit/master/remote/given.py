"""What others made: certificates of authorities outside the region, and values such as passwords.

Given to the master, looked at, not made here.
"""

from __future__ import annotations

import datetime
import itertools
from typing import Any

from .protocol import AgentError

GIVEN = "given"  # marks such a secret in the store
VALUES = "values"  # what is in one that is no certificate: values by name
REMEDY = "deploy-kit secrets give"


def checked(chain: str, key: str) -> dict[str, Any]:
    """A certificate with those that lead to its authority, and its key (PEM), as the store keeps
    them. Raises AgentError if they do not belong together or are out of their time."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        certificates = x509.load_pem_x509_certificates(chain.encode())
    except ValueError as error:
        raise AgentError(f"no certificate in PEM: {error}", REMEDY) from None
    try:
        private = serialization.load_pem_private_key(key.encode(), None)
    except (TypeError, ValueError):
        raise AgentError(
            "no private key in PEM, or one with a passphrase",
            "the load balancer reads it unasked: openssl pkey -in KEY -out PLAIN",
        ) from None
    if _public(certificates[0].public_key()) != _public(private.public_key()):
        raise AgentError("the key is not that of the (first) certificate", "give those of one pair")
    for below, above in itertools.pairwise(certificates):
        try:
            below.verify_directly_issued_by(above)
        except (ValueError, TypeError):
            raise AgentError(
                f"'{below.subject.rfc4514_string()}' was not issued by "
                f"'{above.subject.rfc4514_string()}', which comes next",
                "first the server's certificate, then each one's issuer",
            ) from None
        except Exception:  # InvalidSignature has no base class that says more
            raise AgentError(
                f"'{below.subject.rfc4514_string()}' is not signed by the key of its issuer", REMEDY
            ) from None
    now = datetime.datetime.now(datetime.UTC)
    for certificate in certificates:
        if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
            raise AgentError(
                f"'{certificate.subject.rfc4514_string()}' is valid from "
                f"{certificate.not_valid_before_utc:%Y-%m-%d} to "
                f"{certificate.not_valid_after_utc:%Y-%m-%d}",
                "give one that is valid",
            )
    if not names(certificates[0]):
        raise AgentError("the certificate names no server (subjectAltName)", "ask for another")
    return {"certificate": chain, "key": key, GIVEN: True}


def values(by_name: dict[str, str]) -> dict[str, Any]:
    """Values by name, as the store keeps them."""
    return {GIVEN: True, VALUES: by_name}


def checked_values(by_name: dict[str, str]) -> dict[str, str]:
    """Values by name that may be kept. Raises AgentError for one that is no line of text."""
    for name, value in by_name.items():
        if not value or not value.isprintable():
            raise AgentError(
                f"the value of '{name}' is empty, or no single line of text",
                "a line end at the end of its file is left out",
            )
    return by_name


def is_given(value: Any) -> bool:
    """Whether a secret's value is what others made."""
    return isinstance(value, dict) and bool(value.get(GIVEN))


def demand(secret: str, value: Any, name: str) -> None:
    """Raise AgentError unless `value` is a given certificate that speaks for `name`.

    One that has ended meanwhile will do: a deployment, or the way back, may be what helps.
    """
    remedy = f"{REMEDY} ENVIRONMENT {secret} --certificate FILE --key FILE"
    if not is_given(value):
        raise AgentError(
            f"the environment's certificate is of an authority outside, and '{secret}' is none",
            remedy,
        )
    certificate = first(value["certificate"])
    if not any(covers(pattern, name) for pattern in names(certificate)):
        raise AgentError(
            f"the certificate '{secret}' speaks for {', '.join(names(certificate))}, "
            f"and not for {name}",
            remedy,
        )


def first(chain: str) -> Any:
    """The server's certificate of a chain."""
    from cryptography import x509

    return x509.load_pem_x509_certificate(chain.encode())


def names(certificate: Any) -> list[str]:
    """The names in DNS that a certificate speaks for."""
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        return []
    return [name.lower() for name in extension.get_values_for_type(x509.DNSName)]


def covers(pattern: str, name: str) -> bool:
    """Whether a certificate's name speaks for `name`; `*` is a whole label (RFC 6125, 6.4.3)."""
    if not pattern.startswith("*."):
        return pattern == name
    return name.partition(".")[2] == pattern.removeprefix("*.")


def _public(key: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization

    encoded: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded
