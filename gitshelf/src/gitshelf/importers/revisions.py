"""Names of revisions, as tools give them to git in their clones, and as a server knows them."""

from __future__ import annotations

import re

_TRACKING = re.compile(r"(?:(?:refs/)?remotes/)?origin/(.+)")


def of_server(name: str) -> str:
    """The name at the server: `origin/x`, a clone's tracking branch, is the branch `x` there, and
    `heads/x` and `tags/x` are short for what begins with `refs/`."""
    tracking = _TRACKING.fullmatch(name)
    if tracking:
        return "HEAD" if tracking[1] == "HEAD" else f"refs/heads/{tracking[1]}"
    return f"refs/{name}" if name.startswith(("heads/", "tags/")) else name
