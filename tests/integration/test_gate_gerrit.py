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

import gateprocess
import pytest
import receiver
from deploykit.base.errors import DeployKitError
from deploykit.bugs.trackers import Tracker, webhook
from deploykit.gate.loop import run_gate
from deploykit.gate.post import Holds
from deploykit.gate.reconcile import Gate
from deploykit.gate.rest import GerritAway
from deploykit.gate.standing import queue_lines, queues_json
from deploykit.ledger import Ledger
from deploykit.ledger.view import decisions
from deploykit.logs.runs import Ending
from gatefigures import NothingJobs, cost
from gatesite import LINES, PINS, GateSite, joblogs_in
from gerrit import Gerrit, git, running
from sitecheckout import make_checkout

pytestmark = [pytest.mark.gerrit, pytest.mark.timeout(2700)]


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
    heard = site.folder / "heard.txt"
    with heard.open("w") as out, subprocess.Popen(argv, env=env, stdout=out) as gate:
        try:
            end = time.monotonic() + 300
            # Gerrit has it merged before the gate says so: who interrupts it then hears nothing.
            while f"merged: change {number}" not in heard.read_text() and time.monotonic() < end:
                time.sleep(0.5)
        finally:
            gate.send_signal(signal.SIGINT)
            gate.wait(timeout=60)
    said["run"] = heard.read_text()
    assert f"merged: change {number}" in said["run"]
    assert site.now(change)["status"] == "MERGED"
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
    with receiver.serving() as tracker:
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


# Around merges: pins, the validation of what was merged, private branches.

POST = """post:
  jobs: {{smoke: {{run: [sh, -c, "! grep -rn LATER --include=*.txt {a}"]}}}}
  hold: [test]
"""
PRIVATE = "private: {{pattern: private/*/*, moves: master}}\n"


@pytest.fixture
def make(server: Gerrit, tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """Makes the site of a test; `more` is what its gate.yml has besides."""
    name = f"p{abs(hash(request.node.name)) % 10**8}"
    return lambda more, **fields: GateSite(server, tmp_path / "gate", name, more=more, **fields)


def test_pins_name_what_was_merged_and_nothing_is_tested_again(make: Any) -> None:
    site = make(PINS)
    first, second = site.push(line(1, "one")), site.push(line(20, "twenty"))
    for change in (first, second):
        site.approve(change)
    gate = site.gate()
    until(gate, lambda: site.now(second)["status"] == "MERGED")
    assert gate.round() is False
    pins = site.text("pins.yml", 1)
    assert site.tip(0) in pins and "track: master" in pins
    assert sum("pins:" in text for text in site.said) == 2
    queued = [text for text in site.said if text.startswith("started: change")]
    assert len(queued) <= 4, queued  # a check and a queue's build each, if not less


def test_gate_that_is_killed_between_a_merge_and_its_pins_moves_them_once(make: Any) -> None:
    site = make(PINS)
    change = site.push(line(1, "one"))
    site.approve(change)
    dying = site.gate()

    def die(*words: object) -> bool:
        if site.now(change)["status"] == "MERGED":
            raise KeyboardInterrupt
        return False

    dying.after.follow = die
    with pytest.raises(KeyboardInterrupt):
        until(dying, lambda: False)
    assert not site.text("pins.yml", 1)
    before = site.tip(1)
    gate = site.gate()
    gate.round()
    assert site.tip(0) in site.text("pins.yml", 1)
    pins = site.tip(1)
    assert pins != before
    site.gate().round()
    assert site.tip(1) == pins


def test_change_of_what_the_pins_are_in_is_merged_behind_a_pins_commit(make: Any) -> None:
    site = make(PINS)
    one, two = site.push(line(1, "one")), site.push({"other.txt": "2\n"}, project=1)
    for change in (one, two):
        site.approve(change)
    gate = site.gate()
    until(gate, lambda: site.now(two)["status"] == "MERGED")
    gate.round()
    pins = site.text("pins.yml", 1)
    assert site.text("other.txt", 1) == "2\n"
    assert site.tip(0) in pins and site.tip(1) not in pins


def test_what_fails_as_merged_is_told_and_the_train_is_held_once(make: Any, tmp_path: Path) -> None:
    ledger = Ledger.open(make_checkout(tmp_path).site)
    site = make(POST, holds=Holds(ledger))
    change = site.push(line(1, "LATER"))
    site.approve(change)
    gate = site.gate()
    until(gate, lambda: "fails as merged" in site.texts(change))
    assert site.now(change)["status"] == "MERGED"
    assert "smoke: failed" in site.texts(change)
    until(site.gate(), lambda: True)
    site.gate().round()
    assert site.texts(change).count("fails as merged") == 1
    (hold,) = decisions(ledger.fetch_records())
    assert (hold.decision, hold.environment) == ("hold", "test")
    assert str(change["_number"]) in hold.reason and "smoke" in hold.reason
    lines = "\n".join(queue_lines(queues_json(gate, gate.reader.read())))
    assert "as merged: failed" in lines and "smoke: " in lines


def test_private_branch_that_passes_moves_the_branch_and_one_that_fails_is_noted(
    make: Any,
) -> None:
    site = make(PRIVATE + PINS)
    old = site.tip()
    bad = site.push_private(line(3, "BAD"), "private/admin/bad")
    gate = site.gate()
    until(gate, lambda: any(text.startswith("failed: private/admin/bad") for text in site.said))
    assert site.tip() == old
    good = site.push_private(line(1, "one"), "private/admin/good")
    until(gate, lambda: site.tip() == good)
    until(gate, lambda: good in site.text("pins.yml", 1))
    lines = "\n".join(queue_lines(queues_json(gate, gate.reader.read())))
    assert f"{site.projects[0]} private/admin/bad: failed" in lines
    assert "private/admin/good" not in lines and bad != good


def test_private_branch_that_moved_on_ends_the_jobs_of_its_older_commit(make: Any) -> None:
    site = make(PRIVATE, sleep=300.0)
    gate = site.gate()
    first = site.push_private(line(1, "one"), "private/admin/x")
    until(gate, lambda: len(site.executor.running()) == 1)
    site.push_private(line(1, "two"), "private/admin/x", on=first)
    until(gate, lambda: any("the branch moved on" in text for text in site.said))
    running = site.executor.running()
    assert len(running) == 1
    for id in running:
        site.executor.cancel(id)


# Faults and bad input.


def test_submit_that_gerrit_refuses_is_said_on_the_change(site: GateSite) -> None:
    """git follows a renamed file and Gerrit's merge does not: it refuses what passed."""
    renames, edits = site.push({}, renamed=("lines.txt", "moved.txt")), site.push(line(9, "nine"))
    for change in (renames, edits):
        site.approve(change)
    gate = site.gate()
    until(gate, lambda: "Gerrit refuses it" in site.texts(edits))
    assert site.now(renames)["status"] == "MERGED"
    assert site.now(edits)["status"] == "NEW"
    site.gate().round()
    assert site.texts(edits).count("Gerrit refuses it") == 1


@pytest.mark.parametrize(
    ("depends", "said"),
    [
        ("{url}/c/nobody/knows/+/999999", "needs change 999999, which is not known"),
        ("https://elsewhere.example.org/c/x/+/1", "which is not at http"),
        ("Iffffffffffffffffffffffffffffffffffffffff", "which no change has"),
    ],
)
def test_depends_on_that_names_nothing_is_said_on_the_change(
    site: GateSite, depends: str, said: str
) -> None:
    name = depends.format(url=site.server.url)
    change = site.push(line(1, "one"), message=f"Change\n\nDepends-On: {name}")
    site.approve(change)
    gate = site.gate()
    until(gate, lambda: said in site.texts(change))
    assert gate.round() is False
    assert site.now(change)["status"] == "NEW"


def test_project_that_gerrit_does_not_have_is_said_once_and_the_others_go_on(
    site: GateSite,
) -> None:
    file = site.folder / "gate.yml"
    text = file.read_text().replace(
        f"[{site.projects[0]}, ", f"[nobody/knows, {site.projects[0]}, "
    )
    file.write_text(text)
    change = site.push(line(1, "one"))
    site.approve(change)
    gate = site.gate()
    until(gate, lambda: site.now(change)["status"] == "MERGED")
    said = "nobody/knows has no branch master, or is not there: nothing is gated"
    assert site.said.count(said) == 1


def test_change_of_gate_yml_is_tested_with_the_jobs_that_it_proposes(make: Any) -> None:
    site = make("home: {{project: {b}, path: gate.yml}}\n")
    jobs = "gerrit: {}\nqueues: {}\njobs:\n  proposed: {run: [env]}\n"
    good = site.push({"gate.yml": jobs}, project=1)
    bad = site.push({"gate.yml": jobs.replace("run:", "ruin:")}, project=1)
    gate = site.gate()
    until(gate, lambda: "proposed: passed" in site.texts(good))
    until(gate, lambda: "cannot be used" in site.texts(bad))
    password = (site.folder / "password").read_text(encoding="utf-8").strip()
    logs = "".join(site.executor.log_text(one.name) for one in site.executor.folder.iterdir())
    assert "GATE_PIPELINE=check" in logs and password not in logs


def test_gate_goes_on_after_ten_minutes_without_its_server(site: GateSite) -> None:
    change = site.push(line(1, "one"))
    site.approve(change)
    opened = site.opened()
    seconds: list[float] = []

    def sleep(pause: float) -> None:
        seconds.append(pause)
        if sum(seconds) >= 600 and site.server.process is None:
            site.server.start()

    site.server.stop()

    def merged() -> bool:
        return site.server.process is not None and site.now(change)["status"] == "MERGED"

    run_gate(opened.gate, opened.event_words, opened.lock, until=merged, sleep=sleep)
    assert sum(seconds) >= 600
    assert sum("waiting:" in text for text in site.said) == 1
    assert any("the server is back" in text for text in site.said)
