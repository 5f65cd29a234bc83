"""gate.yml: what it means, and what is refused with its line."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.gate.config import parse_jobs, read_config
from deploykit.gate.job import PodWish
from deploykit.gate.rest import read_password
from gateyml import GERRIT

GOOD = (
    GERRIT
    + """\
trusted: Developers
queues:
  integrated: {projects: [cloud/salt, tools], branches: [main, stable], window: 10}
jobs:
  lint: {run: [make, lint], projects: [cloud/salt], paths: ["*.sls"], in: cloud/salt, timeout: 10m}
"""
)

# What `python -m deploykit.affected` prints and takes.
AFFECTED = """#!/bin/sh
case "$3 $4" in
"changed 0123")
    echo "kitchen/nova: its own subject changed"; echo "region: what it stands on changed"
    echo "kitchen/base: its own subject changed" ;;
"run "*) shift 3; echo "$*" > ran ;;
*) exit 2 ;;
esac
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "gate.yml"
    file.write_text(text, encoding="utf-8")
    return file


def test_file_that_fits_says_who_what_and_where(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, GOOD))
    assert [queue.pipeline for queue in config.queues] == ["integrated/main", "integrated/stable"]
    assert config.queues[0].window == 10
    assert config.access.url == "https://review.example.org"
    assert config.access.password == tmp_path / "secret/password"
    (job,) = config.jobs
    assert job.timeout == 600
    assert job.concerns({"cloud/salt": ("a/b.sls",)})
    assert not job.concerns({"cloud/salt": ("README",), "tools": ("x.sls",)})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("trusted:", "trustd:", "did you mean 'trusted'"),
        ("https://review", "http://review", "in the clear"),
        ("  ssh: review.example.org:29418", "  ssh: -oProxyCommand=x:1", "HOST:PORT"),
        ("account: gate", "account: -l", "no account"),
        ("[cloud/salt, tools]", "[../x]", "no project"),
        ("in: cloud/salt", "in: other", "no queue has the project 'other'"),
        ("run: [make, lint]", "run: []", "nothing to run"),
        ("timeout: 10m", "timeout: soon", "not a duration"),
        ("timeout: 10m", "memory: much", "not an amount of memory"),
        ("timeout: 10m", "pod: {}", "'from' is missing"),
        ("timeout: 10m", "pod: {from: test, keep: ever}", "not a duration"),
        ("timeout: 10m", "pod: {from: test, nodes: 3}", "unknown key 'nodes'"),
        ("\njobs:", "\n  two: {projects: [tools], branches: [main]}\njobs:", "is in the queues"),
        ("\njobs:", "\nhome: {project: x, path: gate.yml}\njobs:", "no queue has the project 'x'"),
    ],
)
def test_file_that_does_not_fit_is_refused_by_line(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as error:
        read_config(write(tmp_path, GOOD.replace(old, new, 1)))
    assert "gate.yml:" in error.value.message
    assert said in f"{error.value.message} {error.value.remedy}"


def test_jobs_that_a_change_proposes_are_read_alone() -> None:
    (job,) = parse_jobs("jobs: {unit: {run: [pytest]}}", frozenset({"tools"}))
    assert job.run == ("pytest",)
    with pytest.raises(InputError):
        parse_jobs("jobs: {unit: {}}", frozenset({"tools"}))
    with pytest.raises(InputError):
        parse_jobs(": not yaml [", frozenset({"tools"}))


def test_password_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret\n", encoding="utf-8")
    file.chmod(0o644)
    with pytest.raises(InputError, match="others may read"):
        read_password(file)
    file.chmod(0o600)
    assert read_password(file) == "secret"


BESIDE = """pins: {project: tools, manifest: gitshelf.yml, path: pins.yml}
post:
  jobs: {smoke: {run: [make, smoke], projects: [tools]}}
  hold: [test]
private: {pattern: private/*/*, moves: main}
"""


def test_what_happens_around_a_merge_is_read(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, GOOD + BESIDE))
    assert config.pins is not None and config.pins.path == "pins.yml"
    assert ([one.name for one in config.post.jobs], config.post.hold) == (["smoke"], ("test",))
    assert config.private is not None and config.private.moves == "main"
    quiet = read_config(write(tmp_path, GOOD + "private: {pattern: private/*, moves: nothing}\n"))
    assert quiet.private is not None and quiet.private.moves == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("project: tools, manifest", "project: toolz, manifest", "no queue has the project"),
        ("path: pins.yml", "path: ../pins.yml", "inside the project"),
        ("path: pins.yml", "path: gitshelf.yml", "overwrite"),
        ("moves: main", "moves: mian", "no queue has the branch 'mian'"),
        ("private/*/*", "'*'", "a folder of branches"),
        ("projects: [tools]}}", "projects: [toolz]}}", "no queue has the project 'toolz'"),
        ("  hold: [test]", "  holds: [test]", "unknown key 'holds'"),
    ],
)
def test_what_does_not_fit_around_a_merge_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        read_config(write(tmp_path, (GOOD + BESIDE).replace(old, new)))


def test_job_says_which_pod_it_wants_and_what_it_takes(tmp_path: Path) -> None:
    text = GOOD.replace("timeout: 10m", "memory: 2G, pod: {from: test, keep: 2h}")
    (job,) = read_config(write(tmp_path, text)).jobs
    assert job.memory == 2 * 2**30
    assert job.pod == PodWish("test", 7200)
    (plain,) = read_config(write(tmp_path, GOOD)).jobs
    assert plain.pod is None


def test_example_that_is_shipped_fits_this_repository(tmp_path: Path) -> None:
    checkout = Path(__file__).parents[4]
    example = checkout / "deploy-kit/gate.example.yml"
    config = read_config(example)
    jobs = {job.name: job for job in config.jobs}
    assert list(jobs) == ["lint", "unit", "rendered", "kitchen", "region", "bootstrap"]
    makefile = (checkout / "Makefile").read_text(encoding="utf-8")
    for job in config.jobs:
        for target in re.findall(r"\bmake ([a-z-]+)", " ".join(job.run)):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for name, bare in (("region", False), ("bootstrap", True)):
        pod = jobs[name].pod
        assert pod is not None and pod.bare is bare
        assert (checkout / f"deploy-kit/environments/{pod.source}.yml").is_file()
    assert jobs["region"].concerns({"cloud/deploy-kit": ("salt/states/nova/init.sls",)})
    assert not jobs["region"].concerns({"cloud/deploy-kit": ("docs/gate.md",)})


def test_kitchen_job_of_the_example_runs_the_suites_that_are_affected(tmp_path: Path) -> None:
    checkout = Path(__file__).parents[4]
    (job,) = (job for job in read_config(checkout / "deploy-kit/gate.example.yml").jobs
              if job.name == "kitchen")  # fmt: skip
    bin = tmp_path / ".venv/bin"
    bin.mkdir(parents=True)
    (tmp_path / "Makefile").write_text("setup-tests:\n\t@true\n")
    python = bin / "python"
    python.write_text(AFFECTED)
    python.chmod(0o755)
    env = {**os.environ, "GATE_BASE": "0123"}
    subprocess.run(job.run, cwd=tmp_path, env=env, check=True, timeout=60)
    assert (tmp_path / "ran").read_text() == "kitchen/nova kitchen/base\n"
    assert subprocess.run(job.run, cwd=tmp_path, timeout=60, check=False,
                          env={**env, "GATE_BASE": "none"}).returncode != 0  # fmt: skip
