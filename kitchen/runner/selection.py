"""Which suites a change asks for: pure, from the paths that changed.

A suite is asked for where its own folder changed, or the states, tunables or role that it
covers; all suites of roles, where a module of theirs did. What every suite stands on (shared
macros, the role map, the kitchen itself, the provider and the image) asks for the fixed few only:
all suites take too long for each change, and the few go through every layer; `make kitchen` runs
all. The fixed few always run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from .suites import Suite

# Database, cache and TLS under an API, and the role that every node gets.
FIXED = ("keystone", "salt_minion")


def choose(changed: Iterable[str], suites: Mapping[str, Suite]) -> list[str]:
    """Names of the suites to run for `changed` (paths below the checkout), in order of name."""
    wanted = {name for name in FIXED if name in suites}
    for path in changed:
        wanted |= {name for name, suite in suites.items() if touches(path, suite)}
    return sorted(wanted)


def touches(path: str, suite: Suite) -> bool:
    """Whether a change of `path` is a change of what `suite` is or covers."""
    parts = PurePosixPath(path).parts
    if parts[:3] == ("kitchen", "suites", suite.name):
        return True
    if parts[:2] == ("salt", "pillar") and len(parts) == 3:
        return f"salt/states/{PurePosixPath(parts[2]).stem}" in suite.covers
    if parts[:3] == ("ansible", "playbooks", "library"):
        return any(place.startswith("ansible/") for place in suite.covers)
    return "/".join(parts[:3]) in suite.covers
