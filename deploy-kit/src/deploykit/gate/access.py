"""How the review server is reached: `gerrit:` of gate.yml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.yamlfile import Value
from deploykit.gate.job import NAME

KEYS = frozenset({"url", "ssh", "account", "password", "key", "host_keys"})


@dataclass(frozen=True, slots=True)
class Access:
    """How the review server is reached; `password`, `key` and `host_keys` are files."""

    url: str
    account: str
    password: Path
    ssh_host: str
    ssh_port: int
    key: Path
    host_keys: Path


def read_access(value: Value, folder: Path) -> Access:
    """What `value` says; its files are relative to `folder`. Raises InputError with the line."""
    keys = value.mapping(KEYS, needed=sorted(KEYS))
    url = keys["url"].text().rstrip("/")
    if not re.fullmatch(r"https?://[^\s@?#]+", url):
        raise keys["url"].error(f"'{url}' is no address of a server", "https://review.example.org")
    if url.startswith("http://") and not re.match(r"http://(127\.0\.0\.1|localhost|\[::1\])[:/]",
                                                  f"{url}/"):  # fmt: skip
        raise keys["url"].error("the password would travel in the clear", "use https")
    host, _, port = keys["ssh"].text().rpartition(":")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", host) or not port.isdecimal():
        raise keys["ssh"].error("expected HOST:PORT", "review.example.org:29418")
    account = keys["account"].text()
    if not NAME.fullmatch(account):
        raise keys["account"].error(f"'{account}' is no account's name")

    def file(name: str) -> Path:
        return folder / Path(keys[name].text()).expanduser()

    return Access(url, account, file("password"), host, int(port), file("key"), file("host_keys"))
