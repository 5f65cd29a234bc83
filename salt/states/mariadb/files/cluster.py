#!/usr/bin/python3
"""The cluster that this database node is of: mariadb-cluster ACT

    watch              tell peers and load balancers over HTTP how this node is; never ends
    founded            0 where nothing has to be begun by this node
    found [--without NODE...]  begin the cluster, or begin it again after all nodes were down, on
                       the node that knows most; elsewhere nothing
    restart            restart this node's server while all others are in the cluster
    synced SECONDS     wait until this node is in the cluster
    complete SECONDS   ... and every other one too

Which nodes there are says /etc/mysql/region-cluster.json: {"node", "port", "nodes": {name: address}}.
Nothing is begun while some node does not answer: it may know more. Who knows that it is lost for
good names it: `found --without NODE`.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = Path("/etc/mysql/region-cluster.json")
DATA = Path("/var/lib/mysql")
NOBODY = "00000000-0000-0000-0000-000000000000"
SYNCED = "4"  # wsrep_local_state
ANSWER = 5  # seconds for the own server or a peer's watch to answer
RECOVERY = 120  # seconds to read the position out of the tables of a server that crashed
SETTLING = 180  # seconds for servers that start or stop to have done so
LEAVE = 600  # seconds to wait for the others before a restart
FRESH = 1  # seconds that an answer of the watch stays good
# A node away for longer than this has lost its leave to the next one that asks.
LEASE = """
CREATE DATABASE IF NOT EXISTS region_cluster;
CREATE TABLE IF NOT EXISTS region_cluster.leave_given
  (id TINYINT PRIMARY KEY, node VARCHAR(64) NOT NULL, since DATETIME NOT NULL) ENGINE=InnoDB;
INSERT IGNORE INTO region_cluster.leave_given VALUES (1, '', UTC_TIMESTAMP());
UPDATE region_cluster.leave_given SET node = '{node}', since = UTC_TIMESTAMP() WHERE id = 1
  AND (node IN ('', '{node}') OR since < UTC_TIMESTAMP() - INTERVAL 10 MINUTE);
SELECT node FROM region_cluster.leave_given WHERE id = 1;
"""
RETURN = "UPDATE region_cluster.leave_given SET node = '' WHERE id = 1 AND node = '{node}'"


class Undecided(Exception):
    """Which node begins the cluster cannot be said; the text says why."""


class Unsettled(Undecided):
    """... not yet: a server is starting or stopping."""


def founder(states, without=()):
    """The node that has to begin the cluster; '' where there is one.

    `states`: node -> what its watch says, None where it does not answer. Never decided with a node
    missing, unless it is one of `without`. Raises Undecided.
    """
    if any(state and state["primary"] for state in states.values()):
        return ""
    silent = [name for name, state in states.items() if state is None and name not in without]
    if silent:
        raise Undecided(f"{', '.join(silent)}: no answer, so who knows most is unknown")
    asked = {name: state for name, state in states.items() if state is not None}
    busy = [name for name, state in asked.items() if state["unit"] not in ("active", "idle")]
    if busy:
        raise Unsettled(f"{', '.join(busy)}: the server is starting or stopping")
    members = {name: state for name, state in asked.items() if state["uuid"]}
    if not members:
        return min(asked)
    clusters = {state["uuid"] for state in members.values()}
    if len(clusters) > 1:
        raise Undecided(f"{', '.join(members)} were in different clusters: {sorted(clusters)}")
    # Of those that know the same, the one that the cluster itself names as its last.
    return max(sorted(members), key=lambda name: (members[name]["seqno"], members[name]["safe"]))


def saved(text):
    """(cluster, position, whether it was the last to leave) of a grastate.dat."""
    found = dict(re.findall(r"^(\w+):\s+(\S+)$", text, re.M))
    uuid = found.get("uuid", NOBODY)
    last = found.get("safe_to_bootstrap") == "1"
    return ("" if uuid == NOBODY else uuid), int(found.get("seqno", -1)), last


def recovered(said):
    """(cluster, position) in what `mariadbd --wsrep-recover` printed; ('', -1) for none."""
    match = re.search(r"WSREP: Recovered position:? ?([0-9a-f-]{36}):(-?\d+)", said)
    if not match or match[1] == NOBODY:
        return "", -1
    return match[1], int(match[2])


def said_by(*words, timeout=ANSWER, text=None):
    """Exit status and output of a program; -1 where it does not end in time."""
    try:
        done = subprocess.run(
            words, input=text, capture_output=True, text=True, timeout=timeout, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return -1, str(error)
    return done.returncode, done.stdout + (done.stderr if done.returncode else "")


def server_status():
    """The server's wsrep_* variables; empty where it does not answer."""
    status, said = said_by(
        "mariadb", "--connect-timeout=3", "-N", "-e", "SHOW GLOBAL STATUS LIKE 'wsrep\\_%'"
    )
    return dict(line.split("\t", 1) for line in said.splitlines() if "\t" in line) if not status else {}


def unit_state():
    """'active', 'idle' (stopped or failed), or what systemd calls the way between."""
    state = said_by("systemctl", "is-active", "mariadb")[1].strip()
    return "idle" if state in ("inactive", "failed", "unknown") else state


def look():
    """How this node is."""
    now = server_status()
    unit = "active" if now else unit_state()
    try:
        uuid, seqno, last = saved((DATA / "grastate.dat").read_text())
    except OSError:
        uuid, seqno, last = "", -1, False
    if now:
        seqno = int(now.get("wsrep_last_committed", -1))
    ready = now.get("wsrep_ready") == "ON"
    primary = ready and now.get("wsrep_cluster_status") == "Primary"
    return {
        "unit": unit,
        "primary": primary,
        "synced": primary and now.get("wsrep_local_state") == SYNCED,
        "size": int(now.get("wsrep_cluster_size", 0)),
        "uuid": uuid,
        "seqno": seqno,
        "safe": last,
    }


def tables():
    """Cluster and position as the tables of a stopped server have them."""
    words = ("mariadbd", "--user=mysql", "--wsrep-recover", "--disable-log-error")
    _, said = said_by("sh", "-c", '"$@" 2>&1', "sh", *words, timeout=RECOVERY)
    uuid, seqno = recovered(said)
    return {"uuid": uuid, "seqno": seqno}


class Watch(BaseHTTPRequestHandler):
    """Answers 200 where this node may be used, else 503; the body says more.

    With the path /position it knows the position of a server that crashed, too.
    """

    lock = threading.Lock()
    seen = (0.0, {})
    position = None

    def do_GET(self):  # noqa: N802 (the base class's word)
        with self.lock:
            when, state = Watch.seen
            if time.monotonic() - when > FRESH:
                state = look()
                Watch.seen = (time.monotonic(), state)
                if state["unit"] != "idle":
                    Watch.position = None
            if self.path == "/position" and state["unit"] == "idle" and state["seqno"] < 0:
                # Once: nobody can start the server while its tables are read.
                Watch.position = Watch.position or tables()
                state = {**state, **Watch.position}
        body = json.dumps(state).encode()
        self.send_response(200 if state["synced"] else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Cluster:
    def __init__(self, config):
        self.node, self.port, self.nodes = config["node"], config["port"], config["nodes"]

    def watch(self):
        address = (self.nodes[self.node], self.port)
        ThreadingHTTPServer(address, Watch).serve_forever()

    def states(self, path=""):
        """What every node's watch says, None where it does not answer."""
        return {name: self.ask(address, path) for name, address in self.nodes.items()}

    def ask(self, address, path):
        url = f"http://{address}:{self.port}/{path}"
        try:
            with urllib.request.urlopen(url, timeout=RECOVERY + ANSWER) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            return json.load(refused)
        except (OSError, ValueError):
            return None

    def decided(self, without=()):
        """`founder` of what the nodes say, when no server is between two states any more."""
        until = time.monotonic() + SETTLING
        while True:
            try:
                return founder(self.states("position"), without)
            except Unsettled:
                if time.monotonic() > until:
                    raise
            time.sleep(2)

    def founded(self):
        if self.decided() == self.node:
            sys.exit("this node has to begin the cluster")

    def found(self, *words):
        without = words[1:] if words[:1] == ("--without",) else ()
        unknown = sorted(set(without) - set(self.nodes))
        if unknown or (words and not without):
            sys.exit(f"found [--without NODE...], NODE one of {', '.join(self.nodes)}")
        chosen = self.decided(without)
        if chosen != self.node:
            print("there is a cluster" if not chosen else f"{chosen} has to begin it, not this node")
            return
        if server_status():
            # It runs, but has lost its quorum.
            sql = "SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'"
            status, said = said_by("mariadb", "-e", sql)
        else:
            grastate = DATA / "grastate.dat"
            if grastate.exists():
                text = grastate.read_text()
                with grastate.open("r+") as file:
                    file.write(re.sub("safe_to_bootstrap: 0", "safe_to_bootstrap: 1", text))
            (DATA / "gvwstate.dat").unlink(missing_ok=True)
            said_by("systemctl", "-q", "unmask", "mariadb")
            said_by("systemctl", "reset-failed", "mariadb")
            status, said = said_by("galera_new_cluster", timeout=SETTLING)
        if status:
            sys.exit(f"the server does not begin a cluster: {said.strip()}; journalctl -u mariadb")
        self.synced(SETTLING)

    def restart(self):
        until = time.monotonic() + LEAVE
        while (reason := self.needed_here()) and time.monotonic() < until:
            time.sleep(1)
        if reason:
            sys.exit(f"not restarted: {reason}; without this node there might be no quorum")
        status, said = said_by("systemctl", "restart", "mariadb", timeout=LEAVE)
        if status:
            sys.exit(f"the server does not start: {said.strip()}; journalctl -u mariadb")
        self.synced(SETTLING)
        said_by("mariadb", "-e", RETURN.format(node=self.node))

    def needed_here(self):
        """Why this node must not leave the cluster now; '' where it may, or is in none."""
        if not look()["primary"]:
            return ""
        away = [name for name, state in self.states().items() if not (state and state["synced"])]
        if away:
            return f"{', '.join(away)}: not in the cluster"
        status, said = said_by("mariadb", "-N", text=LEASE.format(node=self.node))
        holder = said.strip()
        if status:
            return f"leave is not given: {holder}"
        return "" if holder == self.node else f"{holder} has leave to restart"

    def synced(self, seconds):
        self.wait(seconds, lambda state: "" if state["synced"] else "not in the cluster")

    def complete(self, seconds):
        whole = len(self.nodes)
        self.wait(
            seconds,
            lambda state: ""
            if state["synced"] and state["size"] == whole
            else f"not in a cluster of {whole}, but of {state['size']}",
        )

    def wait(self, seconds, reason):
        until = time.monotonic() + float(seconds)
        while why := reason(state := look()):
            if time.monotonic() > until:
                sys.exit(f"{self.node}: {why}; its server is {state['unit']}")
            time.sleep(0.5)


def main():
    act, *words = sys.argv[1:]
    if act not in ("watch", "founded", "found", "restart", "synced", "complete"):
        sys.exit(__doc__)
    os.umask(0o027)
    cluster = Cluster(json.loads(CONFIG.read_text()))
    try:
        getattr(cluster, act)(*words)
    except Undecided as reason:
        sys.exit(
            f"nothing is begun: {reason}. Bring every database node up, or name those that are "
            "lost for good: mariadb-cluster found --without NODE"
        )


if __name__ == "__main__":
    main()
