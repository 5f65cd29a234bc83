"""`openstack` of an environment's file or of site.yml: in which clouds nodes are made, and of what.

What an environment says goes over what the site says, key by key.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from deploykit.base.yamlfile import Value, nearest
from deploykit.site.networks import parse_address

KEYS = frozenset({"clouds", "image", "flavors", "external", "zone", "dns"})
EVERY = "*"
CLOUD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")  # a name in clouds.yaml
LONGEST = 255  # characters: of a name in an OpenStack cloud


@dataclass(frozen=True, slots=True)
class Clouds:
    """What is said of the clouds that nodes are made in.

    `names` are clouds of clouds.yaml, the preferred one first. `image` is a name or an id there,
    empty for the node image; `flavors` the flavor of each node, EVERY for all others: without one
    the smallest that fits. `external` is the network of floating addresses, empty for the only one.
    `places` says where each key stands, FILE:LINE; `flavors.NODE` for a flavor.
    """

    names: tuple[str, ...] = ()
    image: str = ""
    flavors: tuple[tuple[str, str], ...] = ()
    external: str = ""
    zone: str = ""
    dns: tuple[IPv4Address, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict, compare=False)

    def over(self, other: Clouds) -> Clouds:
        """The same, and `other` where nothing is said here."""
        return replace(
            self,
            names=self.names or other.names,
            image=self.image or other.image,
            flavors=tuple({**dict(other.flavors), **dict(self.flavors)}.items()),
            external=self.external or other.external,
            zone=self.zone or other.zone,
            dns=self.dns or other.dns,
            places={**other.places, **self.places},
        )

    def flavor(self, node: str) -> str:
        """The name of the flavor that is said of `node`, empty if none is."""
        flavors = dict(self.flavors)
        return flavors.get(node) or flavors.get(EVERY, "")

    def place(self, key: str, node: str = "") -> str:
        """Where `key` is said, of `node` or of all; the first place of all if it is nowhere."""
        for name in (f"{key}.{node}", f"{key}.{EVERY}", key, ""):
            if name in self.places:
                return self.places[name]
        return ""


def parse_clouds(value: Value, nodes: Collection[str] | None) -> Clouds:
    """`openstack`, at `value`; `nodes` are the names that flavors may be said of, None in site.yml,
    which says them of all.

    Raises InputError for what does not fit.
    """
    keys = value.mapping(KEYS)
    places = {"": f"{value.file}:{value.line}"}
    places |= {name: f"{entry.file}:{entry.line}" for name, entry in keys.items()}
    flavors: dict[str, str] = {}
    if "flavors" in keys:
        known = frozenset({EVERY, *(nodes or ())})
        for name, entry in keys["flavors"].mapping().items():
            if name not in known:
                raise entry.error(f"there is no node '{name}'", nearest(name, known))
            flavors[name] = _name(entry)
            places[f"flavors.{name}"] = f"{entry.file}:{entry.line}"
    return Clouds(
        names=_names(keys["clouds"]) if "clouds" in keys else (),
        flavors=tuple(flavors.items()),
        dns=tuple(parse_address(item) for item in keys["dns"].items()) if "dns" in keys else (),
        places=places,
        **{name: _name(keys[name]) for name in ("image", "external", "zone") if name in keys},
    )


def _names(value: Value) -> tuple[str, ...]:
    """Clouds in the order of preference."""
    names: list[str] = []
    for item in value.items():
        name = item.text()
        if not CLOUD.fullmatch(name):
            raise item.error(f"'{name}' is no name of a cloud", "one of your clouds.yaml")
        if name in names:
            raise item.error(f"'{name}' stands there twice", "remove one of them")
        names.append(name)
    if not names:
        raise value.error("at least one cloud is needed", "clouds: [NAME], of your clouds.yaml")
    return tuple(names)


def _name(value: Value) -> str:
    """A name or an id in the cloud."""
    text = value.text()
    if len(text) > LONGEST or not text.isprintable() or text != text.strip():
        raise value.error(f"{text[:40]!r} is no name in a cloud")
    return text
