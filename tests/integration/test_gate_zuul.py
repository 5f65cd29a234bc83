"""What `gate export-zuul` writes, loaded by Zuul's own configuration loader."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zuulenv
from gateyml import GERRIT

pytestmark = [pytest.mark.zuul, pytest.mark.timeout(900)]
GATE = (
    GERRIT
    + """\
trusted: Developers
queues:
  integrated: {projects: [cloud/salt, tools], branches: [main, stable], window: 10}
  docs: {projects: [docs], branches: [main]}
jobs:
  lint: {run: [make, lint], projects: [cloud/salt], paths: ["*.sls"], in: cloud/salt, timeout: 10m}
  unit: {run: [sh, -c, "echo {{ x }}"], projects: [cloud/salt, tools]}
"""
)
# A file of the export, what stands there, what is put there, and what Zuul says then.
ZUUL = "project-config/zuul.yaml"
MISTAKES = {
    "key-of-a-pipeline": (ZUUL, "window-floor:", "window-flor:", "extra keys not allowed"),
    "key-of-a-project": (ZUUL, "queue: integrated/main", "que: x", "expected a dictionary"),
    "name-of-a-job": (ZUUL, "- noop\n      - lint", "- noop\n      - lnt", "lnt not defined"),
    "name-of-a-project": (ZUUL, "    - tools\n", "    - toools\n", "toools"),
    "key-of-the-tenant": (
        "main.yaml",
        "include-branches",
        "include-branch",
        "extra keys not allowed",
    ),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    (site / "site.yml").write_text("name: cloud\n")
    (site / "gate.yml").write_text(GATE)
    program = Path(sys.executable).with_name("deploy-kit")
    argv = [program, "--site", site, "gate", "export-zuul", site / "zuul"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "left out: trusted: Developers" in done.stderr
    return site / "zuul"


@pytest.fixture(scope="module")
def loads(
    exported: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """What Zuul makes of the export, and the errors that it finds for each of MISTAKES."""
    folders = [
        mistaken(exported, tmp_path_factory.mktemp(name), *MISTAKES[name][:3]) for name in MISTAKES
    ]
    found, *wrong = zuulenv.loaded(exported, *folders)
    return found, {name: one["errors"] for name, one in zip(MISTAKES, wrong, strict=True)}


@pytest.fixture
def zuul(loads: tuple[dict[str, Any], dict[str, list[str]]]) -> dict[str, Any]:
    return loads[0]


def mistaken(exported: Path, folder: Path, file: str, old: str, new: str) -> Path:
    """A copy of the export with one mistake in it."""
    shutil.copytree(exported, folder, dirs_exist_ok=True)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    return folder


def change(zuul: dict[str, Any], project: str, branch: str, file: str) -> dict[str, Any]:
    (found,) = (
        one
        for one in zuul["changes"]
        if (one["project"], one["branch"], one["file"]) == (project, branch, file)
    )
    return dict(found)


def test_configuration_is_loaded_without_an_error(zuul: dict[str, Any]) -> None:
    assert zuul["errors"] == []


def test_pipelines_are_check_a_gate_for_each_window_and_post(zuul: dict[str, Any]) -> None:
    found = {one["name"]: (one["manager"], one["window"]) for one in zuul["pipelines"]}
    assert found["check"][0] == found["post"][0] == "independent"
    assert found["gate-10-3-100"] == ("dependent", [10, 3, 100])
    assert found["gate-20-3-100"] == ("dependent", [20, 3, 100])
    assert all(one["triggers"] for one in zuul["pipelines"])


def test_projects_of_a_queue_share_it_on_each_of_its_branches(zuul: dict[str, Any]) -> None:
    found = {(one["project"], one["branch"]): one["queue"] for one in zuul["changes"]}
    assert found == {
        ("cloud/salt", "main"): "integrated/main",
        ("tools", "main"): "integrated/main",
        ("cloud/salt", "stable"): "integrated/stable",
        ("tools", "stable"): "integrated/stable",
        ("docs", "main"): "docs/main",
    }
    assert all(one["circles"] for one in zuul["changes"])


def test_jobs_of_a_change_are_those_of_its_project_and_paths(zuul: dict[str, Any]) -> None:
    jobs = change(zuul, "cloud/salt", "stable", "a.sls")["jobs"]
    assert {name: set(one) for name, one in jobs.items()} == {
        "check": {"noop", "lint", "unit"},
        "gate-10-3-100": {"noop", "lint", "unit"},
        "post": {"noop", "lint", "unit"},
    }
    other = change(zuul, "cloud/salt", "stable", "doc/b.txt")["jobs"]
    assert set(other["check"]) == {"noop", "unit"}
    assert set(change(zuul, "docs", "main", "a.sls")["jobs"]) == {"check", "gate-20-3-100", "post"}


def test_job_runs_its_command_with_the_projects_of_its_queue(zuul: dict[str, Any]) -> None:
    jobs = change(zuul, "cloud/salt", "main", "a.sls")["jobs"]["check"]
    lint = jobs["lint"]
    assert lint["vars"] == {"gate_command": ["make", "lint"], "gate_folder": "cloud/salt"}
    assert lint["timeout"] == 600
    assert lint["projects"] == ["review.example.org/cloud/salt", "review.example.org/tools"]
    assert jobs["unit"]["vars"]["gate_command"][-1] == '{{ "echo {{ x }}" }}', "no template of ours"


def test_playbooks_that_the_jobs_name_are_there(exported: Path, zuul: dict[str, Any]) -> None:
    jobs = change(zuul, "cloud/salt", "main", "a.sls")["jobs"]["check"]
    for path in jobs["lint"]["playbooks"]:
        assert (exported / "project-config" / path).is_file()


@pytest.mark.parametrize("name", MISTAKES)
def test_one_wrong_word_is_found_by_the_loader(
    loads: tuple[dict[str, Any], dict[str, list[str]]], name: str
) -> None:
    """So an export that wrote what Zuul does not take would fail above."""
    said = MISTAKES[name][3]
    assert any(said in " ".join(one.split()) for one in loads[1][name]), loads[1][name]
