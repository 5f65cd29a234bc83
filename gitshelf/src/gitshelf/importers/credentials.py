"""Passwords and tokens in URLs: never carried into a manifest, never printed."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_NAMES = "token|passw|secret|auth|credential|signature|api_?key|access_?key"
_QUERY = re.compile(rf"([?&;][^=&;\s]*(?:{_NAMES})[^=&;\s]*=)[^&;\s]*", re.IGNORECASE)
_USER = re.compile(r"//(?:[^/\s@]*@|[^/\s@:]*:(?!\d+/)[^\s@]*@)+")
_SCP = re.compile(r"(?<![\w.@-])[^\s/:@]+:[^\s/@]+@(?=[^\s/:@]+:)")


def hide(text: str) -> str:
    """A text as it can be shown: in each URL of it, what stands before the host becomes `***`, and
    so does the value of a parameter that is named like a secret."""
    return _QUERY.sub(r"\1***", _SCP.sub("***@", _USER.sub("//***@", text)))


def tail(url: str) -> str:
    """The last part of a URL, as a name for what comes from there."""
    plain = _SCP.sub("", _USER.sub("//", re.split(r"[?#]", url, maxsplit=1)[0]))
    return re.split(r"[/:]", plain.rstrip("/"))[-1].removesuffix(".git")


def problem(url: str) -> str:
    """Why a git URL is not carried, since a part of it may be a secret; "" if it is."""
    if _QUERY.search(url):
        return "has a token in it; leave it out and use a credential helper"
    user = _USER.search(url)
    plain = url.startswith("ssh://") and user and ":" not in user[0]
    if _SCP.match(url) or (user and not plain):
        return "has a user or password in it; leave it out and use a credential helper"
    if "://" in url:
        try:
            urlsplit(url).port  # noqa: B018
        except ValueError:
            return "has a host or port that cannot be read; correct it"
    return ""
