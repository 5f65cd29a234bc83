"""What a node tells of itself: everything but secrets."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import pytest
from deploykit.nodes.portraying import Masks, described

KEY = b"k" * 32
PASSWORD = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7xC0fL"
FERNET = "c2VjcmV0LWtleS1vZi1rZXlzdG9uZS0wMTIzNDU2Nzg="
PEM = """-----BEGIN CERTIFICATE-----
MIIBsecretsecretsecretsecretsecretsecretsecretsecretsecretsecret1
Abcd==
-----END CERTIFICATE-----
"""


def mark(text: str) -> str:
    return hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()


@pytest.fixture
def masks() -> Masks:
    """They know three secrets of the environment."""
    known = {
        "nova_database": [PASSWORD],
        "keystone_fernet": ["c2VjcmV0LWtleS1vZi1rZXlzdG9uZS0wMTIzNDU2Nzg"],
        "region_tls": ["MIIBsecretsecretsecretsecretsecretsecretsecretsecretsecretsecret1"],
    }
    words = {mark(word): name for name, all_of in known.items() for word in all_of}
    return Masks(KEY, words)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("workers = 4", "workers = 4"),
        (f"connection = mysql+pymysql://nova:{PASSWORD}@10.0.0.1/nova",
         "connection = mysql+pymysql://nova:«secret nova_database»@10.0.0.1/nova"),
        (f"password={PASSWORD}", "password=«secret nova_database»"),
        (f'{{"a": "{PASSWORD}", "b": 1}}', '{"a": "«secret nova_database»", "b": 1}'),
        (FERNET, "«secret keystone_fernet»="),
        ("admin_token = hunter2", f"admin_token = «hidden {mark('hunter2')}»"),
        ("  auth_pass hunter2", f"  auth_pass «hidden {mark('hunter2')}»"),
        ("url = http://joe:hunter2@host/", f"url = http://joe:«hidden {mark('hunter2')}»@host/"),
        ("password_expires = true", "password_expires = true"),
        ("password = 123456", f"password = «hidden {mark('123456')}»"),
        ("token_expiration = 3600", "token_expiration = 3600"),
        ("ssl_key = /etc", "ssl_key = /etc"),  # a file that is there
        ("ssl_key = /no/such/thing", f"ssl_key = «hidden {mark('/no/such/thing')}»"),
        ("id = 6f1ed002ab5595859014ebf0951522d9", "id = 6f1ed002ab5595859014ebf0951522d9"),
    ],
)  # fmt: skip
def test_line_is_told_without_what_is_secret(masks: Masks, line: str, told: str) -> None:
    assert masks.line(line, guarded=False) == told


def test_line_of_a_file_that_is_not_shown_hides_whatever_is_long(masks: Masks) -> None:
    token = "6f1ed002ab5595859014ebf0951522d9"
    told = masks.line(f"id = {token}, workers = 4", guarded=True)
    assert told == f"id = «hidden {mark(token)}», workers = 4"


def test_certificate_of_the_environment_is_one_secret(masks: Masks) -> None:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    assert masks.lines(PEM, guarded=True) == [begin, "«secret region_tls»", end]


def test_line_that_another_certificate_has_too_is_of_the_one_it_stands_in(masks: Masks) -> None:
    authority = "MIIBtheauthoritysnameinbase64"
    both = Masks(KEY, {**masks._words, mark(authority): "other_tls"})
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    text = PEM.replace("Abcd==", f"{authority}\nAbcd==")
    assert both.lines(text, guarded=False) == [begin, "«secret region_tls»", end]


def test_private_key_that_nobody_knows_is_hidden_line_by_line(masks: Masks) -> None:
    text = "-----BEGIN RSA PRIVATE KEY-----\nabc\ndef\n-----END RSA PRIVATE KEY-----\nafter\n"
    told = masks.lines(text, guarded=False)
    assert told[1] == f"«hidden {mark('abc')}»"
    assert "def" not in "".join(told) and told[-1] == "after"


def test_files_are_told_as_what_they_are(masks: Masks, tmp_path: Path) -> None:
    (tmp_path / "text").write_text(f"a\npassword = {PASSWORD}\n")
    (tmp_path / "text").chmod(0o640)
    (tmp_path / "bytes").write_bytes(b"\0\1")
    (tmp_path / "link").symlink_to("text")

    def told(name: str) -> dict[str, Any]:
        return described(tmp_path / name, True, masks)

    assert told("text")["lines"] == ["a", "password = «secret nova_database»"]
    assert told("text")["rights"].startswith("0640 ")
    assert told("link") == {"kind": "link", "lines": ["text"]}
    assert told("none") == {"kind": "absent"}
    assert described(tmp_path, True, masks)["kind"] == "folder"
    digest = hashlib.sha256(b"\0\1").hexdigest()
    assert told("bytes")["lines"] == [f"«hidden {mark(digest)}»"]
    assert digest not in str(told("bytes"))
