"""What a machine was found to be: read from what look.sh printed there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from deploykit.base.errors import DeployKitError


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface; `addresses` are its global ones with their prefix lengths, `master` the bridge
    or bond that it is in, "" for none."""

    name: str
    up: bool
    mtu: int
    mac: str
    master: str
    addresses: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Look:
    """What a machine is. `memory` and `disk` (free, where / is) are bytes; `clock` is its time in
    seconds since 1970; `init` what runs as process 1; `owners` the comments of those keys of
    deploy-kit's that root lets in."""

    system: str
    called: str
    init: str
    memory: int
    disk: int
    clock: float
    python: bool
    root_login: str
    interfaces: tuple[Interface, ...]
    owners: tuple[str, ...]
    root: bool


def script(name: str) -> str:
    """The text of a script of this folder, which runs on machines."""
    return files("deploykit.providers.static").joinpath(name).read_text(encoding="utf-8")


def read_look(output: str) -> Look:
    """What look.sh printed. Raises DeployKitError if it is not whole."""
    pairs = [line.partition("\t")[::2] for line in output.splitlines() if "\t" in line]
    said = dict(pairs)
    if "end" not in said:
        raise DeployKitError("it did not tell what it is to the end", "is it a Debian?")
    try:
        return Look(
            system=said["system"].strip(),
            called=said.get("called") or said["system"],
            init=said["init"],
            memory=int(said["memory"]) * 1024,
            disk=int(said["disk"]) * 1024,
            clock=float(said["clock"]),
            python="python" in said,
            root_login=said["root_login"],
            interfaces=_interfaces(json.loads(said["networks"] or "[]")),
            owners=tuple(value for key, value in pairs if key == "owner"),
            root=said["uid"] == "0",
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DeployKitError(
            f"what it told of itself cannot be read ({error!r})", "iproute2 may be missing"
        ) from None


def _interfaces(listing: list[dict[str, Any]]) -> tuple[Interface, ...]:
    """The interfaces in what `ip -json address show` printed."""
    return tuple(
        Interface(
            name=str(link["ifname"]),
            up="UP" in link.get("flags", ()),
            mtu=int(link.get("mtu", 0)),
            mac=str(link.get("address", "")),
            master=str(link.get("master", "")),
            addresses=tuple(
                (str(info["local"]), int(info["prefixlen"]))
                for info in link.get("addr_info", ())
                if info.get("scope") == "global" and "local" in info
            ),
        )
        for link in listing
        if "ifname" in link
    )
