"""Secrets in logs are masked, and nothing else is lost."""

from __future__ import annotations

import time

import pytest
from deploykit.logs.masking import masked
from hypothesis import given
from hypothesis import strategies as st

BODY = f"MIIE{'a' * 60}\n{'b' * 64}"
KEY = f"-----BEGIN RSA {'PRIVATE'} KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("git clone https://kim:hunter2@git.example.org/x", "hunter2"),
        ("connection = mysql+pymysql://nova:hunter2@10.20.0.11/nova", "hunter2"),
        ("rabbit_password = hunter2", "hunter2"),
        ('{"db_password": "hunter2 and more", "x": 1}', "hunter2"),
        ("'admin_token': 'hunter2'", "hunter2"),
        ("keystone-manage bootstrap --bootstrap-password hunter2 --x", "hunter2"),
        ("mysql --password=hunter2", "hunter2"),
        ("X-Auth-Token: hunter2", "hunter2"),
        ("Authorization: Basic aHVudGVyMg==", "aHVudGVyMg"),
        ("-H 'Authorization: Bearer hunter2' https://x", "hunter2"),
        (f"a token ghp_{'a1' * 18} here", "a1a1"),
        (f"AGE-SECRET-KEY-1{'Q' * 58}", "QQQ"),
        (f"before\n{KEY}\nafter", "MIIE"),
        (KEY.replace("\n", "\\n"), "bbbb"),
        (KEY.split("-----END")[0], "bbbb"),
    ],
)
def test_secret_of_a_known_form_is_masked(text: str, secret: str) -> None:
    shown = masked(text)
    assert secret not in shown
    assert "***" in shown
    assert shown.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    "text",
    [
        "salt: /etc/keystone/credential-keys: ok (changed): as is",
        "controller: tokens: FAILED: it takes longer than 60 s",
        "3 secrets exported",
        "password: true",
        "https://git.example.org:8443/x@y",
        "TASK [base : passwords] ****",
        "wrote /var/lib/secret/keys",
        "password:\nnext line",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert masked(text) == text


def test_what_is_around_a_key_stays_in_its_line() -> None:
    assert masked(f"before\n{KEY}\nafter: done") == "before\n***\n\n\n\nafter: done"


@given(st.text())
def test_masking_twice_is_masking_once_and_keeps_lines(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    once = masked(text)
    assert masked(once) == once
    assert once.count("\n") == text.count("\n")


def test_long_lines_of_anything_take_no_time() -> None:
    began = time.process_time()
    masked("-" * 1_000_000 + "password" * 100_000 + ":" * 1_000_000)
    assert time.process_time() - began < 3
