"""How what we made in a cloud is told from everything else: by a mark that it has from the start.

Networks, subnets, ports, routers, groups, rules and floating addresses carry it as their
description, servers as metadata, images as properties: each in the request that makes it, so that
nothing of ours is ever without. Names are for people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploykit.base.errors import DeployKitError, InputError
from deploykit.site.instance import Instance

WORD = "deploy-kit"
META = "deploykit."  # before each key of a server's metadata, tags among them
SITE, INSTANCE, WHAT, HOST_KEY = (f"{META}{key}" for key in ("site", "instance", "what", "hostkey"))
TAG = f"{META}tag."
LONGEST = 255  # characters of a description, and of a key or value of metadata
KEY = re.compile(r"[A-Za-z0-9_.: -]+")


@dataclass(frozen=True, slots=True)
class Mark:
    """Whose something is: of the site `site` (its name and id), of `instance`."""

    site: str
    instance: Instance

    def text(self, what: str) -> str:
        """The description of `what`, as `network:management`. Raises DeployKitError if a cloud
        could not keep it."""
        text = f"{WORD} {self.site} {self.instance} {what}"
        if len(text) > LONGEST:
            raise DeployKitError(
                f"{self.instance}: the mark of {what} has {len(text)} characters, clouds keep "
                f"{LONGEST}",
                "a shorter name of the site (name: in site.yml)",
            )
        return text

    def metadata(self, what: str, host_key: str, tags: Mapping[str, str]) -> dict[str, str]:
        """The metadata of a server."""
        own = {SITE: self.site, INSTANCE: str(self.instance), WHAT: what, HOST_KEY: host_key}
        return {**own, **tag_metadata(tags)}

    def what_of(self, thing: Mapping[str, Any]) -> str | None:
        """What something in a cloud is of this instance; None if it is not of it."""
        found = read_mark(thing)
        if found is None or found[:2] != (self.site, str(self.instance)):
            return None
        return found[2]


def read_mark(thing: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Site, instance and what it is, of something in a cloud; None if it has no mark of ours."""
    metadata = thing.get("metadata")
    if isinstance(metadata, Mapping):
        keys = (metadata.get(SITE), metadata.get(INSTANCE), metadata.get(WHAT))
        return None if None in keys else (str(keys[0]), str(keys[1]), str(keys[2]))
    words = str(thing.get("description") or "").split(" ")
    return (words[1], words[2], words[3]) if len(words) == 4 and words[0] == WORD else None


def tag_metadata(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags as a server's metadata. Raises InputError for one that nova does not keep."""
    for key, value in tags.items():
        if len(TAG + key) > LONGEST or len(value) > LONGEST or not KEY.fullmatch(key):
            raise InputError(
                f"the tag '{key[:40]}' cannot be kept by a cloud",
                f"keys of letters, digits, '_', '-', '.', ':'; at most {LONGEST} characters of a "
                "value",
            )
    return {TAG + key: value for key, value in tags.items()}


def tags_of(server: Mapping[str, Any]) -> dict[str, str]:
    """The tags that a server carries."""
    metadata: Mapping[str, str] = server.get("metadata") or {}
    return {key.removeprefix(TAG): value for key, value in metadata.items() if key.startswith(TAG)}
