"""`pod run`: suites on copies of a pod, which go afterwards; one result."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deploykit.base.progress import Silent
from deploykit.cli import main
from deploykit.evidence.junit import read_results
from deploykit.pods.listing import pods_up
from jobbing import living, unheard_of
from podlane import wait_for
from trainworld import World, build_world

TEST = """import json, os, testinfra

def test_nodes(pytestconfig):
    nodes = [node["name"] for node in json.load(open(os.environ["DEPLOYKIT_INVENTORY"]))]
    asked = pytestconfig.getoption("hosts").split(",")
    assert asked == [f"ssh://{name}" for name in nodes] == ["ssh://salt", "ssh://region"]
    assert pytestconfig.getoption("ssh_config") == os.environ["DEPLOY_KIT_SSH_CONFIG"]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A site with the pod `try`, which carries another release than it began at."""
    with pytest.MonkeyPatch.context() as patch:
        world = build_world(tmp_path_factory.mktemp("run") / "world", patch, {"test": None})
        world.deploy(world.release(), "test")
        world.release()
        call(world, "create", "--from", "test", "--name", "try", "--release", "latest")
        yield world


@pytest.fixture
def world(made: World, capfd: pytest.CaptureFixture[str]) -> Iterator[World]:
    capfd.readouterr()
    yield made
    for pod in pods_up(made.site):
        if str(pod.instance) != "test~pod-try":
            made.provider.down(pod.instance, Silent())


def call(world: World, *words: str) -> int:
    """The exit status of `deploy-kit pod`, run in a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["deploy-kit", "--site", str(world.site.folder), "pod", *words])
        return world.apart(lambda: os._exit(_status())).status


def _status() -> int:
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def names(world: World) -> list[str]:
    return [str(pod.instance) for pod in pods_up(world.site)]


def test_suites_run_on_copies_of_the_pod_which_go_and_one_that_fails_fails_all(
    world: World, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tags = str(world.site.state / "nodes")
    look = f'cat "{tags}/$DEPLOY_KIT_POD/tags.json"; echo; test -e "$DEPLOY_KIT_SSH_CONFIG"'
    results = tmp_path / "results"
    status = call(world, "run", "try", "--split", "2", "--run", "sh -c", "--json",
                  "--results", str(results), "--", look, "exit 3", f"{look} # again")  # fmt: skip
    said: dict[str, Any] = json.loads(capfd.readouterr().out)
    assert status == 1
    assert not said["passed"]
    assert [one["status"] for one in said["suites"]] == [0, 3, 0]
    assert len({one["pod"] for one in said["suites"]}) == 2
    assert "test~pod-try" not in {one["pod"] for one in said["suites"]}
    copy = json.loads(Path(said["suites"][0]["log"]).read_text())
    (pod,) = pods_up(world.site)
    assert (copy["release"], copy["base"]) == (pod.release, pod.base)
    assert pod.release != pod.base
    assert copy["purpose"] == "suites of test~pod-try"
    found = [read_results(Path(one["junit"])) for one in said["suites"]]
    assert [(one.tests, one.failures) for one in found] == [(1, 0), (1, 1), (1, 0)]
    assert names(world) == ["test~pod-try"]


def test_file_of_tests_is_run_by_pytest_against_every_node(
    world: World, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(TEST)
    results = tmp_path / "results"
    words = ("--results", str(results), "--", str(tmp_path / "test_it.py"))
    assert call(world, "run", "try", *words) == 0, [one.read_text() for one in results.glob("*")]
    assert "passed" in capfd.readouterr().out
    (junit,) = results.glob("*.xml")
    assert read_results(junit).passed == 1


def test_every_command_about_pods_of_the_page_of_the_gate_works(
    world: World, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (checkout / "docs" / "gate.md").read_text()
    shown = [shlex.split(text) for text in re.findall(r"`(?:deploy-kit )?pod ([^`]+)`", page)]
    lacking = {"ssh": ["test~pod-try", "region", "look"], "keep": ["try", "--for", "1h"],
               "drop": ["gone", "--yes"], "prune": []}  # fmt: skip
    assert {words[0] for words in shown} == {"run", *lacking}
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(TEST)
    (tmp_path / "Makefile").write_text("load:\n\ttrue\n")
    monkeypatch.chdir(tmp_path)
    assert call(world, "create", "--from", "test", "--name", "gone") == 0
    for words in (list(one) for one in dict.fromkeys(map(tuple, shown))):
        typed = [*words, *lacking.get(words[0], [])]
        typed = [name for word in typed for name in sorted(map(str, Path().glob(word))) or [word]]
        assert call(world, *("try" if word == "POD" else word for word in typed)) == 0, words
    assert names(world) == ["test~pod-try"]


def test_call_that_is_told_to_end_ends_its_suites_and_leaves_no_copy(
    world: World, tmp_path: Path
) -> None:
    seconds, begun = unheard_of(), tmp_path / "begun"
    child = os.fork()
    if child == 0:
        os._exit(call(world, "run", "try", "--run", "sh -c", "--",
                      f"touch {begun}; sleep {seconds}; true"))  # fmt: skip
    wait_for(begun)
    (pid,) = (int(one) for one in Path(f"/proc/{child}/task/{child}/children").read_text().split())
    assert len(names(world)) == 2
    os.kill(pid, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130
    assert living(seconds) == []
    assert names(world) == ["test~pod-try"]


def test_suite_that_takes_too_long_or_cannot_start_fails(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    seconds = unheard_of()
    words = ("--timeout", "1s", "--run", "sh -c", "--json", "--", f"sleep {seconds}; true")
    assert call(world, "run", "try", *words) == 1
    (suite,) = json.loads(capfd.readouterr().out)["suites"]
    assert suite["status"] == 124
    assert living(seconds) == []
    assert call(world, "run", "try", "--run", "/nowhere/x", "--json", "--", "a") == 1
    (suite,) = json.loads(capfd.readouterr().out)["suites"]
    assert "cannot start /nowhere/x" in Path(suite["log"]).read_text()


def test_pod_of_the_gate_is_refused_as_its_kit_is_gone(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    (pod,) = pods_up(world.site)
    world.provider.tag(pod.instance, {"release": "0-gate-0123456789ab"})
    assert call(world, "run", "try", "--", "a") == 2
    assert "a state of the gate" in capfd.readouterr().err
    world.provider.tag(pod.instance, {"release": pod.release})
