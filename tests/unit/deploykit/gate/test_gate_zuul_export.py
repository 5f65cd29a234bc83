"""gate.yml as Zuul's configuration: what needs no Zuul to be seen (the rest: test_gate_zuul.py)."""

from __future__ import annotations

import dataclasses
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from click.testing import CliRunner
from deploykit.cli import cli
from deploykit.gate.config import Config, read_config
from deploykit.gate.footers import recheck_reason
from deploykit.gate.zuul import exported, expression, left_out, pipelines, project_config
from gateyml import GERRIT
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

GATE = (
    GERRIT
    + """\
queues:
  integrated: {projects: [cloud/salt, tools], branches: [main, stable/9.1]}
jobs:
  unit: {run: [make, test], paths: ["*.py"]}
"""
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "gate.yml").write_text(GATE)
    return read_config(tmp_path / "gate.yml")


@given(st.text("ab/.*?[]!^-\\", max_size=8), st.text("ab/.*[]!^-\\\n", max_size=8))
def test_pattern_of_paths_means_the_same_to_zuul(pattern: str, path: str) -> None:
    if "[" in pattern and re.search(r"\[!?\]?[^\]]*[-\\^]", pattern):
        return  # ranges, which Python repairs where they are none
    found = re.search(expression(pattern), path, re.DOTALL)
    assert bool(found and found.end() == len(path)) == fnmatchcase(path, pattern)


@pytest.mark.parametrize(
    "pattern", ["[a-c]x", "[!a-c]x", "[^]x", "[]]x", "[!]]x", "[]", "[!]x", "[!!]x"]
)
@pytest.mark.parametrize("path", ["ax", "dx", "^x", "]x", "-x"])
def test_set_of_characters_means_the_same_to_zuul(pattern: str, path: str) -> None:
    assert bool(re.search(expression(pattern), path)) == fnmatchcase(path, pattern)


def test_windows_that_agree_give_one_gate_pipeline(config: Config) -> None:
    assert [one["name"] for one in pipelines(config)] == ["check", "gate", "post"]
    first, second = config.queues
    other = dataclasses.replace(config, queues=(first, dataclasses.replace(second, window=5)))
    names = [one["name"] for one in pipelines(other)]
    assert names == ["check", "gate-20-3-100", "gate-5-3-100", "post"]
    gates = [set(one["project"]) for one in project_config(other) if "project" in one]
    assert "gate-20-3-100" in gates[0]
    assert "gate-5-3-100" in gates[-1]


def test_comment_that_rechecks_here_is_one_that_zuul_listens_to(config: Config) -> None:
    (_, recheck), _ = (one["trigger"]["gerrit"] for one in pipelines(config)[:2])
    for comment in ("Patch Set 1:\n\nrecheck bug 17", "recheck", "  Recheck", "please recheck"):
        heard = re.search(recheck["comment"], comment) is not None
        assert heard == (recheck_reason(comment) is not None)


def test_branch_with_a_dot_is_meant_as_it_is(config: Config) -> None:
    files = exported(config, "cloud", "config")
    assert r"^stable/9\.1$" in files["main.yaml"]
    assert r"^stable/9\.1$" in files["config/zuul.yaml"]


def test_file_is_yaml_without_references(config: Config) -> None:
    """Zuul's own dialect: one key for each entry, and nothing that stands for something else."""
    text = exported(config, "cloud", "config")["config/zuul.yaml"]
    entries = YAML(typ="safe", pure=True).load(text)
    assert {next(iter(one)) for one in entries} == {"pipeline", "queue", "job", "project"}
    assert all(len(one) == 1 for one in entries)
    assert not re.search(r"(?m)[&*]id\d+", text)


def test_what_zuul_cannot_is_told(config: Config) -> None:
    assert left_out(config) == []
    told = left_out(dataclasses.replace(config, trusted="Devs", home=("tools", "gate.yml")))
    assert [line.split(":")[0] for line in told] == ["trusted", "home"]


def test_project_of_a_queue_cannot_keep_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text("name: here\n")
    (tmp_path / "gate.yml").write_text(GATE)
    argv = ["--site", str(tmp_path), "gate", "export-zuul", str(tmp_path / "out")]
    for name in ("tools", "../x"):
        assert CliRunner().invoke(cli, [*argv, "--project", name]).exit_code != 0
    assert not (tmp_path / "out").exists()
    assert CliRunner().invoke(cli, argv).exit_code == 0
    assert (tmp_path / "out/project-config/playbooks/run.yaml").is_file()
