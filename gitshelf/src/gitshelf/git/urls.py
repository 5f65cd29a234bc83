"""Where a book may be fetched from: which URLs are taken, and what they are called in the cache."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

PROTOCOLS = ("https", "ssh", "file", "http", "git")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
_PORTS = {"http": ":80", "https": ":443"}
_UNPLAIN = re.compile(r"[^A-Za-z0-9.-]+")


def check_url(url: str, folder: Path) -> str:
    """The URL to fetch from; a relative path is taken from `folder`.

    Raises ValueError, with the reason, for what git would take as an option, another protocol, a
    remote helper, or a URL with a password or token in it.
    """
    if not url or url.startswith("-") or any(ord(c) < 32 or ord(c) == 127 for c in url):
        raise ValueError("is not a URL")
    if _HELPER.match(url):
        raise ValueError("asks for a remote helper; use " + ", ".join(PROTOCOLS))
    scheme = _SCHEME.match(url)
    if scheme:
        _check_remote(url, scheme[1].lower())
        return url
    host, colon, _ = url.partition(":")
    if colon and "/" not in host:
        _check_host(host.rpartition("@")[2])
        return url
    return _plain(folder / url)


def _plain(path: Path) -> str:
    """A path without `..`, if that names the same folder: git compares paths as they are written,
    with those that a person calls safe and with a clone's origin."""
    if ".." not in path.parts:
        return str(path)
    plain = os.path.normpath(path)
    return plain if os.path.realpath(plain) == os.path.realpath(path) else str(path)


def check_inner_url(url: str, outer: str) -> str:
    """A URL that the content of the repository `outer` names, to fetch from. As `check_url`, and it
    leads to this machine only if `outer` does; relative ones are refused."""
    nowhere = Path("/nowhere")
    checked = check_url(url, nowhere)
    if nowhere in Path(checked).parents:
        raise ValueError("is not a URL")
    if local_path(checked) is not None and local_path(outer) is None:
        raise ValueError("is a folder of this machine, and its book comes from elsewhere")
    return checked


def server_of(url: str) -> str:
    """The HTTP server of a URL as `scheme://host:port`, as git compares them. Of one for ssh that
    is its host by HTTPS, where git-lfs looks for objects; "" for a folder of this machine."""
    scheme, separator, location = url.partition("://")
    host = location.partition("/")[0].rpartition("@")[2].lower()
    if separator and scheme in _PORTS:
        return f"{scheme}://{host.removesuffix(_PORTS[scheme])}" if host else ""
    if separator and scheme in ("ssh", "git"):
        return f"https://{re.sub(r':[0-9]+$', '', host)}"
    before, colon, _ = url.partition(":")
    if separator or not colon or "/" in before:
        return ""
    return f"https://{before.rpartition('@')[2].lower()}"


def is_plaintext(url: str) -> bool:
    """Whether what comes from a URL could be anybody's who is on the way: http:// and git://, but
    from this machine itself."""
    scheme, separator, _ = url.partition("://")
    if not separator or scheme.lower() not in ("http", "git"):
        return False
    host = urlsplit(url).hostname or ""
    with contextlib.suppress(ValueError):
        return not ipaddress.ip_address(host).is_loopback
    return host != "localhost" and not host.endswith(".localhost")


def hide_password(url: str) -> str:
    """A URL as it can be shown: whatever stands before its host becomes `***`."""
    return re.sub(r"//[^/@]*@", "//***@", url)


def _check_remote(url: str, scheme: str) -> None:
    if scheme not in PROTOCOLS:
        raise ValueError(f"uses the protocol {scheme}; use " + ", ".join(PROTOCOLS))
    location = urlsplit(url).netloc
    user, at, host = location.rpartition("@")
    if at and (scheme != "ssh" or ":" in user):
        raise ValueError("has a user or password in it; leave it out and use a credential helper")
    if user.startswith("-"):
        raise ValueError("is not a URL")
    if scheme != "file":
        _check_host(host)


def _check_host(host: str) -> None:
    if not host or host.startswith("-"):
        raise ValueError("has no host")


def local_path(url: str) -> Path | None:
    """The folder that a URL of this machine names, or None."""
    if url.lower().startswith("file://"):
        return Path(unquote(urlsplit(url).path))
    return Path(url) if url.startswith("/") else None


def store_name(url: str, width: int) -> str:
    """A file name for the cache of one URL and one hash (`width`: digits of its ids)."""
    tail = _UNPLAIN.sub("-", url.rstrip("/").rpartition("/")[2].removesuffix(".git"))[:40]
    mark = hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()[:20]
    return f"{tail.strip('-.') or 'book'}-{mark}{'-sha256' if width == 64 else ''}.git"
