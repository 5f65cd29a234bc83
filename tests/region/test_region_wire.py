"""What somebody sees who listens between the region's nodes: no password, no token, no SQL, and no
message of a service."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cloud import SECRETS, Region
from deploykit.nodes.ssh import run_on

SECONDS = 60  # of listening: longer than what is done meanwhile
CANARY = "seen-if-one-listens"
# How plain text of each protocol looks, whatever its values are: HTTP with a token, a fernet token
# by itself, SQL, and what every message of a service has around it.
PLAIN = ("X-Auth-Token", "X-Subject-Token", "gAAAAA", "SELECT ", "oslo.message", "AMQPLAIN")
LISTEN = """
import json, socket, sys, time
seconds, address, words = json.load(sys.stdin)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 2**20)
wire.settimeout(1)
here = socket.inet_aton(address)
seen, packets, end = set(), 0, time.monotonic() + seconds
while time.monotonic() < end:
    try:
        frame, (interface, kind, *_) = wire.recvfrom(65535)
    except TimeoutError:
        continue
    if interface == "lo" or kind != 0x0800 or here not in (frame[26:30], frame[30:34]):
        continue
    packets += 1
    seen.update(word for word in words if word.encode() in frame)
print(json.dumps([packets, sorted(seen)]))
"""


def strings(value: Any) -> Iterator[str]:
    """The strings in a value of JSON that are long enough to be no chance."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from strings(part)
    elif isinstance(value, str) and len(value) >= 16 and "CERTIFICATE" not in value:
        yield value


def test_nothing_that_services_say_to_each_other_is_read_on_the_wire(region: Region) -> None:
    master = region.inventory.master
    store = json.loads(run_on(master, region.inventory, ["cat", SECRETS], timeout=30).stdout)
    words = [*PLAIN, CANARY, *strings(store)]
    nodes = [host for host in region.inventory.hosts if host.name != master.name]

    def listen(host: Any) -> list[Any]:
        asked = json.dumps([SECONDS, host.addresses["management"], words])
        argv = ["python3", "-c", LISTEN]
        told = run_on(host, region.inventory, argv, timeout=SECONDS + 30, input=asked).stdout
        answer: list[Any] = json.loads(told)
        return answer

    with ThreadPoolExecutor(len(nodes)) as pool:
        listening = [pool.submit(listen, host) for host in nodes]
        # Everybody comes anew to the message queue, and with questions of hypervisors to databases.
        hypervisor = region.with_role("hypervisor")[0]
        region.on(hypervisor.name, "systemctl restart nova-compute", timeout=90)
        region.on(hypervisor.name, "systemctl restart neutron-linuxbridge-agent", timeout=90)
        cloud = region.admin()
        assert list(cloud.compute.hypervisors()) and list(cloud.network.agents())
        for host in nodes:
            region.on(master.name, f"echo {CANARY} >/dev/udp/{host.addresses['management']}/9")
        answers = {host.name: task.result() for host, task in zip(nodes, listening, strict=True)}
    for name, (packets, seen) in answers.items():
        assert packets > 20, f"{name} heard little"
        assert seen == [CANARY], f"{name}: {len(seen)} words in plain text, {set(seen) & {*PLAIN}}"
