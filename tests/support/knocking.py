"""Knocks at a node's packet filter: unshare -rn python3 knocking.py RULES, in a network of its own.

The node here has four interfaces of no usual names: eno1 (10.0.0.10 and fd10::a, management),
bond0.100 (10.0.1.10, tunnel), brq-ex (10.0.2.10, external), wan0 (192.0.2.10, what the provider
gives). Behind each somebody knocks. Prints JSON: for each knock whether it was let in.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass

LISTEN = """
import socket, sys, time
both = {"family": socket.AF_INET6, "dualstack_ipv6": True}
kept = [socket.create_server(("::", int(port)), **both) for port in sys.argv[1:]]
print("ready", flush=True)
time.sleep(600)
"""
KNOCK = """
import socket, sys
address, port, source = sys.argv[1:]
socket.create_connection((address, int(port)), 0.7, source_address=(source, 0)).close()
"""
PORTS = ("22", "5000", "3306", "4567", "8472")
MINE6 = {"eno1": "fd10::a"}
LINKS = {"eno1": "10.0.0", "bond0.100": "10.0.1", "brq-ex": "10.0.2", "wan0": "192.0.2"}


@dataclass(frozen=True, slots=True)
class Knock:
    """By `link`, from the address `source`, at `address` and `port`."""

    link: str
    source: str
    address: str
    port: str


KNOCKS = {
    "a node, at a service": Knock("eno1", "10.0.0.11", "10.0.0.10", "3306"),
    "a node, at ssh": Knock("eno1", "10.0.0.11", "10.0.0.10", "22"),
    "a node, by the tunnel": Knock("bond0.100", "10.0.1.11", "10.0.1.10", "8472"),
    "a stranger in management": Knock("eno1", "10.0.0.99", "10.0.0.10", "3306"),
    "a stranger in management, at ssh": Knock("eno1", "10.0.0.99", "10.0.0.10", "22"),
    "a stranger in the tunnel": Knock("bond0.100", "10.0.1.99", "10.0.1.10", "8472"),
    "a client outside, at what is offered": Knock("brq-ex", "10.0.2.77", "10.0.2.10", "5000"),
    "a client outside, at a service": Knock("brq-ex", "10.0.2.77", "10.0.2.10", "3306"),
    "a client outside, at ssh": Knock("brq-ex", "10.0.2.77", "10.0.2.10", "22"),
    "a client outside, at management": Knock("brq-ex", "10.0.2.77", "10.0.0.10", "5000"),
    "a client outside, at the uplink": Knock("brq-ex", "10.0.2.77", "192.0.2.10", "22"),
    "somebody outside who says he is a node": Knock("brq-ex", "10.0.0.11", "10.0.2.10", "3306"),
    "a node, by IPv6": Knock("eno1", "fd10::b", "fd10::a", "3306"),
    "a stranger in management, by IPv6": Knock("eno1", "fd10::63", "fd10::a", "3306"),
    "a stranger in management, by IPv6, at ssh": Knock("eno1", "fd10::63", "fd10::a", "22"),
    "the operator, at ssh": Knock("wan0", "192.0.2.1", "192.0.2.10", "22"),
    "the provider's net, at a service": Knock("wan0", "192.0.2.1", "192.0.2.10", "3306"),
    "the provider's net, at what is offered": Knock("wan0", "192.0.2.1", "192.0.2.10", "5000"),
    "the provider's net, at management": Knock("wan0", "192.0.2.1", "10.0.0.10", "22"),
}


def run(*words: str) -> None:
    subprocess.run(words, check=True, timeout=30)


def neighbour(number: int, link: str, prefix: str) -> subprocess.Popen[bytes]:
    """A network beyond `link`, whose namespace is that of the process returned."""
    process = subprocess.Popen(["unshare", "-n", "sleep", "600"])
    mine = f"/proc/{process.pid}/ns/net"
    own = subprocess.run(["readlink", "/proc/self/ns/net"], capture_output=True, check=True).stdout
    end = time.monotonic() + 10
    while time.monotonic() < end:
        seen = subprocess.run(["readlink", mine], capture_output=True, check=False).stdout
        if seen not in (own, b""):
            break
        time.sleep(0.02)
    other = f"p{number}"
    run("ip", "link", "add", link, "type", "veth", "peer", "name", other, "netns", str(process.pid))
    run("ip", "address", "add", f"{prefix}.10/24", "dev", link)
    if link in MINE6:
        run("ip", "address", "add", f"{MINE6[link]}/64", "dev", link, "nodad")
    run("ip", "link", "set", link, "up")
    sources = {knock.source for knock in KNOCKS.values() if knock.link == link}
    for source in sorted(sources):
        length = ["64", "nodad"] if ":" in source else ["24"]
        inside(process, "ip", "address", "add", f"{source}/{length[0]}", "dev", other, *length[1:])
    inside(process, "ip", "link", "set", other, "up")
    for target in sorted({knock.address for knock in KNOCKS.values() if knock.link == link}):
        if ":" not in target and not target.startswith(f"{prefix}."):
            inside(process, "ip", "route", "add", f"{target}/32", "via", f"{prefix}.10")
    return process


def inside(process: subprocess.Popen[bytes], *words: str) -> None:
    run("nsenter", "-t", str(process.pid), "-n", *words)


def let_in(process: subprocess.Popen[bytes], knock: Knock) -> bool:
    words = [sys.executable, "-c", KNOCK, knock.address, knock.port, knock.source]
    done = subprocess.run(
        ["nsenter", "-t", str(process.pid), "-n", *words],
        capture_output=True,
        timeout=30,
        check=False,
    )
    return done.returncode == 0


def main() -> None:
    run("ip", "link", "set", "lo", "up")
    others = {
        link: neighbour(number, link, prefix)
        for number, (link, prefix) in enumerate(LINKS.items(), start=1)
    }
    node = subprocess.Popen([sys.executable, "-c", LISTEN, *PORTS], stdout=subprocess.PIPE)
    try:
        assert node.stdout is not None and node.stdout.readline() == b"ready\n"
        bare = {name: let_in(others[knock.link], knock) for name, knock in KNOCKS.items()}
        run("nft", "-f", sys.argv[1])
        filtered = {name: let_in(others[knock.link], knock) for name, knock in KNOCKS.items()}
    finally:
        for process in (node, *others.values()):
            process.kill()
    print(json.dumps({"without": bare, "with": filtered}))


if __name__ == "__main__":
    main()
