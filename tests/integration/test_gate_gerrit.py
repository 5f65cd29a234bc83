"""The gate on a real Gerrit: what it reads, what it merges, and what it says on changes."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bugserver
import gateprocess
import pytest
from deploykit.base.errors import DeployKitError
from deploykit.bugs.trackers import Tracker, webhook
from deploykit.gate.loop import run_gate
from deploykit.gate.reconcile import Gate
from deploykit.gate.rest import GerritAway
from deploykit.logs.runs import Ending
from gatefigures import NothingJobs, cost
from gatesite import LINES, GateSite, joblogs_in
from gerrit import Gerrit, git, running

pytestmark = [pytest.mark.gerrit, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gerrit]:
    with running(tmp_path_factory.mktemp("gerrit") / "site") as server:
        server.account("ann")
        yield server


@pytest.fixture
def site(server: Gerrit, tmp_path: Path, request: pytest.FixtureRequest) -> GateSite:
    return GateSite(server, tmp_path / "gate", f"p{abs(hash(request.node.name)) % 10**8}")


def until(gate: Gate, done: Any, seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        acted = gate.round()
        if done():
            return
        if not acted:
            time.sleep(0.2)
    raise AssertionError("the gate did not come to that")


def line(number: int, text: str) -> dict[str, str]:
    lines = LINES.splitlines()
    lines[number - 1] = text
    return {"lines.txt": "\n".join([*lines, ""])}


def test_change_is_checked_reviewed_and_merged(site: GateSite) -> None:
    change = site.push(line(1, "one"))
    gate = site.gate()
    until(gate, lambda: "words: passed" in site.texts(change))
    assert any(vote.get("value") == 1 for vote in site.now(change)["labels"]["Verified"]["all"])
    assert site.now(change)["status"] == "NEW"
    site.approve(change)
    until(gate, lambda: site.now(change)["status"] == "MERGED")
    assert gate.round() is False


def test_bad_change_is_told_with_its_log_and_those_behind_it_are_merged(site: GateSite) -> None:
    good, bad = site.push(line(1, "one")), site.push(line(10, "BAD"))
    other = site.push(line(20, "twenty"))
    for change in (good, bad, other):
        site.approve(change)
    gate = site.gate()
    until(gate, lambda: site.now(other)["status"] == "MERGED")
    assert site.now(good)["status"] == "MERGED"
    assert site.now(bad)["status"] == "NEW"
    assert site.texts(bad).count("Not merged: its jobs failed") == 1
    assert "words: failed" in site.texts(bad)
    assert "a known fault: somebody wrote BAD: https://bugs.example.org/17" in site.texts(bad)
    runs = {one.run.id: one.run.ending for one in joblogs_in(site.folder).store.runs()}
    named = re.findall(r"deploy-kit logs show (\S+)", site.texts(bad))
    assert named and {runs[one] for one in named} == {Ending.FAILED}


def test_conflict_names_the_file(site: GateSite) -> None:
    first, second = site.push(line(1, "one")), site.push(line(1, "uno"))
    for change in (first, second):
        site.approve(change)
    gate = site.gate()
    until(gate, lambda: "Not merged: it cannot be merged" in site.texts(second))
    assert site.now(first)["status"] == "MERGED"
    assert "lines.txt" in site.texts(second)


def test_circle_over_two_projects_is_merged_as_one(site: GateSite) -> None:
    one = site.push(line(1, "one"))
    address = f"{site.server.url}/c/x/+"
    two = site.push(
        line(2, "two"), project=1, message=f"Two\n\nDepends-On: {address}/{one['_number']}"
    )
    clone = site.folder / "clone-admin-0"
    message = f"One\n\nDepends-On: {address}/{two['_number']}\nChange-Id: {one['change_id']}"
    git(clone, "commit", "--quiet", "--amend", "-m", message)
    env = site.server.ssh("admin")
    git(clone, "push", "--quiet", "origin", "HEAD:refs/for/master", env=env)
    site.approve(two)
    gate = site.gate()
    until(gate, lambda: "which is not approved" in site.texts(two))
    site.approve(one)
    until(gate, lambda: site.now(two)["status"] == "MERGED")
    assert site.now(one)["status"] == "MERGED"


def test_stack_of_changes_is_merged_from_below(site: GateSite) -> None:
    below = site.push(line(1, "one"))
    above = site.push(line(2, "two"), on=below["commit"])
    site.approve(above)
    gate = site.gate()
    until(gate, lambda: f"needs change {below['_number']}" in site.texts(above))
    site.approve(below)
    until(gate, lambda: site.now(above)["status"] == "MERGED")


def test_gate_started_anew_for_each_round_says_and_does_everything_once(site: GateSite) -> None:
    good, bad = site.push(line(1, "one")), site.push(line(10, "BAD"))
    for change in (good, bad):
        site.approve(change)
    end = time.monotonic() + 300
    while time.monotonic() < end:
        site.gate().round()
        if site.now(good)["status"] == "MERGED" and "Not merged" in site.texts(bad):
            break
    assert site.gate().round() is False or site.gate().round() is False
    assert site.texts(bad).count("Not merged") == 1
    assert site.texts(good).count("as it will be merged") == 1
    assert not site.executor.running()


def test_recheck_after_a_failure_runs_it_again(site: GateSite) -> None:
    bad = site.push(line(10, "BAD"))
    gate = site.gate()
    until(gate, lambda: "Failed" in site.texts(bad))
    where = f"/changes/{bad['_number']}/revisions/current/review"
    site.server.call("POST", where, {"message": "recheck bug 1572495"})
    until(gate, lambda: site.texts(bad).count("words: failed") == 2)
    assert joblogs_in(site.folder).rechecks.counts() == {"1572495": 1}


def test_code_of_a_stranger_runs_once_somebody_who_is_trusted_says_so(site: GateSite) -> None:
    change = site.push(line(1, "one"), account="ann")
    gate = site.gate()
    until(gate, lambda: "No jobs yet" in site.texts(change))
    assert not any((site.folder / "jobs").iterdir())
    where = f"/changes/{change['_number']}/revisions/current/review"
    site.server.call("POST", where, {"message": "recheck"}, account="ann")
    gate.round()
    assert not any((site.folder / "jobs").iterdir())
    site.server.call("POST", where, {"message": "recheck"})
    until(gate, lambda: "words: passed" in site.texts(change))


def test_branch_that_moved_otherwise_is_tested_anew(site: GateSite) -> None:
    change = site.push(line(1, "one"))
    site.approve(change)
    gate = site.gate()
    while "started" not in "".join(site.said):
        gate.round()
    other = site.push(line(20, "twenty"))
    site.approve(other, **{"Code-Review": 2, "Workflow": 1, "Verified": 1})
    site.server.call("POST", f"/changes/{other['_number']}/submit", {})
    until(gate, lambda: site.now(change)["status"] == "MERGED")
    assert sum("started: change" in text for text in site.said) >= 2


def test_server_that_is_away_is_told_from_one_that_refuses(site: GateSite) -> None:
    gate = site.gate()
    gate.round()
    site.server.stop()
    try:
        with pytest.raises(GerritAway, match="does not answer"):
            gate.round()
    finally:
        site.server.start()
    gate.round()


def test_vote_that_is_taken_back_is_told_and_nothing_is_merged(site: GateSite) -> None:
    change = site.push(line(1, "one"))
    site.approve(change)
    gate = site.gate()
    gate.round()
    where = f"/changes/{change['_number']}/revisions/current/review"
    site.server.call("POST", where, {"labels": {"Code-Review": 0}})
    until(gate, lambda: "no longer approved" in site.texts(change))
    assert site.now(change)["status"] == "NEW"


def test_finding_of_a_job_stands_on_its_line(site: GateSite) -> None:
    bad = site.push(line(10, "BAD"))
    gate = site.gate()
    until(gate, lambda: "Failed" in site.texts(bad))
    where = f"/changes/{bad['_number']}/revisions/current"
    robots = site.server.call("GET", f"{where}/robotcomments")
    assert [one["line"] for one in robots["lines.txt"]] == [10]


def test_change_pushed_by_git_review_is_merged_by_a_gate_that_only_events_wake(
    site: GateSite,
) -> None:
    """The loop looks by itself every minute: within that time events and jobs wake it."""
    clone = site.server.clone(site.projects[0], "admin", site.folder / "reviewed")
    (clone / ".gitreview").write_text(
        f"[gerrit]\nhost=127.0.0.1\nport={site.server.ssh_port}\nproject={site.projects[0]}\n"
        "defaultbranch=master\n",
        encoding="utf-8",
    )
    git(clone, "config", "gitreview.username", "admin")
    git(clone, "config", "gitreview.scheme", "ssh")
    git(clone, "remote", "rename", "origin", "gerrit")
    (clone / ".git/hooks/commit-msg").write_bytes(site.hook.read_bytes())
    (clone / ".git/hooks/commit-msg").chmod(0o755)
    (clone / "other.txt").write_text("2\n", encoding="utf-8")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "-m", "By git-review")
    opened = site.opened()
    gate, words = opened.gate, opened.event_words
    ended = threading.Event()
    lock = opened.lock
    loop = threading.Thread(target=run_gate, args=(gate, words, lock),
                            kwargs={"until": ended.is_set}, daemon=True)  # fmt: skip
    loop.start()
    try:
        time.sleep(5)  # the gate has nothing to do by now
        with pytest.raises(DeployKitError, match="another gate"):
            run_gate(site.gate(), words, lock)
        program = Path(sys.executable).with_name("git-review")
        env = {**os.environ, **site.server.ssh("admin")}
        push = [program, "-y", "-v"]
        done = subprocess.run(push, cwd=clone, env=env, timeout=120, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        commit = git(clone, "rev-parse", "HEAD").strip()
        change = site.server.call("GET", f"/changes/?q=commit:{commit}")[0]
        site.approve(change)
        end = time.monotonic() + 50
        while site.now(change)["status"] != "MERGED" and time.monotonic() < end:
            time.sleep(0.5)
        assert site.now(change)["status"] == "MERGED", site.said
    finally:
        ended.set()
        loop.join(timeout=120)
    assert not loop.is_alive()


def called(site: GateSite, *words: str, seconds: float = 120.0) -> str:
    """What `deploy-kit` prints when a person calls it for this gate; it must succeed."""
    program = Path(sys.executable).with_name("deploy-kit")
    argv = [program, "--site", site.folder, *words]
    env = {**os.environ, "XDG_STATE_HOME": str(site.folder / "xdg")}
    done = subprocess.run(argv, env=env, timeout=seconds, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def test_every_command_of_the_page_works_as_it_says(site: GateSite, checkout: Path) -> None:
    """docs/gate.md: what people type, with the number of a real change in the place of 17."""
    page = (checkout / "docs" / "gate.md").read_text()
    shown = list(dict.fromkeys(re.findall(r"`deploy-kit (gate [^`]+)`", page)))
    done = {words.split()[1] for words in shown}
    assert done == {"run", "status", "checkout", "expedite", "dequeue", "export-zuul"}
    (site.folder / "site.yml").write_text("name: page\n")
    change = site.push(line(1, "one"))
    site.approve(change)
    number, folder = str(change["_number"]), str(site.folder / "out")
    program = Path(sys.executable).with_name("deploy-kit")
    env = {**os.environ, "XDG_STATE_HOME": str(site.folder / "xdg")}
    argv = [program, "--site", site.folder, "gate", "run"]
    said: dict[str, str] = {}
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True) as gate:
        try:
            end = time.monotonic() + 300
            while site.now(change)["status"] != "MERGED" and time.monotonic() < end:
                time.sleep(0.5)
        finally:
            gate.send_signal(signal.SIGINT)
            said["run"] = gate.communicate(timeout=60)[0]
    assert site.now(change)["status"] == "MERGED"
    assert f"merged: change {number}" in said["run"]
    said["checkout"] = called(site, "gate", "checkout", number, f"{folder}/tree")
    assert (site.folder / "out/tree" / site.projects[0] / "lines.txt").is_file()
    waiting = site.push(line(5, "five"))
    site.approve(waiting)
    for words in shown:
        name = words.split()[1]
        if name not in said:
            given = {"17": str(waiting["_number"]), "DIR": f"{folder}/{name}", "…": "for the page"}
            said[name] = called(site, *(given.get(word, word) for word in words.split()))
    assert "record " in said["expedite"] and "record " in said["dequeue"]
    assert str(waiting["_number"]) in said["status"]
    assert f"{folder}/export-zuul/main.yaml" in said["export-zuul"]


def test_tracker_is_told_of_a_bug_once_its_fix_is_merged(site: GateSite) -> None:
    with bugserver.serving() as tracker:
        site.trackers.append(Tracker("ours", tracker.url, "", None, webhook))
        change = site.push(line(1, "one"), message="Mend it\n\nCloses-Bug: #7")
        site.approve(change)
        gate = site.gate()
        until(gate, lambda: site.now(change)["status"] == "MERGED")
        until(gate, lambda: tracker.posts)
        again = site.gate()
        again.round()
        again.bugs.wait(60)
    (told,) = (json.loads(body) for _, _, body in tracker.posts)
    assert (told["bug"], told["release"], told["commits"][0]["relation"]) == ("7", None, "closes")
    assert told["commits"][0]["commit"] == change["commit"]


def test_twenty_changes_are_merged_within_a_minute(server: Gerrit, tmp_path: Path) -> None:
    """The figures of docs/benchmarks.md; a machine that does other things is given more time."""
    site = GateSite(server, tmp_path / "gate", "twenty", executor=NothingJobs())
    busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    found = cost(site, 20)
    print(f"20 changes: {found.seconds:.1f} s, {found.cpu:.2f} s of CPU each, load {busy:.1f}")
    assert found.cpu <= 0.3 * min(2.0, busy)
    assert found.seconds <= 60 * busy


def test_gate_that_is_killed_with_9_again_and_again_ends_as_one_that_is_not(
    site: GateSite,
) -> None:
    changes = [site.push(line(1, "one")), site.push(line(7, "BAD")), site.push(line(14, "x"))]
    for change in changes:
        site.approve(change)
    good, bad, behind = changes
    program = Path(gateprocess.__file__)
    env = {**os.environ, "PYTHONPATH": str(program.parent)}
    chance, end = random.Random(5), time.monotonic() + 500
    seconds = 3.0
    while time.monotonic() < end and site.now(behind)["status"] != "MERGED":
        child = subprocess.Popen([sys.executable, program, str(site.folder)], env=env)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=chance.uniform(2.0, seconds))
        child.kill()
        child.wait()
        seconds = min(seconds * 1.2, 30.0)  # so that a slow machine comes to an end, too
    until(site.gate(), lambda: site.now(behind)["status"] == "MERGED")
    assert site.now(good)["status"] == "MERGED"
    assert site.texts(bad).count("Not merged") == 1
    for change in (good, behind):
        assert site.texts(change).count("as it will be merged") == 1
    assert not site.executor.running()
