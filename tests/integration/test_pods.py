"""Pods on real nodes: copied from prepared ones, apart from each other, brought to a release."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploykit.jobs import JobState
from deploykit.jobs.local import for_site
from deploykit.site import open_site
from jobbing import begun, ended
from lxdsite import lxd_or_skip
from podlane import Lane
from railway import Railway, deployed

pytestmark = [pytest.mark.pods, pytest.mark.timeout(2700)]
SOLE = """\
name: sole
networks:
  management: {cidr: 10.83.0.0/24}
nodes:
  region: {roles: [master, database, cache, identity, load-balancer], at: 10}
"""
LINE = "grep ^-m /etc/memcached.conf"


@pytest.fixture(scope="module")
def railway(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Railway]:
    """An environment that runs a release, and its pods; taken down at the end."""
    lxd_or_skip()
    folder = tmp_path_factory.mktemp("pods") / "checkout"
    with deployed(checkout, folder, "sole", SOLE) as railway:
        try:
            yield railway
        finally:
            railway("env", "down", "--all", "--yes")


def on_pod(railway: Railway, pod: str, line: str) -> str:
    return railway("pod", "ssh", pod, "region", line).stdout.strip()


def test_pod_is_a_working_copy_with_an_identity_and_secrets_of_its_own(railway: Railway) -> None:
    railway("pod", "create", "--from", "sole", "--name", "one", "--change", "c1", "--build", "b1")
    (pod,) = railway.json("pod", "list")
    version = railway.json("release", "show", "latest")["version"]
    said = {key: pod[key] for key in ("pod", "release", "change", "build", "over")}
    assert said == {
        "pod": "sole~pod-one", "release": version, "change": "c1", "build": "b1", "over": False
    }  # fmt: skip
    assert on_pod(railway, "one", "systemctl is-active memcached") == "active"
    for line in (
        "cat /etc/machine-id",
        "cat /etc/ssh/ssh_host_ed25519_key.pub",
        "sha256sum /srv/environment/secrets.json",
        "sha256sum < /etc/salt/pki/minion/minion.pem",
    ):
        assert on_pod(railway, "one", line) != railway.on_node("sole", "region", line).strip(), line


def test_second_pod_takes_no_deployment_and_a_release_goes_over_it(railway: Railway) -> None:
    railway.change("salt/pillar/memcached.sls", "memory: 64", "memory: 66")
    version = railway.cut()
    before = prepared(railway)
    done = railway("pod", "create", "--from", "sole", "--name", "two")
    assert prepared(railway) == before
    assert "orchestration of" not in done.stderr
    done = railway("pod", "create", "--from", "sole", "--name", "three", "--release", "latest")
    assert done.stderr.count("orchestration of") == 1
    assert on_pod(railway, "three", LINE).split()[1] == "66"
    assert on_pod(railway, "two", LINE).split()[1] == "64"
    there = {one["pod"]: one["release"] for one in railway.json("pod", "list")}
    assert there["sole~pod-three"] == version != there["sole~pod-two"]
    ids = {on_pod(railway, name, "cat /etc/machine-id") for name in ("one", "two", "three")}
    assert len(ids) == 3


def test_second_pod_of_a_name_is_refused(railway: Railway) -> None:
    done = railway("pod", "create", "--from", "sole", "--name", "two", status=1)
    assert "sole~pod-two already" in done.stderr


def test_pod_that_is_over_goes_and_one_that_is_kept_stays(railway: Railway) -> None:
    railway("pod", "keep", "one", "--for", "0s")
    assert [one["pod"] for one in railway.json("pod", "list") if one["over"]] == ["sole~pod-one"]
    refused = railway("pod", "prune", status=1)
    assert "sole~pod-one" in refused.stderr
    railway("pod", "prune", "--yes")
    assert [one["pod"] for one in railway.json("pod", "list")] == ["sole~pod-three", "sole~pod-two"]
    railway("pod", "drop", "two", "three", "--yes")
    assert json.loads(railway("pod", "list", "--json").stdout) == []


def test_new_release_in_the_environment_takes_the_place_of_the_prepared_nodes(
    railway: Railway,
) -> None:
    before = prepared(railway)
    railway("deploy", "latest", "sole")
    railway("pod", "create", "--from", "sole", "--name", "four")
    assert on_pod(railway, "four", LINE).split()[1] == "66"
    after = prepared(railway)
    assert len(before) == len(after) == 1
    assert before != after
    railway("pod", "drop", "four", "--yes")
    railway("pod", "prune", "--prepared", "--yes")
    assert prepared(railway) == set()


def prepared(railway: Railway) -> set[tuple[str, str]]:
    """The instances of prepared nodes, and when each was made."""
    rows = railway.json("env", "list")
    return {
        (row["instance"], row["tags"]["created"]) for row in rows if "~prepared-" in row["instance"]
    }


@pytest.fixture(scope="module")
def lane(railway: Railway) -> Iterator[Lane]:
    """A gate of the site, whose jobs really run under the local executor."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in railway.env.items():
            patch.setenv(name, value)
        site = open_site(railway.folder / "deploy-kit")
        yield Lane(railway.folder, site, "sole", for_site(site))


def gate_job(railway: Railway, lane: Lane, memory: int, script: str) -> JobState:
    """The state of a job that tries memcached with so much memory, once it has ended."""
    file = "salt/pillar/memcached.sls"
    text = (railway.folder / file).read_text()
    changed = re.sub(r"memory: \d+", f"memory: {memory}", text)
    lane.build(lane.propose({file: changed}), script)
    return ended(lane.executor, lane.executor.jobs()[-1].id, 600)


def test_gate_job_has_the_state_in_its_pod_which_stays_if_it_fails(
    railway: Railway, lane: Lane
) -> None:
    look = f'ssh -F "$DEPLOY_KIT_SSH_CONFIG" region {LINE}'
    failed = gate_job(railway, lane, 71, f"{look}; exit 1")
    log = lane.executor.log_text(failed.id)
    assert failed.result == "failed", log
    assert "-m 71" in log
    (pod,) = railway.json("pod", "list")
    assert f"deploy-kit pod ssh {pod['pod']}" in log
    assert pod["release"].startswith("0-gate-")
    assert (pod["change"], pod["over"]) == ("17", False)
    assert on_pod(railway, pod["pod"], LINE).split()[1] == "71"
    railway("pod", "drop", pod["pod"], "--yes")

    passed = gate_job(railway, lane, 72, f"{look} | grep 72")
    assert passed.result == "passed", lane.executor.log_text(passed.id)
    assert railway.json("pod", "list") == []


def test_gate_job_that_is_cancelled_takes_its_pod_with_it(railway: Railway, lane: Lane) -> None:
    file = "salt/pillar/memcached.sls"
    text = (railway.folder / file).read_text()
    changed = re.sub(r"memory: \d+", "memory: 73", text)
    plan = lane.build(lane.propose({file: changed}), "echo here it is; sleep 600")
    begun(lane.executor, lane.executor.jobs()[-1].id, "here it is", 600)
    assert len(railway.json("pod", "list")) == 1
    lane.work.cancel(plan.build)
    assert railway.json("pod", "list") == []


def test_suites_run_side_by_side_on_copies_of_a_pod(railway: Railway) -> None:
    railway("pod", "create", "--from", "sole", "--name", "like")
    look = 'ssh -F "$DEPLOY_KIT_SSH_CONFIG" region cat /etc/machine-id'
    words = ("--split", "2", "--run", "sh -c", "--json", "--")
    said = json.loads(railway("pod", "run", "like", *words, look, f"{look} # 2").stdout)
    assert said["passed"]
    ids = {Path(one["log"]).read_text().strip() for one in said["suites"]}
    assert len(ids) == 2
    assert on_pod(railway, "like", "cat /etc/machine-id") not in ids
    assert [one["pod"] for one in railway.json("pod", "list")] == ["sole~pod-like"]
    railway("pod", "drop", "like", "--yes")
