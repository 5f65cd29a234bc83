"""What the gate takes on nodes: a changed line to Verified and to production; seventeen pods.

    .venv/bin/python tests/benchmarks/bench_gate_nodes.py [--only pods|gate]

Needs LXD, Java (a real Gerrit runs beside it) and about half an hour; works on a scratch clone with
a site and a state of its own, and takes everything down at the end. Prints the table of
docs/benchmarks.md, and below it where the job in the pod spent its time.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "support"))

import gerrit  # noqa: E402
from railway import Railway, deployed  # noqa: E402

PROJECT, BRANCH = "cloud/deploy-kit", "master"
NAMES = ("test", "staging", "production")
LINE = ("salt/pillar/memcached.sls", "memory: 64", "memory: 65")
PODS = 17
LONGEST = 3600.0  # seconds for a change to be verified, and to be merged
STEP = re.compile(r"^✓ (?P<title>.*) (?P<seconds>[0-9.]+) s$", re.MULTILINE)
RAN = re.compile(r"^- (?P<job>[a-z]+): (?P<result>[a-z-]+) \((?P<seconds>\d+) s\)", re.MULTILINE)
SOLE = """name: sole
networks:
  management: {cidr: 10.83.0.0/24}
nodes:
  region: {roles: [master, database, cache, identity, load-balancer], at: 10}
"""
# The jobs of deploy-kit/gate.example.yml that the figures name.
GATE = """gerrit:
  url: {url}
  ssh: 127.0.0.1:{port}
  account: admin
  password: {password}
  key: {key}
  host_keys: {hosts}
queues:
  integrated: {{projects: [{project}], branches: [{branch}]}}
home: {{project: {project}, path: deploy-kit/gate.yml}}
jobs:
"""
JOBS = ("lint", "unit", "rendered", "region")


@dataclass
class Row:
    """A line of the table: what took how many seconds, and how many it may take at most."""

    what: str
    seconds: float
    wanted: str = ""

    def __str__(self) -> str:
        return f"| {self.what} | {self.seconds:.1f} s | {self.wanted} |"


@dataclass
class Found:
    """What was measured; `more` stands below the table."""

    rows: list[Row] = field(default_factory=list)
    more: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("pods", "gate"), help="one half of it")
    only: str | None = parser.parse_args().only
    found = Found()
    with tempfile.TemporaryDirectory(prefix="bench-gate-") as scratch:
        if only != "gate":
            pods(Path(scratch), found)
        if only != "pods":
            gate(Path(scratch), found)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end\n")
    print("| what | measured | wanted |\n| --- | --- | --- |")
    print(*found.rows, sep="\n")
    print("", *found.more, sep="\n")


def pods(scratch: Path, found: Found) -> None:
    """Seventeen pods of one node, copied from nodes that are prepared already."""
    folder = scratch / "pods" / "checkout"
    folder.mkdir(parents=True)
    with deployed(CHECKOUT, folder, "sole", SOLE) as railway:
        try:
            railway("pod", "create", "--from", "sole", "--name", "first", timeout=900)
            railway("pod", "drop", "first", "--yes")
            began = time.monotonic()
            words = ("--from", "sole", "--name", "many", "--copies", str(PODS))
            railway("pod", "create", *words, timeout=900)
            seconds = time.monotonic() - began
            assert len(railway.json("pod", "list")) == PODS
        finally:
            railway("env", "down", "--all", "--yes", timeout=600)
    found.rows.append(Row(f"{PODS} pods of one node from one snapshot, all up", seconds, "30 s"))


def gate(scratch: Path, found: Found) -> None:
    """One changed line of memcached's configuration, pushed, to Verified; on to production."""
    with gerrit.running(scratch / "gerrit") as server, region(scratch, server) as railway:
        run(railway, timeout=1800)
        with gate_running(railway):
            pushed = time.monotonic()
            change = push(railway, server)
            text = awaited(server, change, "region: ")
            verified = time.monotonic() - pushed
            approve(server, change)
            status = f"/changes/{change['_number']}"
            until(lambda: server.call("GET", status)["status"] == "MERGED")
            railway.git("-c", f"core.sshCommand={ssh(server)}", "pull", "--quiet", "--ff-only")
            run(railway, timeout=1800)
            lead = time.monotonic() - pushed
    tell(railway, text, (verified, lead), found)


@contextmanager
def region(scratch: Path, server: gerrit.Gerrit) -> Iterator[Railway]:
    """A clone of this repository with the three shipped environments, pushed to the server; its
    site has a gate. `bootstrap` is left out of what they ask for, as for the lead time."""
    folder = scratch / "gate" / "checkout"
    folder.parent.mkdir()
    railway = Railway(folder, folder.parent / "state")
    words = ["git", "clone", "--quiet", "--no-tags", str(CHECKOUT), str(folder)]
    subprocess.run(words, check=True, timeout=300)
    railway.git("checkout", "--quiet", "-B", BRANCH)
    for name in NAMES:
        file = folder / "deploy-kit" / "environments" / f"{name}.yml"
        file.write_text(file.read_text().replace(", bootstrap: {}", ""))
    for name in ("dev", "ha", "minimal"):
        (folder / "deploy-kit" / "environments" / f"{name}.yml").unlink(missing_ok=True)
    (folder / "deploy-kit" / "gate.yml").write_text(gate_yml(server, scratch))
    railway.commit("what is measured")
    server.call("PUT", f"/projects/{gerrit.quoted(PROJECT)}", {})
    address = f"ssh://admin@127.0.0.1:{server.ssh_port}/{PROJECT}"
    railway.git("remote", "set-url", "origin", address)
    push_words = ("push", "--quiet", "--set-upstream", "origin", f"{BRANCH}:refs/heads/{BRANCH}")
    railway.git("-c", f"core.sshCommand={ssh(server)}", *push_words)
    try:
        railway("setup", timeout=900)
        railway("image", "build", timeout=900)
        yield railway
    finally:
        railway("env", "down", "--all", "--yes", timeout=600)


def gate_yml(server: gerrit.Gerrit, scratch: Path) -> str:
    """The gate of that site: this server, and the jobs of the shipped example."""
    admin = server.accounts["admin"]
    password = scratch / "password"
    password.write_text(admin.password)
    password.chmod(0o600)
    top = GATE.format(
        url=server.url, port=server.ssh_port, password=password, key=admin.key,
        hosts=server.known_hosts, project=PROJECT, branch=BRANCH,
    )  # fmt: skip
    example = (CHECKOUT / "deploy-kit" / "gate.example.yml").read_text()
    entries = re.findall(r"^  ([a-z]+):\n((?:    .*\n|  #.*\n)+)", example, re.MULTILINE)
    named = dict(entries)
    return top + "".join(f"  {name}:\n{named[name]}" for name in JOBS)


@contextmanager
def gate_running(railway: Railway) -> Iterator[None]:
    with (railway.folder.parent / "gate.log").open("wb") as log:
        child = subprocess.Popen(
            [*railway.command, "gate", "run"], env=railway.env, stdout=log, stderr=log
        )
        try:
            yield
        finally:
            child.send_signal(signal.SIGINT)
            child.wait(60)


def run(railway: Railway, timeout: float) -> None:
    """What the branch has, to production."""
    railway("release", "cut", "--no-commit")
    railway("env", "up", *NAMES, timeout=600)
    railway("train", timeout=timeout)


def push(railway: Railway, server: gerrit.Gerrit) -> dict[str, Any]:
    """The changed line, for review; what the server says of it."""
    author = railway.folder.parent / "author"
    server.clone(PROJECT, "admin", author)
    file, old, new = LINE
    text = (author / file).read_text()
    assert text.count(old) == 1, file
    (author / file).write_text(text.replace(old, new))
    change_id = f"I{'0' * 39}1"
    message = f"memcached: {new}\n\nChange-Id: {change_id}"
    gerrit.git(author, "commit", "--quiet", "--all", "-m", message)
    ref = f"HEAD:refs/for/{BRANCH}"
    gerrit.git(author, "push", "--quiet", "origin", ref, env=server.ssh("admin"))
    return dict(server.call("GET", f"/changes/?q=change:{change_id}")[0])


def approve(server: gerrit.Gerrit, change: dict[str, Any]) -> None:
    where = f"/changes/{change['_number']}/revisions/current/review"
    server.call("POST", where, {"labels": {"Code-Review": 2, "Workflow": 1}})


def awaited(server: gerrit.Gerrit, change: dict[str, Any], word: str) -> str:
    """The comment on a change with `word`, once it is there; it must be that of a pass."""
    found: list[str] = []

    def there() -> bool:
        where = f"/changes/{change['_number']}/?o=MESSAGES"
        messages = server.call("GET", where)["messages"]
        found[:] = [one["message"] for one in messages if word in one["message"]]
        return bool(found)

    until(there)
    assert "Passed" in found[0], found[0]
    return found[0]


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST
    while not done():
        if time.monotonic() > end:
            sys.exit(f"it did not come to that within {LONGEST:.0f} s; see gate.log")
        time.sleep(1)


def ssh(server: gerrit.Gerrit) -> str:
    return server.ssh("admin")["GIT_SSH_COMMAND"]


def tell(railway: Railway, text: str, seconds: tuple[float, float], found: Found) -> None:
    """The rows of a change that the gate's comment `text` tells of."""
    verified, lead = seconds
    jobs = {match["job"]: float(match["seconds"]) for match in RAN.finditer(text)}
    log = region_log(railway)
    steps = [(match["title"], float(match["seconds"])) for match in STEP.finditer(log)]
    ready = sum(took for title, took in steps if "minions answer" in title or "copy" in title)
    found.rows += [
        Row(f"one changed line: {name}", jobs[name], "90 s") for name in JOBS[:3] if name in jobs
    ]
    found.rows += [
        Row("… its pod (four nodes), copied and answering", ready, "15 s"),
        Row("… the job in the pod, all of it", jobs.get("region", 0.0)),
        Row("… pushed to Verified", verified, "300 s"),
        Row("… pushed, reviewed at once, gated, released, in production", lead),
    ]
    found.more += [f"* {title}: {took:.1f} s" for title, took in steps]


def region_log(railway: Railway) -> str:
    """What the job in the pod printed, of the newest that there is."""
    logs = sorted(
        (railway.state / "deploy-kit").glob("*/jobs/*-region-*/log"),
        key=lambda file: file.stat().st_mtime,
    )
    return logs[-1].read_text("utf-8", "replace") if logs else ""


if __name__ == "__main__":
    main()
