"""gate.yml: what it means, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.gate.config import parse_jobs, read_config
from deploykit.gate.rest import read_password

GOOD = """gerrit:
  url: https://review.example.org/
  ssh: review.example.org:29418
  account: gate
  password: secret/password
  key: secret/key
  host_keys: secret/hosts
trusted: Developers
queues:
  integrated: {projects: [cloud/salt, tools], branches: [main, stable], window: 10}
jobs:
  lint: {run: [make, lint], projects: [cloud/salt], paths: ["*.sls"], in: cloud/salt, timeout: 10m}
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
