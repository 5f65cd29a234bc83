"""What a server is told at its first start: a document of cloud-init that the node image knows too.

It holds the server's SSH host key, made here, so that it is known before the first login. Cards are
told by their MACs, as no cloud says which name they will have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from deploykit.base.errors import InputError
from deploykit.providers.common import render_hosts
from deploykit.providers.openstack.plan import UPLINK, Seen, port_of
from deploykit.site.environment import Environment, Node
from deploykit.site.links import USUAL_MTU
from deploykit.site.networks import Network

LONGEST = 65535 // 4 * 3  # bytes, that nova takes as base64
SCRIPT = "/usr/local/sbin/deploy-kit-interfaces"
TABLE = "/etc/deploy-kit-interfaces"
AS_IT_IS = "-"  # in the place of a card's name
UNIT = "deploy-kit-interfaces.service"
UNIT_TEXT = f"""\
[Unit]
Description=Give this machine's cards their names and addresses
After=networking.service systemd-networkd.service
Before=network-online.target ssh.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh {SCRIPT}

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, slots=True)
class HostKey:
    """An SSH host key, made for one server: its private half as OpenSSH has it, `TYPE BASE64`."""

    private: str
    public: str


def make_host_key() -> HostKey:
    """A new one, ed25519."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return HostKey(private.decode(), public.decode())


def render_user_data(
    environment: Environment, node: Node, seen: Seen, host_key: HostKey, authorized_key: str
) -> str:
    """The user data of a node whose ports and networks are there.

    Raises InputError if it is longer than clouds take: of hundreds of nodes.
    """
    document = {
        "hostname": node.name,
        "preserve_hostname": False,
        "disable_root": False,
        "ssh_pwauth": False,
        "users": [],
        "ssh_deletekeys": True,
        "ssh_genkeytypes": [],
        "ssh_keys": {"ed25519_private": host_key.private, "ed25519_public": host_key.public},
        "write_files": [
            _file("/root/.ssh/authorized_keys", f"{authorized_key}\n", "0600"),
            _file("/etc/hosts", render_hosts(environment) + "\n"),
            _file(TABLE, render_interfaces(environment, node, seen)),
            _file(SCRIPT, script(), "0755"),
            _file(f"/etc/systemd/system/{UNIT}", UNIT_TEXT),
        ],
        "runcmd": [["sh", SCRIPT], ["systemctl", "--quiet", "enable", UNIT]],
    }
    text = f"#cloud-config\n{json.dumps(document, indent=1)}\n"
    if len(text.encode()) > LONGEST:
        raise InputError(
            f"{environment.file}: what {node.name} is told has {len(text.encode())} bytes, clouds "
            f"take {LONGEST}",
            "fewer nodes or networks in one environment",
        )
    return text


def render_interfaces(environment: Environment, node: Node, seen: Seen) -> str:
    """A line for each card: MAC, name, MTU, addresses with their lengths, `via` and what else is
    reached there without a gateway. The uplink's has its address and name already."""
    uplink, mtu = seen[port_of(node, UPLINK)], seen[f"network:{UPLINK}"].get("mtu") or USUAL_MTU
    cards = [[str(uplink["mac_address"]).lower(), AS_IT_IS, str(mtu)]]
    cards += [_card(node, net, seen) for net in environment.networks]
    return "".join(f"{' '.join(card)}\n" for card in cards)


def _card(node: Node, net: Network, seen: Seen) -> list[str]:
    subnet, address6 = node.subnet(net), node.address6(net)
    others = [other for other in net.subnets if other is not subnet]
    words = [
        str(seen[port_of(node, net.name)]["mac_address"]).lower(),
        node.interface(net),
        str(mtu_of(node, net, seen)),
        f"{node.address(net)}/{subnet.cidr.prefixlen}",
    ]
    via = [str(other.cidr) for other in others]
    if address6 is not None and subnet.cidr6 is not None:
        words.append(f"{address6}/{subnet.cidr6.prefixlen}")
        via += [str(other.cidr6) for other in others if other.cidr6 is not None]
    return [*words, *(["via", *via] if via else [])]


def mtu_of(node: Node, net: Network, seen: Seen) -> int:
    """The MTU of a node's card: what the file says, at most what the cloud's network carries."""
    carried = int(seen[f"network:{net.name}"].get("mtu") or 0)
    return min(node.mtu(net), carried) if carried else node.mtu(net)


def script() -> str:
    """What names the cards, and gives them their addresses, at each start."""
    folder = files("deploykit.providers.openstack")
    return folder.joinpath("interfaces.sh").read_text(encoding="utf-8")


def _file(path: str, content: str, mode: str = "0644") -> Mapping[str, Any]:
    return {"path": path, "permissions": mode, "content": content}
