#!/usr/bin/python3
"""What memcached says of itself, as figures for Prometheus: exporter.py ADDRESS CACHE_PORT PORT

Debian 12 has no exporter for memcached. Names are those of the one that others have
(https://github.com/prometheus/memcached_exporter), so that dashboards fit.
"""

import socket
import sys

from figures import Figures, serve

TIMEOUT = 5  # seconds
LONGEST = 2**16  # bytes that an answer may have
# What `stats` calls it: name, kind, labels.
NAMES = {
    "uptime": ("memcached_uptime_seconds", "counter", {}),
    "curr_connections": ("memcached_current_connections", "gauge", {}),
    "max_connections": ("memcached_max_connections", "gauge", {}),
    "rejected_connections": ("memcached_connections_rejected_total", "counter", {}),
    "curr_items": ("memcached_current_items", "gauge", {}),
    "bytes": ("memcached_current_bytes", "gauge", {}),
    "limit_maxbytes": ("memcached_limit_bytes", "gauge", {}),
    "evictions": ("memcached_items_evicted_total", "counter", {}),
    "get_hits": ("memcached_commands_total", "counter", {"command": "get", "status": "hit"}),
    "get_misses": ("memcached_commands_total", "counter", {"command": "get", "status": "miss"}),
    "cmd_set": ("memcached_commands_total", "counter", {"command": "set", "status": "hit"}),
}


def stats(address, port):
    """name -> text of what the cache says. Raises OSError, ValueError where it does not answer so."""
    with socket.create_connection((address, port), TIMEOUT) as cache:
        cache.sendall(b"stats\r\nquit\r\n")
        said = b""
        while not said.endswith(b"END\r\n"):
            more = cache.recv(4096)
            if not more or len(said) > LONGEST:
                raise ValueError("the answer has no end")
            said += more
    return dict(line.split(" ", 2)[1:] for line in said.decode().splitlines()[:-1])


def figures(address, port):
    told = Figures()
    try:
        found = stats(address, port)
    except (OSError, ValueError) as error:
        print(f"{address}:{port}: {error}", file=sys.stderr, flush=True)
        found = {}
    told.add("memcached_up", int(bool(found)), "Whether the cache answers.")
    for key, (name, kind, labels) in NAMES.items():
        if key in found:
            told.add(name, found[key], f"memcached's {key}.", kind, **labels)
    return told


if __name__ == "__main__":
    address, cache_port, port = sys.argv[1:]
    serve(address, int(port), lambda: figures(address, int(cache_port)))
