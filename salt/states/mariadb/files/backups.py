#!/usr/bin/python3
"""Backups of this node's database, and the way back to a moment: mariadb-backups ACT

    make [WHY]        take one, prepare it (which proves it) and pack it; what is too old goes. In a
                      cluster `make turn` does so on one node alone, the last that is in it
    logs              keep what the server's binary logs have; send copies where settings say so
    list              what there is by now, as JSON
    prepare [WHEN]    data as it was at WHEN (20261129T080000Z, or the name of a backup), beside
                      those of now; without it as near to now as backups and logs lead
    switch            put the prepared data in the place of those of now; of a cluster it is the
                      first node from then on
    leave             of a cluster: put this node's data aside, so that it takes those of the others
    seal WHICH KEY... a backup (its name, or latest) and its logs in a file that only the age or SSH
                      keys KEY open; its path is printed
    take              what `age -d` makes of a sealed one, from standard input

Settings are in /etc/mysql/region-backups.json. A backup is a folder FULL/NAME, NAME being when it
was taken: data.tar.gz, prepared, and backup.json. Closed binary logs lie in LOGS/TIMELINE: those of
one timeline follow one another without a gap. After whatever breaks the row (a restore, a whole copy
from another node) a timeline begins, and backups of the one before lead to its end only.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

CONFIG = Path("/etc/mysql/region-backups.json")
CLUSTER = Path("/etc/mysql/region-cluster.json")
FOLDER = Path("/var/backups/mariadb")
SERVER_LOGS = Path("/var/lib/mysql-logs")
DATA = Path("/var/lib/mysql")
UNIT = Path("/run/systemd/system/mariadb.service.d/restored.conf")
SOCKET = Path("/run/mysqld/restored.sock")
LOG = re.compile(r"binlog\.\d{6,}")
NAME = re.compile(r"\d{8}T\d{6}Z")
ANSWER, START, WHOLE = 10, 300, 3600  # seconds: a question, a server's start or end, all of the data
ASIDE = 64 << 20  # bytes of memory for a server that only reads logs


class Failed(Exception):
    """What could not be done, and what to do about it."""


def stamp(moment):
    """A time (seconds since 1970) as names have it."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def moment_of(name):
    """The seconds since 1970 of a name. Raises Failed where it is none."""
    if not NAME.fullmatch(name):
        raise Failed(f"{name}: not a time like {stamp(0)}")
    parsed = datetime.strptime(name, "%Y%m%dT%H%M%SZ")
    return int(parsed.replace(tzinfo=timezone.utc).timestamp())


def follows(kept, present):
    """Whether the logs `present` (name -> time in its head) go on where those of `kept` end.

    `kept` is name -> {"bytes", "sha256", "began"}. The last one kept is still there, the same one.
    """
    if not kept:
        return False
    last = max(kept)
    return present.get(last) == kept[last]["began"]


def needed(backup, kept):
    """The logs from a backup on, in order; [] where one is missing.

    `backup` is its backup.json, `kept` the logs of its timeline, by name.
    """
    names = [name for name in sorted(kept) if name >= backup["log"]]
    numbers = [int(name.rpartition(".")[2]) for name in names]
    first = int(backup["log"].rpartition(".")[2])
    return names if numbers == list(range(first, first + len(numbers))) else []


def reaches(backup, timelines):
    """Until when a backup and its logs tell everything, in seconds since 1970.

    `timelines`: name -> {"until", "logs"}.
    """
    timeline = timelines.get(backup["timeline"])
    if timeline and needed(backup, timeline["logs"]):
        return max(backup["time"], timeline["until"])
    return backup["time"]


def chosen(backups, timelines, wanted):
    """The newest of `backups` from which the logs lead to `wanted`, seconds since 1970.

    None for `wanted` is as far as anything leads. Raises Failed, saying from when to when there is
    something.
    """
    if not backups:
        raise Failed("there is no backup; 'mariadb-backups make' takes one")
    ends = {one["name"]: reaches(one, timelines) for one in backups}
    if wanted is None:
        return max(backups, key=lambda one: (ends[one["name"]], one["time"]))
    fitting = [one for one in backups if one["time"] <= wanted <= ends[one["name"]]]
    if not fitting:
        spans = ", ".join(f"{one['name']} to {stamp(ends[one['name']])}" for one in backups)
        raise Failed(f"no backup leads to {stamp(wanted)}; what there is: {spans}")
    return max(fitting, key=lambda one: one["time"])


def outdated(backups, now, keep, least):
    """The names of the backups that go: older than `keep` seconds, but `least` stay."""
    names = [one["name"] for one in sorted(backups, key=lambda one: one["time"])]
    times = {one["name"]: one["time"] for one in backups}
    return [name for name in names[: max(0, len(names) - least)] if times[name] < now - keep]


def spare_logs(backups, timelines, current):
    """The logs (timeline, name) that no backup needs any more; of `current` the last one stays."""
    found = []
    for timeline, entry in timelines.items():
        starts = [one["log"] for one in backups if one["timeline"] == timeline]
        first = min(starts) if starts else None
        names = sorted(entry["logs"])
        for name in names[:-1] if timeline == current else names:
            if first is None or name < first:
                found.append((timeline, name))
    return found


def too_much(timelines, most, current):
    """The oldest logs (timeline, name) that go so that all take at most `most` bytes."""
    rows = [(t, name) for t in sorted(timelines) for name in sorted(timelines[t]["logs"])]
    total = sum(timelines[t]["logs"][name]["bytes"] for t, name in rows)
    found = []
    last = (current, max(timelines[current]["logs"])) if timelines.get(current, {}).get("logs") else ()
    for timeline, name in rows:
        if total <= most or (timeline, name) == last:
            break
        total -= timelines[timeline]["logs"][name]["bytes"]
        found.append((timeline, name))
    return found


def run(*words, timeout=WHOLE, **more):
    """A program's output. Raises Failed with the end of what it complained of."""
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=timeout, check=False, **more
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{words[0]}: {error}") from None
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise Failed(f"{words[0]} ended with status {done.returncode}: {said}")
    return done.stdout


def sql(statement, socket=None, timeout=START):
    where = (f"--socket={socket}",) if socket else ()
    return run("mariadb", *where, "--connect-timeout=5", "-N", "-e", statement, timeout=timeout)


def answers(socket=None):
    """Whether the server (of `socket`) answers."""
    try:
        sql("SELECT 1", socket, ANSWER)
    except Failed:
        return False
    return True


def digest(file):
    found = hashlib.sha256()
    with file.open("rb") as data:
        while block := data.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def began(log):
    """When a binary log was begun, as its head says: what tells it from others of its name."""
    with log.open("rb") as data:
        head = data.read(8)
    return int.from_bytes(head[4:8], "little") if head[:4] == b"\xfebin" else -1


def write_json(file, value):
    aside = file.with_name(f".{file.name}.new")
    with aside.open("w") as out:
        json.dump(value, out, indent=1, sort_keys=True)
        out.flush()
        os.fsync(out.fileno())
    aside.replace(file)


def remove(path):
    """Take a folder or file away, whether it is there or not."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def move_contents(source, target):
    """Everything of `source` to the empty folder `target`, which may be a mount of its own."""
    target.mkdir(mode=0o700, exist_ok=True)
    for entry in list(source.iterdir()):
        if entry.name != "lost+found":
            shutil.move(entry, target / entry.name)


def put_aside(data, before):
    """The folder `data`, emptied; what was in it is in `before`, and nothing else is."""
    remove(before)
    if os.path.ismount(data):
        move_contents(data, before)
    else:
        data.rename(before)
        data.mkdir(mode=0o755)


class Backups:
    """This node's backups, and the server that they are of."""

    def __init__(self, settings):
        self.settings = settings
        self.full, self.logs_folder = FOLDER / "full", FOLDER / "logs"
        self.restored, self.before = (DATA.with_name(f"mysql.{name}") for name in ("restored", "before"))
        for folder in (FOLDER, self.full, self.logs_folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextlib.contextmanager
    def locked(self):
        """Alone with the folder; whoever has it is waited for."""
        with (FOLDER / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def backups(self):
        """The backup.json of each, the oldest first."""
        files = sorted(self.full.glob("[0-9]*/backup.json"))
        return [json.loads(file.read_text()) for file in files]

    def timelines(self):
        files = sorted(self.logs_folder.glob("[0-9]*/timeline.json"))
        return {file.parent.name: json.loads(file.read_text()) for file in files}

    # What is kept

    def make(self, why=""):
        if why == "turn":
            if not self.has_turn():
                print("another node of the cluster takes it")
                return
            why = "by the timer"
        if not answers():
            raise Failed("the server does not answer; systemctl status mariadb")
        with self.locked():
            for left in self.full.glob(".*"):  # one that was cut off
                remove(left)
            timeline = self.keep_logs()
            entry = self.pack(self.take_data(), why, timeline)
            self.keep_logs()
            self.forget()
        print(f"{entry['name']}: {entry['bytes'] >> 20} MiB")
        self.send()

    def take_data(self):
        """The server's data, prepared, in a folder aside."""
        aside = self.full / f".{stamp(time.time())}"
        aside.mkdir(mode=0o700)
        where = f"--target-dir={aside / 'data'}"
        run("mariadb-backup", "--backup", where, "--user=root")
        (aside / "taken").write_text(str(int(time.time())))
        run("mariadb-backup", "--prepare", where)
        return aside

    def pack(self, aside, why, timeline):
        """The backup of what `take_data` left; its backup.json."""
        (told,) = (aside / "data").glob("*_binlog_info")
        log, position = told.read_text().split()[:2]
        packed = aside / "data.tar.gz"
        run("tar", "-C", aside / "data", "-I", "gzip -1", "-cf", packed, ".")
        taken = int((aside / "taken").read_text())
        entry = {
            "name": stamp(taken),
            "time": taken,
            "why": why,
            "node": self.settings["node"],
            "bytes": packed.stat().st_size,
            "sha256": digest(packed),
            "timeline": timeline,
            "log": Path(log).name,
            "position": int(position),
            "server": run("mariadbd", "--version", timeout=ANSWER).split(" Ver ")[-1].split()[0],
        }
        remove(aside / "data")
        (aside / "taken").unlink()
        write_json(aside / "backup.json", entry)
        aside.rename(self.full / entry["name"])
        return entry

    def has_turn(self):
        """Whether of a cluster's nodes this is the last that is in it; yes without a cluster."""
        if not CLUSTER.exists():
            return True
        cluster = json.loads(CLUSTER.read_text())
        for name in sorted(cluster["nodes"], reverse=True):
            if in_cluster(f"http://{cluster['nodes'][name]}:{cluster['port']}/"):
                return name == cluster["node"]
        return False

    def logs(self):
        with self.locked():
            self.keep_logs()
            self.bound_logs()
        self.send()

    def keep_logs(self):
        """Keep the server's logs, so that nothing that was written until now is missing.

        Returns the name of the timeline that they are of.
        """
        until = int(time.time())
        if answers():
            sql("FLUSH BINARY LOGS")
            names = [line.split("\t")[0] for line in sql("SHOW BINARY LOGS").splitlines()][:-1]
        else:  # the last one is as it was left
            names = sorted(one.name for one in SERVER_LOGS.iterdir() if LOG.fullmatch(one.name))
        there = {name: began(SERVER_LOGS / name) for name in names}
        timelines = self.timelines()
        timeline = max(timelines, default="")
        kept = timelines[timeline]["logs"] if timeline else {}
        if not follows(kept, there):
            timeline, kept = stamp(until), {}
        folder = self.logs_folder / timeline
        folder.mkdir(mode=0o700, exist_ok=True)
        for name in sorted(there):
            if name not in kept or kept[name]["bytes"] != (SERVER_LOGS / name).stat().st_size:
                kept[name] = self.keep_log(SERVER_LOGS / name, folder / name, there[name])
        write_json(folder / "timeline.json", {"until": until, "logs": kept})
        return timeline

    def keep_log(self, log, target, head):
        target.unlink(missing_ok=True)
        try:
            os.link(log, target)  # it is closed: nobody writes to it any more
        except OSError:
            shutil.copy2(log, target)
        return {"bytes": target.stat().st_size, "sha256": digest(target), "began": head}

    def forget(self):
        """What is too old goes: backups, logs that none needs, data that a restore put aside."""
        keep = self.settings["keep"]
        for name in outdated(self.backups(), time.time(), keep, self.settings["least"]):
            remove(self.full / name)
        timelines = self.timelines()
        self.drop_logs(spare_logs(self.backups(), timelines, max(timelines, default="")))
        self.bound_logs()
        if self.before.exists() and self.before.stat().st_ctime < time.time() - keep:
            remove(self.before)

    def bound_logs(self):
        timelines = self.timelines()
        gone = too_much(timelines, self.settings["logs_bytes"], max(timelines, default=""))
        self.drop_logs(gone)
        if gone:
            print(f"{len(gone)} logs went: all may take {self.settings['logs_bytes'] >> 20} MiB")

    def drop_logs(self, gone):
        """Forget the logs (timeline, name), also those that the server still has."""
        timelines = self.timelines()
        newest = max(timelines, default="")
        for timeline, name in gone:
            (self.logs_folder / timeline / name).unlink(missing_ok=True)
            del timelines[timeline]["logs"][name]
        for timeline in {timeline for timeline, _ in gone}:
            left = timelines[timeline]
            if left["logs"] or timeline == newest:
                write_json(self.logs_folder / timeline / "timeline.json", left)
            else:
                remove(self.logs_folder / timeline)
        if any(timeline == newest for timeline, _ in gone) and answers():
            sql(f"PURGE BINARY LOGS TO '{min(timelines[newest]['logs'])}'")

    # Copies elsewhere

    def send(self):
        """Send what is new to where the settings say, if they do, encrypted for who they name."""
        copies = self.settings["copies"]
        if not copies["to"]:
            return
        user_host, _, folder = copies["to"].partition(":")
        host = user_host.rpartition("@")[2]
        if not copies["recipients"] and host not in self.settings["addresses"]:
            raise Failed(
                f"{host} is no node of this region: name in mariadb.backups.copies.recipients the"
                " age or SSH keys that may read what leaves it"
            )
        own = FOLDER / "copies"
        own.mkdir(mode=0o700, exist_ok=True)
        with self.locked():
            sent = json.loads((own / "sent.json").read_text()) if (own / "sent.json").exists() else {}
            there = self.to_send()
            stage = own / "stage"
            remove(stage)
            for place, mark in there.items():
                if sent.get(place) != mark:
                    self.stage(FOLDER / place, stage / place, copies["recipients"])
            if stage.exists():
                self.rsync(own, stage, f"{user_host}:{folder.rstrip('/')}/{self.settings['node']}/")
            write_json(own / "sent.json", there)

    def to_send(self):
        """Place below FOLDER -> what tells whether it changed."""
        files = [*self.full.glob("[0-9]*/*"), *self.logs_folder.glob("[0-9]*/*")]
        return {
            str(file.relative_to(FOLDER)): f"{file.stat().st_size} {file.stat().st_mtime_ns}"
            for file in files
            if not file.name.startswith(".")
        }

    def stage(self, file, target, recipients):
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if recipients:
            run("age", *for_each(recipients), "-o", f"{target}.age", file)
        else:
            shutil.copy2(file, target)

    def rsync(self, own, stage, to):
        key = own / "id_ed25519"
        if not key.exists():
            comment = f"database backups of {self.settings['node']}"
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", key, timeout=60)
        host = to.partition(":")[0].rpartition("@")[2]
        (own / "known_hosts").write_text(f"{host} {self.settings['copies']['host_key']}\n")
        ssh = f"ssh -i {key} -o UserKnownHostsFile={own / 'known_hosts'} -o BatchMode=yes"
        ssh += " -o StrictHostKeyChecking=yes -o ConnectTimeout=20"
        try:
            run("rsync", "-rt", "--mkpath", "--timeout=120", "-e", ssh, f"{stage}/", to)
        except Failed as error:
            public = key.with_suffix(".pub").read_text().strip()
            raise Failed(f"copies were not sent to {to}: {error}; this node's key: {public}") from None
        remove(stage)

    def seal(self, which, *recipients):
        backups = self.backups()
        names = {one["name"]: one for one in backups} | ({"latest": backups[-1]} if backups else {})
        if which not in names or not recipients:
            raise Failed(f"seal WHICH KEY..., WHICH of {', '.join(names) or 'nothing'}")
        sealed = FOLDER / "sealed.age"
        with self.locked(), sealed.open("wb") as out:
            places = self.places(names[which])
            tar = subprocess.Popen(("tar", "-C", FOLDER, "-c", *places), stdout=subprocess.PIPE)
            words = ("age", *for_each(recipients))
            done = subprocess.run(words, stdin=tar.stdout, stdout=out, timeout=WHOLE, check=False)
            if tar.wait(ANSWER) or done.returncode:
                raise Failed("it is not whole: tar or age failed")
        print(sealed)

    def places(self, backup):
        """What a backup and its logs are below FOLDER."""
        found = [f"full/{backup['name']}"]
        timeline = self.timelines().get(backup["timeline"], {"logs": {}})
        if logs := needed(backup, timeline["logs"]):
            folder = f"logs/{backup['timeline']}"
            found += [f"{folder}/timeline.json", *(f"{folder}/{name}" for name in logs)]
        return found

    def take(self):
        """Unpack what `seal` packed; what is there already stays."""
        with self.locked():
            aside = FOLDER / ".taken"
            remove(aside)
            aside.mkdir(mode=0o700)
            done = subprocess.run(
                ("tar", "-C", aside, "--no-same-owner", "-x"), timeout=WHOLE, check=False
            )
            backups = sorted(aside.glob("full/[0-9]*/backup.json"))
            if done.returncode or not backups:
                remove(aside)
                raise Failed("standard input holds no backup: age -d -i KEY FILE | mariadb-backups take")
            for folder in (*aside.glob("full/[0-9]*"), *aside.glob("logs/[0-9]*")):
                target = FOLDER / folder.relative_to(aside)
                if not target.exists():
                    folder.rename(target)
            remove(aside)
        print(", ".join(file.parent.name for file in backups))

    # The way back

    def list(self):
        with self.locked():
            self.keep_logs()
        timelines = self.timelines()
        found = [{**one, "reaches": reaches(one, timelines)} for one in self.backups()]
        told = {"node": self.settings["node"], "stale": self.settings["stale"], "backups": found}
        key = FOLDER / "copies" / "id_ed25519.pub"
        if self.settings["copies"]["to"]:
            told["copies"] = {
                "to": self.settings["copies"]["to"],
                "key": key.read_text().strip() if key.exists() else None,
            }
        print(json.dumps(told))

    def prepare(self, when=""):
        with self.locked():
            self.keep_logs()
            backups, timelines = self.backups(), self.timelines()
            exact = [one for one in backups if one["name"] == when]
            wanted = moment_of(when) if when else None
            backup = exact[0] if exact else chosen(backups, timelines, wanted)
            packed = self.full / backup["name"] / "data.tar.gz"
            if digest(packed) != backup["sha256"]:
                raise Failed(f"{packed} is not what it was made as; take another backup's time")
            remove(self.restored)
            self.restored.mkdir(mode=0o700)
            run("tar", "-C", self.restored, "-xzf", packed)
            run("chown", "-R", "mysql:mysql", self.restored)
            if not exact:
                self.replay(backup, timelines[backup["timeline"]], wanted)
        ends = moment_of(when) if when else reaches(backup, timelines)
        print(json.dumps({"backup": backup["name"], "to": stamp(ends)}))

    def replay(self, backup, timeline, wanted):
        """Bring the prepared data from the backup's position to `wanted`, by a server of their own."""
        folder = self.logs_folder / backup["timeline"]
        names = needed(backup, timeline["logs"])
        changed = [name for name in names if digest(folder / name) != timeline["logs"][name]["sha256"]]
        if changed:
            raise Failed(f"{folder / changed[0]} is not what it was kept as")
        if not names:
            return
        reader = ["mariadb-binlog", "--verify-binlog-checksum", f"--start-position={backup['position']}"]
        if wanted is not None:
            stop = datetime.fromtimestamp(wanted, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
            reader.append(f"--stop-datetime={stop}")
        with self.server_aside():
            logs = subprocess.Popen(
                (*reader, *(folder / name for name in names)),
                stdout=subprocess.PIPE,
                env={**os.environ, "TZ": "UTC"},
            )
            words = ("mariadb", f"--socket={SOCKET}", "--binary-mode")
            done = subprocess.run(
                words, stdin=logs.stdout, capture_output=True, text=True, timeout=WHOLE, check=False
            )
            if logs.wait(START) or done.returncode:
                raise Failed(f"the logs cannot be read into it: {done.stderr.strip()[-500:]}")

    @contextlib.contextmanager
    def server_aside(self):
        """A server of the prepared data that nobody reaches but this program."""
        server = subprocess.Popen(
            ("mariadbd", "--user=mysql", f"--datadir={self.restored}", f"--socket={SOCKET}")
            + (f"--pid-file={SOCKET}.pid", "--skip-networking", "--skip-log-bin", "--wsrep-on=OFF")
            + ("--wsrep-provider=none", "--event-scheduler=OFF", "--skip-log-error")
            + (f"--innodb-buffer-pool-size={ASIDE}",),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until = time.monotonic() + START
            while not answers(SOCKET):
                if server.poll() is not None or time.monotonic() > until:
                    raise Failed("no server starts on the data of the backup; journalctl -t mariadbd")
                time.sleep(0.2)
            yield
            run("mariadb-admin", f"--socket={SOCKET}", "shutdown", timeout=START)
            server.wait(START)
        finally:
            if server.poll() is None:
                server.kill()
                server.wait(ANSWER)

    def switch(self):
        if not (self.restored / "ibdata1").exists():
            raise Failed("nothing is prepared; mariadb-backups prepare WHEN")
        run("systemctl", "stop", "mariadb", timeout=START)
        with self.locked():
            self.keep_logs()  # what was written since: the row ends here
            self.empty_server_logs()
            put_aside(DATA, self.before)
            move_contents(self.restored, DATA)
            remove(self.restored)
            run("chown", "mysql:mysql", DATA)
        if CLUSTER.exists():
            self.begin_cluster()
        else:
            run("systemctl", "start", "mariadb", timeout=START)
        if not answers():
            raise Failed("the server does not answer; systemctl status mariadb")
        run("systemctl", "start", "--no-block", "mariadb-backup.service", timeout=ANSWER)
        print(f"data of before: {self.before}")

    def begin_cluster(self):
        """Start the server as the first of a new cluster: nobody of the old one may join unawares.

        So it must not go by the position that the data remember, as the unit's own start does.
        """
        UNIT.parent.mkdir(parents=True, exist_ok=True)
        UNIT.write_text("[Service]\nExecStart=\nExecStart=/usr/sbin/mariadbd --wsrep-new-cluster\n")
        try:
            run("systemctl", "daemon-reload", timeout=60)
            run("systemctl", "start", "mariadb", timeout=START)
        finally:
            UNIT.unlink()
            run("systemctl", "daemon-reload", timeout=60)

    def leave(self):
        run("systemctl", "stop", "mariadb", timeout=START)
        with self.locked():
            self.keep_logs()
            self.empty_server_logs()
            if (DATA / "grastate.dat").exists():  # else it has left already
                put_aside(DATA, self.before)
            for entry in [one for one in DATA.iterdir() if one.name != "lost+found"]:
                remove(entry)
            run("chown", "mysql:mysql", DATA)
            run("mariadb-install-db", "--user=mysql", timeout=START)

    def empty_server_logs(self):
        for file in SERVER_LOGS.iterdir():
            file.unlink()


def for_each(recipients):
    return [word for one in recipients for word in ("-r", one)]


def in_cluster(url):
    """Whether a node's watch says that it is in the cluster."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER) as answer:
            return answer.status == 200
    except (OSError, urllib.error.HTTPError):
        return False


ACTS = ("make", "logs", "list", "prepare", "switch", "leave", "seal", "take")


def main():
    act, *words = sys.argv[1:] or [""]
    if act not in ACTS:
        sys.exit(__doc__)
    os.umask(0o077)
    try:
        getattr(Backups(json.loads(CONFIG.read_text())), act)(*words)
    except Failed as error:
        sys.exit(f"{act}: {error}")


if __name__ == "__main__":
    main()
