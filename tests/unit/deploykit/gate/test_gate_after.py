"""What the gate does after a merge and for private branches: real git, jobs and ledger.

Of the review server only what is asked for is here. A real one: tests/integration/
test_gate_gerrit.py.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from deploykit.gate.access import Access
from deploykit.gate.account import Account
from deploykit.gate.after import After
from deploykit.gate.branches import PrivateBranches
from deploykit.gate.builds import Build, Status
from deploykit.gate.config import Config, Post, Private
from deploykit.gate.job import Job
from deploykit.gate.order import Queue
from deploykit.gate.pins import paths_of
from deploykit.gate.post import Holds, is_post
from deploykit.gate.private import PIPELINE
from deploykit.gate.rest import GerritRefused
from deploykit.gate.saying import Saying
from deploykit.gate.trees import Remote, Trees
from deploykit.gate.work import BuildPlan, Work
from deploykit.jobs import JobSpec
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import decision_body
from deploykit.ledger.view import decisions
from gaterepositories import PINS, SALT, TOOLS, Repositories
from gatesite import joblogs_in
from jobprocesses import JobProcesses
from sitecheckout import make_checkout

QUEUE = Queue("integrated", "main", frozenset({"cloud/salt", "tools"}))
EVERYWHERE = QUEUE.projects
GOOD = Job("words", ("sh", "-c", "! grep -rn BAD --include=a ."), EVERYWHERE)
SMOKE = Job("smoke", ("sh", "-c", "! grep -rn LATER --include=a ."), EVERYWHERE)


@dataclass
class Reviews:
    """The changes of some commits, what was said on them, and branches."""

    repositories: Repositories
    changes_of: dict[str, int] = field(default_factory=dict)
    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    closed: bool = False

    def get(self, path: str, query: object = ()) -> Any:
        if path == "/accounts/self":
            return {"_account_id": 7, "name": "Gate", "email": "gate@example.org"}
        project = path.split("/")[2].replace("%2F", "/")
        words = ["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/private"]
        lines = self.repositories.git(project, *words).splitlines()
        return [dict(zip(("ref", "revision"), line.split(), strict=True)) for line in lines]

    def changes(self, query: str, options: object = ()) -> list[dict[str, Any]]:
        number = self.changes_of.get(query.removeprefix("commit:"))
        messages = [
            {"author": {"_account_id": 7}, "tag": body["tag"], "message": body["message"]}
            for where, body in self.said if f"/changes/{number}/" in where
        ]  # fmt: skip
        return [{"_number": number, "messages": messages}] if number else []

    def post(self, path: str, body: dict[str, Any]) -> None:
        if self.closed:
            raise GerritRefused("409 no comments here", "", 409)
        self.said.append((path, body))


class Place:
    """A gate's surroundings; `after` and `branches` are those of a process that starts now."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self.folder = folder
        self.repositories = Repositories(folder / "server")
        self.reviews = Reviews(self.repositories)
        self.holds = Holds(Ledger.open(make_checkout(folder).site))
        access = Access("http://127.0.0.1:1", "gate", folder, "127.0.0.1", 1, folder, folder)
        self.config = Config(access, (QUEUE,), (GOOD,), **config)
        self.executor = JobProcesses(folder / "jobs")
        self.said: list[str] = []

    @property
    def trees(self) -> Trees:
        remote = Remote(f"file://{self.repositories.folder}/{{project}}")
        return Trees(self.folder / "stores", remote, paths_of(self.config.pins))

    @property
    def work(self) -> Work:
        return Work(self.folder / "builds", self.executor, self.trees)

    @property
    def after(self) -> After:
        server: Any = self.reviews
        logs, saying = joblogs_in(self.folder), Saying(self.said.append)
        account = Account(server)
        return After(self.config, account, self.trees, self.work, logs, self.holds, saying)

    @property
    def branches(self) -> PrivateBranches:
        server: Any = self.reviews
        saying = Saying(self.said.append)
        return PrivateBranches(self.config, server, self.trees, self.work, saying)

    def tips(self) -> dict[tuple[str, str], str]:
        found = {place: self.repositories.tip(place[0]) for place in (SALT, TOOLS)}
        for (project, branch), commit in found.items():
            self.trees.bring(project, {commit: f"refs/heads/{branch}"})
        return found

    def merged(self, files: dict[str, str], number: int = 17) -> dict[tuple[str, str], str]:
        """A change of cloud/salt that passed and was merged; the tips afterwards."""
        commit = self.repositories.commit("cloud/salt", files)
        self.reviews.changes_of[commit] = number
        tips = self.tips()
        build = Build(QUEUE.pipeline, (commit,), self.trees.digest(tips), "m1")
        self.work.start(BuildPlan(build, str(number), "token", tips, (), "", tuple(files)))
        return tips

    def finish(self) -> dict[Build, Status]:
        """The builds, once all jobs are over."""
        end = time.monotonic() + 120
        while not all(status.over for status in self.work.statuses().values()):
            assert time.monotonic() < end
            time.sleep(0.1)
        return self.work.statuses()

    def decided(self) -> list[str]:
        return [one.decision for one in decisions(self.holds.ledger.fetch_records())]

    def push_private(self, text: str, name: str, on: str = "") -> str:
        git = self.repositories.git
        tip = self.repositories.tip("cloud/salt")
        git("cloud/salt", "update-ref", f"refs/heads/{name}", on or tip)
        git("cloud/salt", "symbolic-ref", "HEAD", f"refs/heads/{name}")
        lines = [f"commit refs/heads/{name}", "committer ann <ann@example.org> 1700000001 +0000",
                 "data 1", "p", f"from refs/heads/{name}^0", "M 100644 inline a",
                 f"data {len(text)}", text, ""]  # fmt: skip
        git("cloud/salt", "fast-import", "--quiet", "--force", input="\n".join(lines))
        return git("cloud/salt", "rev-parse", f"refs/heads/{name}")


def test_merge_that_was_tested_moves_the_pins_and_is_validated_once(tmp_path: Path) -> None:
    place = Place(tmp_path, pins=PINS, post=Post((SMOKE,), ()))
    tips = place.merged({"a": "2\n"})
    assert place.after.follow(QUEUE, tips)
    text = place.repositories.git("tools", "show", "main:pins.yml")
    assert tips[SALT] in text
    assert not place.after.follow(QUEUE, place.tips())
    assert [build.commits for build in place.finish() if is_post(build)] == [(tips[SALT],)]
    assert not place.after.judge() and not place.reviews.said


def test_branches_that_somebody_moved_by_hand_move_no_pins_and_start_nothing(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path, pins=PINS, post=Post((SMOKE,), ()))
    place.merged({"a": "2\n"})
    place.repositories.commit("tools", {"a": "by hand\n"})
    before = place.tips()
    assert not place.after.follow(QUEUE, before)
    assert place.tips() == before and not any(is_post(one) for one in place.work.statuses())


def test_pass_of_a_change_that_is_not_merged_moves_no_pins(tmp_path: Path) -> None:
    """A change that alters nothing passes on the branches' own trees."""
    place = Place(tmp_path, pins=PINS)
    tips = place.tips()
    build = Build("check", ("f" * 40,), place.trees.digest(tips), "")
    place.work.start(BuildPlan(build, "18", "token", tips, ()))
    assert not place.after.follow(QUEUE, tips)
    assert place.tips() == tips


def test_failure_as_merged_is_told_and_holds_the_train_once(tmp_path: Path) -> None:
    place = Place(tmp_path, post=Post((SMOKE,), ("test",)))
    place.after.follow(QUEUE, place.merged({"a": "LATER\n"}))
    place.finish()
    assert place.after.judge()
    ((where, body),) = place.reviews.said
    assert where.startswith("/changes/17/") and "smoke: failed" in body["message"]
    assert "labels" not in body and "deploy-kit unhold" in body["message"]
    assert place.decided() == ["hold"]
    place.holds.ledger.append(lambda records, now: decision_body("unhold", environment="test"))
    assert not place.after.judge()
    assert len(place.reviews.said) == 1 and place.decided() == ["hold", "unhold"]


def test_failure_as_merged_names_the_known_fault_and_masks_secrets(tmp_path: Path) -> None:
    shout = "echo password=hunter2; echo BAD; exit 1"
    job = Job("smoke", ("sh", "-c", shout), EVERYWHERE)
    place = Place(tmp_path, post=Post((job,), ()))
    place.after.follow(QUEUE, place.merged({"a": "2\n"}))
    place.finish()
    assert place.after.judge()
    ((_, body),) = place.reviews.said
    assert "a known fault: somebody wrote BAD: https://bugs.example.org/17" in body["message"]
    assert "Logs: deploy-kit logs show " in body["message"]
    (kept,) = joblogs_in(tmp_path).store.runs()
    _, (log,) = joblogs_in(tmp_path).store.read(kept.run.id)
    assert "password=***" in log.text and "hunter2" not in log.text + body["message"]


class Losing(JobProcesses):
    """Loses each job as soon as it was started."""

    def start(self, spec: JobSpec) -> str:
        super().start(spec)
        self.cancel(spec.id)
        return spec.id


def test_validation_that_could_not_be_run_is_said_and_blames_nobody(tmp_path: Path) -> None:
    place = Place(tmp_path, post=Post((SMOKE,), ("test",)))
    place.executor = Losing(tmp_path / "jobs")
    place.after.follow(QUEUE, place.merged({"a": "LATER\n"}))
    again = [line for _ in range(3) for line in place.work.resume()]
    assert [line.split(":")[1] for line in again] == [
        " smoke of 17, attempt 2 of 3", " smoke of 17, attempt 3 of 3"
    ]  # fmt: skip
    (status,) = (one for build, one in place.work.statuses().items() if is_post(build))
    assert status is Status.NO_VERDICT
    after = place.after
    assert not after.judge() and not after.judge()
    assert sum("not known whether" in text for text in place.said) == 1
    assert place.reviews.said == [] and place.decided() == []


def test_gate_that_was_killed_between_hold_and_comment_makes_the_comment(tmp_path: Path) -> None:
    place = Place(tmp_path, post=Post((SMOKE,), ("test",)))
    place.after.follow(QUEUE, place.merged({"a": "LATER\n"}))
    place.finish()
    place.reviews.closed = True
    place.after.judge()
    assert place.decided() == ["hold"] and not place.reviews.said
    place.reviews.closed = False
    assert place.after.judge()
    assert place.decided() == ["hold"] and len(place.reviews.said) == 1


def test_pins_that_cannot_be_made_are_said_and_the_gate_goes_on(tmp_path: Path) -> None:
    place = Place(tmp_path, pins=PINS)
    place.repositories.commit("tools", {PINS.manifest: "books: [\n"})
    tips = place.merged({"a": "2\n"})
    assert not place.after.follow(QUEUE, tips)
    assert [text for text in place.said if "the pins stay behind" in text]


@pytest.mark.parametrize("moves", ["main", ""])
def test_private_branch_that_passes_moves_only_where_configured(tmp_path: Path, moves: str) -> None:
    place = Place(tmp_path, private=Private("private/*/*", moves))
    old, commit = place.repositories.tip("cloud/salt"), place.push_private("2\n", "private/ann/x")
    assert place.branches.look(place.tips())
    place.finish()
    assert place.branches.look(place.tips()) is bool(moves)
    assert place.repositories.tip("cloud/salt") == (commit if moves else old)
    assert not place.branches.look(place.tips())


def test_private_branch_that_fails_is_noted_with_its_log(tmp_path: Path) -> None:
    place = Place(tmp_path, private=Private("private/*/*", "main"))
    old = place.repositories.tip("cloud/salt")
    place.push_private("BAD\n", "private/ann/x")
    place.branches.look(place.tips())
    place.finish()
    branches = place.branches
    branches.look(place.tips())
    branches.look(place.tips())
    noted = [text for text in place.said if text.startswith("failed: private/ann/x of cloud/salt")]
    assert len(noted) == 1 and "words: " in noted[0]
    assert place.repositories.tip("cloud/salt") == old
    (standing,) = branches.standing(place.tips())
    assert standing.json["state"] == "failed" and list(standing.json["failed"]) == ["words"]


def test_private_branch_that_fell_behind_is_not_merged(tmp_path: Path) -> None:
    place = Place(tmp_path, private=Private("private/*/*", "main"))
    first = place.repositories.tip("cloud/salt")
    moved = place.repositories.commit("cloud/salt", {"b": "2\n"})
    place.push_private("2\n", "private/ann/x", on=first)
    place.branches.look(place.tips())
    place.finish()
    place.branches.look(place.tips())
    assert place.repositories.tip("cloud/salt") == moved
    assert any("rebase it" in text for text in place.said)


def test_branch_of_another_depth_or_name_is_nobodys(tmp_path: Path) -> None:
    place = Place(tmp_path, private=Private("private/*/*", "main"))
    place.push_private("2\n", "private/ann/x/y")
    assert not place.branches.look(place.tips())


def test_newer_push_ends_the_jobs_of_the_older_one(tmp_path: Path) -> None:
    slow = Job("words", ("sleep", "600"), EVERYWHERE)
    place = Place(tmp_path, private=Private("private/*/*", ""))
    place.config = Config(place.config.access, (QUEUE,), (slow,), private=place.config.private)
    for text in ("2\n", "3\n"):
        newest = place.push_private(text, "private/ann/x")
        place.branches.look(place.tips())
    running = [build for build in place.work.statuses() if build.pipeline == PIPELINE]
    assert [build.commits for build in running] == [(newest,)]
    for id in place.executor.running():
        place.executor.cancel(id)
    assert not place.executor.running()
