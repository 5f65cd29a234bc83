"""Jobs in pods: the state under test in a copy of what runs, which goes whatever happens."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from deploykit.base import times
from deploykit.base.errors import DeployKitError
from deploykit.base.progress import Silent
from deploykit.gate import podjob
from deploykit.gate.builds import Status
from deploykit.gate.leftpods import LeftPods
from deploykit.gate.work import BuildPlan
from deploykit.jobs import Result
from deploykit.pods.listing import keep
from fakeprovider import FakeProvider
from podlane import Lane, wait_for
from trainworld import FAILS, World, applied, build_world

NEW, OUTCOME, SMOKE = "salt/states/new.sls", "salt/outcome.json", "salt/smoke/smoke.sh"
SAY = """python3 -c 'import json, os; print(json.dumps(dict(os.environ)))' > said.new
mv said.new "$SAID"
"""
# What `deploy-kit pod keep` does to the tags of a pod of the fake provider.
KEEP = """import json, sys
tags = json.load(open(sys.argv[1]))
tags["until"] = "2099-01-01T00:00:00Z"
json.dump(tags, open(sys.argv[1], "w"))
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A site whose environment `test` runs a release."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("podjob")
        patch.setenv("SAID", str(folder / "said"))
        world = build_world(folder / "world", patch, {"test": None})
        world.deploy(world.release(), "test")
        yield world


@pytest.fixture(scope="module")
def gate(world: World) -> Lane:
    return Lane(world.folder / "checkout", world.site)


@pytest.fixture
def lane(world: World, gate: Lane) -> Iterator[Lane]:
    """The gate of the world, for each test without pods."""
    Path(os.environ["SAID"]).unlink(missing_ok=True)
    gate.executor.forget()
    yield gate
    for pod in gate.pods():
        world.provider.down(pod.instance, Silent())


def said(lane: Lane) -> dict[str, str]:
    found: dict[str, str] = json.loads(Path(os.environ["SAID"]).read_text())
    return found


def test_job_that_passes_had_a_pod_with_the_state_over_production_and_leaves_none(
    lane: Lane,
    world: World,
) -> None:
    plan = lane.build(lane.propose({NEW: "a: 1"}), f"{SAY} cp -r ../world/salt/states $SAID.states")
    assert world.apart(lambda: os._exit(lane.run(plan))).status == 0
    env = said(lane)
    assert env["DEPLOY_KIT_POD"].startswith("test~pod-g")
    assert Path(env["DEPLOY_KIT_SSH_CONFIG"]).name == "ssh_config"
    assert env["DEPLOY_KIT_SITE"] == str(world.site.folder)
    assert (Path(os.environ["SAID"] + ".states") / "new.sls").read_text() == "a: 1"
    assert lane.pods() == []
    assert not (lane.folder / "builds" / plan.build.id / "kits" / "in-pod").exists()


def test_pod_of_a_failed_job_stays_and_the_log_says_how_it_is_reached(
    lane: Lane, world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    plan = lane.build(lane.propose({NEW: "a: 1"}), f"{SAY} exit 3", keep=7200)
    assert world.apart(lambda: os._exit(lane.run(plan))).status == 3
    (pod,) = lane.pods()
    assert pod.release == f"0-gate-{plan.build.trees[:12]}"
    assert pod.base == world.runs("test")
    assert (pod.wanted.change, pod.wanted.build) == ("17", plan.build.id[:12])
    assert pod.wanted.purpose == "gate job in-pod"
    assert applied(world.provider.node(pod.instance, "region")) not in (None, world.current("test"))
    left = pod.wanted.until - times.utc_now()
    assert timedelta(minutes=110) < left < timedelta(minutes=121)
    log = capfd.readouterr().err
    for act in ("ssh", "keep", "drop"):
        assert f"deploy-kit pod {act} {pod.instance}" in log


def test_state_that_cannot_be_deployed_fails_and_its_pod_stays(
    lane: Lane, world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    plan = lane.build(lane.propose({OUTCOME: '{"failed": "keystone is broken"}'}), SAY)
    assert world.apart(lambda: os._exit(lane.run(plan))).status == 1
    assert "keystone is broken" in capfd.readouterr().err
    assert not Path(os.environ["SAID"]).exists()
    assert len(lane.pods()) == 1


def test_pod_that_cannot_be_made_is_no_failure_of_the_change_and_is_tried_again_later(
    lane: Lane, world: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(*words: object) -> None:
        raise DeployKitError("no space left in the pool")

    plan = lane.build(lane.propose({NEW: "a: 1"}), SAY)
    monkeypatch.setattr(FakeProvider, "copy", full)
    assert world.apart(lambda: os._exit(lane.run(plan))).status == 1
    assert "no space left in the pool" in capfd.readouterr().err
    assert lane.pods() == [] and not Path(os.environ["SAID"]).exists()
    lane.executor.end(Result.FAILED)
    assert lane.work.statuses()[plan.build] is Status.RUNNING
    (ran,) = lane.work.ran(plan.build)
    assert ran.result == "no pod: no space left in the pool"


def test_bare_pod_gets_the_state_alone_and_its_smoke_test(lane: Lane, world: World) -> None:
    plan = lane.build(lane.propose({NEW: "a: 1"}), SAY, bare=True)
    assert world.apart(lambda: os._exit(lane.run(plan))).status == 0
    assert said(lane)["DEPLOY_KIT_POD"].startswith("test~pod-g")
    assert lane.pods() == []
    again = lane.build(lane.propose({SMOKE: FAILS}), f"{SAY} exit 0", bare=True)
    Path(os.environ["SAID"]).unlink()
    assert world.apart(lambda: os._exit(lane.run(again))).status == 1
    assert not Path(os.environ["SAID"]).exists(), "the command ran on what does not work"
    (pod,) = lane.pods()
    assert (pod.base, pod.release) == ("", f"0-gate-{again.build.trees[:12]}")


def test_job_that_is_told_to_end_takes_its_pod_with_it(lane: Lane) -> None:
    plan = lane.build(lane.propose({NEW: "a: 1"}), f"{SAY} sleep 600")
    child = os.fork()
    if child == 0:
        os._exit(lane.run(plan))
    wait_for(Path(os.environ["SAID"]))
    assert len(lane.pods()) == 1
    os.kill(child, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130
    assert lane.pods() == []


def run_and_kill(lane: Lane) -> BuildPlan:
    """A job that was killed, and all that it started, while its command ran."""
    plan = lane.build(lane.propose({NEW: "a: 1"}), f"{SAY} sleep 600")
    child = os.fork()
    if child == 0:
        os.setsid()
        os._exit(lane.run(plan))
    wait_for(Path(os.environ["SAID"]))
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return plan


def test_pod_of_a_killed_job_is_over_soon_and_the_next_attempt_takes_it(
    lane: Lane, world: World
) -> None:
    plan = run_and_kill(lane)
    (pod,) = lane.pods()
    assert not pod.is_over(times.utc_now())
    assert pod.is_over(times.utc_now() + timedelta(minutes=11))
    again = lane.build(plan.build.commits[0], "exit 0")
    assert again.build == plan.build
    assert world.apart(lambda: os._exit(lane.run(again))).status == 0
    assert lane.pods() == []


def test_next_job_of_another_change_takes_what_is_over_of_the_gate_and_no_other(
    lane: Lane,
    world: World,
) -> None:
    plan = lane.build(lane.propose({NEW: "a: 1"}), "exit 1")
    assert world.apart(lambda: os._exit(lane.run(plan))).status == 1
    (old,) = lane.pods()
    other = lane.build(lane.propose({NEW: "a: 2"}), "exit 1")
    assert world.apart(lambda: os._exit(lane.run(other))).status == 1
    assert len(lane.pods()) == 2  # it had its grace
    keep(world.provider, old, times.utc_now())
    last = lane.build(lane.propose({NEW: "a: 3"}), "exit 0")
    assert world.apart(lambda: os._exit(lane.run(last))).status == 0
    (left,) = lane.pods()
    assert left.wanted.build == other.build.id[:12]
    world.provider.tag(left.instance, {"purpose": "try", "until": "2020-01-01T00:00:00Z"})
    assert world.apart(lambda: os._exit(lane.run(last))).status == 0
    assert len(lane.pods()) == 1


def test_pod_of_a_job_that_was_killed_goes_by_the_gate_itself_once_it_was_over_twice(
    lane: Lane, world: World
) -> None:
    """No other job in a pod runs, and nobody prunes."""
    run_and_kill(lane)
    (pod,) = lane.pods()
    lines: list[str] = []
    left = LeftPods(world.site, lines.append)

    def look() -> int:
        """The number of pods after the gate looked."""
        left._beside.rest(0)
        left.note()
        left.wait(60)
        return len(lane.pods())

    assert (look(), look()) == (1, 1), "it is wanted for some minutes yet"
    for seconds in (60, 30):  # it was renewed after all
        over = times.utc_now() - timedelta(seconds=seconds)
        world.provider.tag(pod.instance, {"until": times.iso(over)})
        assert look() == 1
    person = {"purpose": "try", "until": "2020-01-01T00:00:00Z"}
    world.provider.tag(pod.instance, person)
    assert (look(), look()) == (1, 1), "it is a person's"
    world.provider.tag(pod.instance, {"purpose": pod.wanted.purpose})
    assert (look(), look()) == (1, 0)
    assert lines == [f"taken down: the pod {pod.instance} (gate job in-pod): nobody wants it"]


def test_pod_that_a_person_keeps_outlives_a_job_that_passes(lane: Lane, world: World) -> None:
    script = Path(os.environ["SAID"] + ".py")
    script.write_text(KEEP)
    tags = world.site.state / "nodes" / "$DEPLOY_KIT_POD" / "tags.json"
    hold = f'python3 {script} "{tags}"'
    plan = lane.build(lane.propose({NEW: "a: 1"}), hold)
    assert world.apart(lambda: os._exit(lane.run(plan))).status == 0
    (pod,) = lane.pods()
    assert pod.wanted.until.year == 2099


def test_job_learns_which_commit_its_change_stands_on(lane: Lane) -> None:
    plan = lane.build(lane.propose({NEW: "a: 1"}), "true")
    (spec,) = lane.executor.specs
    assert spec.env["GATE_BASE"] == lane.commit() != plan.build.commits[0]
    assert spec.grace == 60
    assert lane.work.plan(plan.build) == plan


def test_environment_that_is_not_there_fails_without_a_pod(
    lane: Lane, world: World, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(podjob, "resolve_instance", lambda site, name: site.environment("nowhere"))
    plan = lane.build(lane.propose({NEW: "a: 1"}), SAY)
    assert world.apart(lambda: os._exit(lane.run(plan))).status == 1
    assert "there is no environment 'nowhere'" in capfd.readouterr().err
    assert lane.pods() == []
