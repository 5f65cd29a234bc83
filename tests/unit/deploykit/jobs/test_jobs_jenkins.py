"""The executor jenkins against a server that speaks as Jenkins does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jenkinsserver
import pytest
from deploykit.base.errors import DeployKitError, InputError
from deploykit.jobs import JobState, Phase, Result, executor_for
from deploykit.jobs import jenkins as executor_module
from deploykit.jobs.jenkins import JenkinsExecutor, Server
from deploykit.jobs.worker import spec_of
from deploykit.site import Site, open_site
from jenkinsserver import JenkinsServer
from jobbing import job


@pytest.fixture
def server() -> Iterator[JenkinsServer]:
    with jenkinsserver.serving() as state:
        yield state


def credentials(folder: Path, text: str = jenkinsserver.LOGIN) -> Path:
    file = folder / "login"
    file.write_text(f"{text}\n")
    file.chmod(0o600)
    return file


def made(server: JenkinsServer, folder: Path) -> JenkinsExecutor:
    return JenkinsExecutor(
        folder / "jobs", Server(f"{server.url}/", "ci/worker", credentials(folder))
    )


@pytest.fixture
def executor(server: JenkinsServer, tmp_path: Path) -> JenkinsExecutor:
    return made(server, tmp_path)


def said(state: JobState) -> tuple[Phase, Result | None, str]:
    return state.phase, state.result, state.summary


def test_job_goes_from_the_queue_to_a_build_to_its_result(
    server: JenkinsServer, executor: JenkinsExecutor
) -> None:
    assert executor.start(job("one", "true", suites=("unit",))) == "one"
    waiting = executor.poll("one")
    assert said(waiting) == (Phase.WAITING, None, "Waiting for next available executor")
    build = server.build(1, console="Started by bot\n")
    running = executor.poll("one")
    assert (running.phase, running.began) == (Phase.RUNNING, running.began)
    assert running.log == f"{server.url}/job/ci/job/worker/101/"
    server.build(1, "many a line that is longer than a piece\n" * 5)
    server.build(1, "[deploy-kit job one: passed: exit status 0]\nFinished\n", "SUCCESS")
    assert said(executor.poll("one")) == (Phase.ENDED, Result.PASSED, "exit status 0")
    assert executor.log_text("one") == build.console


def test_build_gets_the_whole_job_in_its_body_and_none_of_it_in_a_url(
    server: JenkinsServer, executor: JenkinsExecutor
) -> None:
    spec = job("one", "echo 'a b' && exit 3", env={"LONG": "x" * 20000}, trees={"salt": "1" * 40})
    executor.start(spec)
    parameters = server.items[1].parameters
    assert (parameters["JOB_ID"], parameters["ITEM"]) == ("one", "c1")
    assert spec_of(parameters) == spec
    assert not [one for one in server.asked if "exit" in one]


@pytest.mark.parametrize(
    ("console", "build", "result", "summary"),
    [
        ("[deploy-kit job one: failed: exit status 3]\n", "FAILURE", "failed", "exit status 3"),
        ("[deploy-kit job one: timed-out: 60 s]\n", "FAILURE", "timed-out", "60 s"),
        ("[deploy-kit job one: broken: no disk]\n", "UNSTABLE", "broken", "no disk"),
        (
            "agent is offline\n",
            "FAILURE",
            "broken",
            "its build ended as FAILURE before the job did",
        ),
        ("fatal: no git\n", "SUCCESS", "broken", "its build ended as SUCCESS before the job did"),
        (
            "[deploy-kit job one: passed: exit status 0]\n",
            "FAILURE",
            "broken",
            "its worker says passed, and the build ended as FAILURE",
        ),
        (
            "[deploy-kit job one: passed: I say so]\n[deploy-kit job one: failed: exit status 1]\n",
            "FAILURE",
            "failed",
            "exit status 1",
        ),
        ("[deploy-kit job one: passed: exit status 0]\n", "ABORTED", "cancelled", None),
    ],
)
def test_result_is_what_worker_and_build_agree_on(
    server: JenkinsServer,
    executor: JenkinsExecutor,
    console: str,
    build: str,
    result: str,
    summary: str | None,
) -> None:
    executor.start(job("one", "true"))
    server.build(1, console, build)
    state = executor.poll("one")
    assert state.result == result
    assert summary is None or state.summary == summary


def test_job_is_found_again_by_a_new_process(
    server: JenkinsServer, executor: JenkinsExecutor, tmp_path: Path
) -> None:
    executor.start(job("one", "true"))
    server.build(1)
    again = made(server, tmp_path)
    assert [one.phase for one in again.jobs()] == [Phase.RUNNING]
    assert again.start(job("one", "true")) == "one"
    assert server.posts("buildWithParameters") == 1


@pytest.mark.parametrize("there", ["queue", "build"])
def test_start_that_was_killed_after_jenkins_took_it_builds_nothing_twice(
    server: JenkinsServer, executor: JenkinsExecutor, tmp_path: Path, there: str
) -> None:
    executor.start(job("one", "true"))
    if there == "build":
        server.build(1)
    file = tmp_path / "jobs/one.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"queue": None, "build": None}))
    again = made(server, tmp_path)
    again.start(job("one", "true"))
    assert server.posts("buildWithParameters") == 1
    assert again.poll("one").phase == (Phase.WAITING if there == "queue" else Phase.RUNNING)


def test_queue_item_that_jenkins_forgot_is_found_by_its_build(
    server: JenkinsServer, executor: JenkinsExecutor
) -> None:
    executor.start(job("one", "true"))
    server.build(1, "[deploy-kit job one: passed: exit status 0]\n", "SUCCESS")
    server.forgotten.add(1)
    assert executor.poll("one").result is Result.PASSED


def test_job_that_jenkins_knows_nothing_of_any_more_is_lost(
    server: JenkinsServer, executor: JenkinsExecutor
) -> None:
    executor.start(job("one", "true"))
    server.items.clear()
    assert executor.poll("one").result is Result.LOST


def test_queue_item_that_somebody_cancelled_is_told(
    server: JenkinsServer, executor: JenkinsExecutor
) -> None:
    executor.start(job("one", "true"))
    server.items[1].cancelled = True
    state = executor.poll("one")
    assert (state.result, state.is_verdict) == (Result.CANCELLED, False)
    assert state.summary == "it was taken out of Jenkins' queue"


@pytest.mark.parametrize("there", ["queue", "build"])
def test_cancel_ends_what_waits_and_what_runs(
    server: JenkinsServer, executor: JenkinsExecutor, there: str
) -> None:
    executor.start(job("one", "true"))
    if there == "build":
        server.build(1)
    executor.cancel("one")
    assert executor.poll("one").result is Result.CANCELLED
    assert server.posts("/stop") == (there == "build")
    executor.cancel("one")
    assert server.posts("/stop") + server.posts("cancelItem") == 1


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, r"does not let this user do that: .*\[401\]"),
        (403, r"does not let this user do that: .*\[403\]"),
        (500, r"cannot be asked: .*\[500\]"),
        (502, r"cannot be asked: .*502"),
    ],
)
def test_refusal_of_the_server_is_told_and_nothing_is_known_of_the_job(
    server: JenkinsServer, executor: JenkinsExecutor, status: int, message: str
) -> None:
    executor.start(job("one", "true"))
    server.broken = status
    with pytest.raises(DeployKitError, match=message) as error:
        executor.poll("one")
    assert "11aa22bb" not in error.value.message + error.value.remedy
    server.broken = 0
    assert executor.poll("one").running


def test_server_that_is_away_is_told_and_the_job_is_found_when_it_is_back(
    tmp_path: Path,
) -> None:
    with jenkinsserver.serving() as server:
        executor = made(server, tmp_path)
    with pytest.raises(DeployKitError, match=rf"{server.url}/ cannot be asked"):
        executor.start(job("one", "true"))
    assert not executor._read("one").queue


def test_server_that_does_not_answer_is_not_waited_for_without_end(
    server: JenkinsServer, executor: JenkinsExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor_module, "TIMEOUT", 0.3)
    server.slow = 2.0
    with pytest.raises(DeployKitError, match="did not answer within"):
        executor.start(job("one", "true"))


def test_jenkins_without_crumbs_is_asked_without(
    server: JenkinsServer, executor: JenkinsExecutor
) -> None:
    server.crumbs = False
    executor.start(job("one", "true"))
    assert executor.poll("one").running


def test_job_with_secrets_is_refused(executor: JenkinsExecutor) -> None:
    with pytest.raises(InputError, match=r"has secrets \(TOKEN\)"):
        executor.start(job("one", "true", secrets={"TOKEN": "hunter22"}))


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        ("bot:token", 0o644, "others may read"),
        ("bot", 0o600, "is not one line USER:TOKEN"),
        ("bot:a\nb", 0o600, "is not one line USER:TOKEN"),
    ],
)
def test_credentials_that_do_not_fit_are_told_without_showing_them(
    server: JenkinsServer, tmp_path: Path, text: str, mode: int, message: str
) -> None:
    executor = made(server, tmp_path)
    (tmp_path / "login").write_text(text)
    (tmp_path / "login").chmod(mode)
    with pytest.raises(InputError, match=message) as error:
        executor.start(job("one", "true"))
    assert text not in error.value.message


def with_jobs(site: Site, **keys: Any) -> Site:
    with (site.folder / "site.yml").open("a") as file:
        file.write(f"jobs: {json.dumps({'executor': 'jenkins', **keys})}\n")
    return open_site(site.folder)


def test_site_names_its_jenkins(site: Site, server: JenkinsServer) -> None:
    credentials(site.folder)
    made = with_jobs(site, url=server.url, job="ci/worker", credentials="login")
    executor = executor_for(made)
    executor.start(job("one", "true"))
    assert executor.poll("one").running


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "'url' is missing"),
        ({"url": "https://bot:token@ci"}, "no URL of http or https, or has a user in it"),
        ({"url": "https://ci", "jobs": "x"}, "unknown key 'jobs'"),
    ],
)
def test_site_whose_jenkins_does_not_fit_is_told_with_its_line(
    site: Site, keys: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=rf"site\.yml:\d+: .*{message}"):
        executor_for(with_jobs(site, **keys))


@pytest.mark.parametrize(
    ("script", "status", "build"), [("echo hi", 0, "SUCCESS"), ("exit 3", 1, "FAILURE")]
)
def test_worker_runs_what_the_build_was_given_and_is_understood(
    server: JenkinsServer,
    executor: JenkinsExecutor,
    site: Site,
    tmp_path: Path,
    script: str,
    status: int,
    build: str,
) -> None:
    executor.start(job("one", script, cwd=""))
    command = [Path(sys.executable).with_name("deploy-kit"), "--site", site.folder, "job", "work"]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **server.items[1].parameters}
    done = subprocess.run(
        command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == status, done.stderr
    server.build(1, done.stdout, build)
    state = executor.poll("one")
    assert state.result == ("passed" if status == 0 else "failed")
    assert state.summary == f"exit status {0 if status == 0 else 3}"
