"""This machine as a client of a region: an address in the network of outsiders, and its DNS."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from deploykit.nodes.inventory import Inventory
from deploykit.providers.lxd.plan import Names
from deploykit.site import Site
from deploykit.site.endpoints import Endpoints

FROM_THE_END = 2  # the address below that of broadcasts: neither a node's nor one that floats


@contextmanager
def outside(site: Site, inventory: Inventory) -> Iterator[Endpoints]:
    """Reach what the region offers to outsiders, by the name that it has for them."""
    environment = inventory.environment
    endpoints = environment.endpoints
    assert endpoints is not None, f"{environment.name} offers outsiders nothing of its own"
    places = [net.name for net in environment.networks]
    place = places.index(endpoints.network)
    (cidr,) = environment.networks[place].cidrs
    bridge = Names(site.id, inventory.instance).network(place + 1)
    own = [f"{cidr[-FROM_THE_END]}/{cidr.prefixlen}", "dev", bridge]
    _ip("address", "replace", *own)
    try:
        with resolved(endpoints.host, str(endpoints.address)):
            yield endpoints
    finally:
        _ip("address", "del", *own)


@contextmanager
def resolved(name: str, address: str) -> Iterator[None]:
    """In this process `name` leads to `address`, as DNS would have it."""
    resolve = socket.getaddrinfo

    def own(host: Any, *more: Any, **named: Any) -> Any:
        return resolve(address if host == name else host, *more, **named)

    with mock.patch("socket.getaddrinfo", own):
        yield


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
