#!/usr/bin/python3
"""Instances leave a hypervisor: moves.py empty|evacuate|back NODE [SECONDS WHY], on the master.

empty: nova places nothing there any more (WHY is its reason), and every instance goes elsewhere:
what runs by live migration, its disk with it, what is stopped by cold migration. evacuate: the same
for a hypervisor that is dead: its instances begin anew elsewhere, from their images and volumes;
what was on its own disks is lost to them. Both end after SECONDS and may be repeated; the
hypervisor stays closed. back: nova uses it again.

Each line of the output is JSON: {"note": what goes on}, {"moved": instance, "to": node, "seconds":
how long it took}, {"stays": instance, "why": reason}, {"closed": whether it was open before}. Ends
with 1 and the reason only if nova cannot be asked, or says no to the whole.
"""

import json
import subprocess
import sys
import time
import urllib.error
from pathlib import Path

sys.dont_write_bytecode = True  # a kit is as it was verified
import region  # noqa: E402
from session import reason_of  # noqa: E402

# The first version that says why an action on an instance failed.
NOVA = {"X-OpenStack-Nova-API-Version": "2.84"}
HOST, TASK = "OS-EXT-SRV-ATTR:host", "OS-EXT-STS:task_state"
PAUSE = 1.0  # seconds between two looks
REPORTING = 180.0  # seconds until a hypervisor that has just booted says that it is up
ANSWERING = 60  # seconds until a minion has started a service
SALT = Path(sys.executable).with_name("salt")
SERVICE = "nova-compute"
ABORTING = 60.0  # seconds until a migration that was ended is over
# How an instance moves, by its status; what to do about any other.
LIVE, COLD = "live", "cold"
WAYS = {"ACTIVE": LIVE, "PAUSED": LIVE, "SHUTOFF": COLD}
FIRST = {
    "VERIFY_RESIZE": "confirm or revert its resize first",
    "RESCUE": "end its rescue first",
    "SUSPENDED": "resume it first",
    "ERROR": "look at it (openstack server show), then reset its state or delete it",
}
REBUILT = ("ACTIVE", "SHUTOFF", "ERROR")  # what nova evacuates


class Nova:
    """Nova's API, of this tool's version."""

    def __init__(self, session):
        self._session = session

    def get(self, path, **query):
        return self._session.get("compute", path, NOVA, **query)

    def act(self, server, **action):
        self._session.post("compute", f"/servers/{server}/action", action, NOVA)

    def servers(self, node):
        """The instances on the node, by id."""
        servers = self.get("/servers/detail", all_tenants=1, host=node)["servers"]
        return {server["id"]: server for server in servers}

    def server(self, server):
        return self.get(f"/servers/{server}")["server"]

    def service(self, node):
        """The hypervisor's own service. Ends this program if nova knows none."""
        services = self.get("/os-services", host=node, binary="nova-compute")["services"]
        if not services:
            sys.exit(f"nova knows no hypervisor {node}")
        return services[0]

    def change(self, service, **values):
        self._session.put("compute", f"/os-services/{service['id']}", values, NOVA)

    def migration(self, server):
        """The live migration of an instance that is under way, None without one."""
        migrations = self.get(f"/servers/{server}/migrations")["migrations"]
        return migrations[0] if migrations else None

    def abort(self, server):
        """End the live migration of an instance, if there is one that can be ended."""
        going = self.migration(server)
        if going is not None:
            path = f"/servers/{server}/migrations/{going['id']}"
            self._session.delete("compute", path, NOVA)

    def reason(self, server):
        """What nova notes of the newest action on an instance that failed."""
        actions = self.get(f"/servers/{server}/os-instance-actions")["instanceActions"]
        for action in actions[:1]:
            path = f"/servers/{server}/os-instance-actions/{action['request_id']}"
            events = self.get(path)["instanceAction"].get("events", [])
            details = [event.get("details") for event in events if event.get("result") == "Error"]
            for words in filter(None, details):
                return " ".join(words.split())
        return "nova does not say why"


def told(server):
    return f"{server['name']} ({server['id']})"


def way(server):
    """(how an instance moves, '') or ('', why it cannot)."""
    status = server["status"]
    if status in WAYS:
        return WAYS[status], ""
    return "", f"its status is {status}" + (f": {FIRST[status]}" if status in FIRST else "")


def share(migration):
    """How much of a live migration is done, in words; '' as long as nothing is known."""
    parts = []
    for what in ("memory", "disk"):
        total, done = migration.get(f"{what}_total_bytes"), migration.get(f"{what}_processed_bytes")
        if total:
            parts.append(f"{what} {min(100, 100 * (done or 0) // total)} %")
    return ", ".join(parts)


def settled(server):
    """Whether nova is done with what was asked of it last, however that ended."""
    return not server[TASK]


def say(**words):
    print(json.dumps(words), flush=True)


class Moves:
    """The instances of one hypervisor on their way, until a moment of the monotonic clock."""

    def __init__(self, nova, node, until):
        self.nova, self.node, self.until = nova, node, until

    def each(self, move):
        """`move(server)` for each instance there, what comes meanwhile included; tells of each."""
        stay = set()
        while here := [
            server for server in self.nova.servers(self.node).values() if server["id"] not in stay
        ]:
            for server in here:
                began = time.monotonic()
                try:
                    why = move(server)
                except urllib.error.HTTPError as error:
                    why = reason_of(error)
                if why:
                    stay.add(server["id"])
                    say(stays=told(server), why=why)
                else:
                    to = self.nova.server(server["id"])[HOST]
                    say(moved=told(server), to=to, seconds=round(time.monotonic() - began, 1))

    def waited(self, server, done, look=None):
        """The instance once `done(instance)`, None if the time was over first."""
        while not done(now := self.nova.server(server["id"])):
            if time.monotonic() > self.until:
                return None
            if look:
                look()
            time.sleep(PAUSE)
        return now

    def elsewhere(self, server):
        """Move one instance; '' or why it stays."""
        idle = self.waited(server, settled)
        if idle is None:
            return f"nova is at it: {self.nova.server(server['id'])[TASK]}"
        if time.monotonic() > self.until:
            return "the time was over"
        how, why = way(idle)
        if why:
            return why
        say(note=f"{server['name']}: {how} migration")
        return self.live(server) if how == LIVE else self.cold(server)

    def live(self, server):
        self.nova.act(server["id"], **{"os-migrateLive": {"host": None, "block_migration": "auto"}})

        def look():
            migration = self.nova.migration(server["id"])
            if migration and (part := share(migration)):
                say(note=f"{server['name']}: {part}")

        now = self.waited(server, settled, look)
        if now is None:
            self.nova.abort(server["id"])
            self.until = time.monotonic() + ABORTING
            self.waited(server, settled)
            self.until = 0.0
            return "the time was over; its migration was ended"
        return "" if now[HOST] != self.node else self.nova.reason(server["id"])

    def cold(self, server):
        self.nova.act(server["id"], migrate=None)
        now = self.waited(server, settled)
        if now is None:
            return "the time was over; its migration goes on"
        if now["status"] != "VERIFY_RESIZE":
            return self.nova.reason(server["id"])
        self.nova.act(server["id"], confirmResize=None)
        now = self.waited(server, lambda now: settled(now) and now["status"] != "VERIFY_RESIZE")
        return (
            ""
            if now
            else "the time was over; it is to be confirmed: openstack server resize confirm"
        )

    def anew(self, server):
        """Have one instance of a dead hypervisor begin anew elsewhere; '' or why it does not."""
        if time.monotonic() > self.until:
            return "the time was over"
        if server["status"] not in REBUILT:
            return f"its status is {server['status']}: nova evacuates {', '.join(REBUILT)}"
        say(note=f"{server['name']}: begins anew elsewhere")
        self.nova.act(server["id"], evacuate={})
        now = self.waited(server, settled)
        if now is None:
            return "the time was over; it goes on"
        left = now[HOST] != self.node and now["status"] != "ERROR"
        return "" if left else self.nova.reason(server["id"])


def close(nova, service, why):
    """Nothing new is placed there; whoever closed it before keeps their reason."""
    opened = service["status"] == "enabled"
    if opened:
        nova.change(service, status="disabled", disabled_reason=why)
    say(closed=opened)


def empty(nova, node, seconds, why):
    service = nova.service(node)
    if service["state"] != "up":
        sys.exit(f"nova-compute on {node} is down: from a dead hypervisor instances are evacuated")
    close(nova, service, why)
    moves = Moves(nova, node, time.monotonic() + seconds)
    moves.each(moves.elsewhere)


def evacuate(nova, node, seconds, why):
    service = nova.service(node)
    close(nova, service, why)
    # Whoever calls this knows that it is dead; nova would wait until it has been silent for long.
    nova.change(service, forced_down=True)
    moves = Moves(nova, node, time.monotonic() + seconds)
    moves.each(moves.anew)


def back(nova, node):
    service = nova.service(node)
    if service.get("forced_down"):
        reopen(nova, service, node)
    if service["status"] != "enabled":
        nova.change(service, status="enabled")
    end = time.monotonic() + REPORTING
    while nova.service(node)["state"] != "up":
        if time.monotonic() > end:
            sys.exit(f"it is open again, but nova-compute on {node} is down: start it")
        time.sleep(PAUSE)
    if service["status"] != "enabled":
        say(note=f"it was closed: {service.get('disabled_reason') or 'nobody said why'}")


def reopen(nova, service, node):
    """Nova listens to the hypervisor again, once it has given up what began anew elsewhere.

    It does that when nova-compute starts: until then nova refuses (400). One that was only cut off
    from the network never stopped, and still runs what was evacuated from it.
    """
    end = time.monotonic() + REPORTING
    restarted = False
    while True:
        try:
            nova.change(service, forced_down=False)
            return
        except urllib.error.HTTPError as error:
            if error.code != 400 or time.monotonic() > end:
                raise
        if not restarted:
            restart(node)
            restarted = True
        time.sleep(PAUSE)


def restart(node):
    """Start nova-compute of a hypervisor again, by Salt."""
    words = ["--out=json", "--static", f"--timeout={ANSWERING}", node, "service.restart", SERVICE]
    done = subprocess.run(
        [SALT, *words], capture_output=True, text=True, timeout=3 * ANSWERING, check=False
    )
    try:
        answer = json.loads(done.stdout).get(node)
    except (ValueError, AttributeError):
        answer = (done.stdout + done.stderr).strip()
    if answer is not True:
        sys.exit(f"{SERVICE} on {node} could not be started again: {answer or 'no answer'}")


def main():
    how, node, *more = sys.argv[1:]
    try:
        session = region.entered()
        if session is None or not session.has("compute"):
            sys.exit("the region has no compute service")
        nova = Nova(session)
        if how == "back":
            back(nova, node)
        else:
            seconds, why = more
            {"empty": empty, "evacuate": evacuate}[how](nova, node, float(seconds), why)
    except urllib.error.HTTPError as error:
        region.refused(error)
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"the region's API does not answer: {error}")


if __name__ == "__main__":
    main()
