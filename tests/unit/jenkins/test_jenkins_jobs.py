"""The jobs of Jenkins as XML, and that all files of deploy-kit/jenkins speak of the same things."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

GOLDEN = Path(__file__).parent / "golden"
CARRYING = re.compile(r"stage\('([\w-]+)'\) \{\s+steps \{\s+(?:script \{\s+)?carry\b")
LOCK = 'lock(resource: "deploy-kit-${env.STAGE_NAME}")'  # in `carry`
OF_AN_ENVIRONMENT = re.compile("^deploy-kit-(promote|renew|drift|bootstrap)-")
CREDENTIALS = re.compile(r"(?:credentialsId: |sshagent\(\[)'([\w-]+)'")
STEPS_OF = {  # the plugin that brings each thing that the Jenkinsfile uses
    "lock(": "lockable-resources",
    "sshagent(": "ssh-agent",
    "timestamps(": "timestamper",
    "junit ": "junit",
    "mail to": "mailer",
    "withCredentials(": "credentials-binding",
    "sshUserPrivateKey(": "ssh-credentials",
    "pipeline {": "pipeline-model-definition",
}


@pytest.fixture(scope="module")
def rendered(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """XML by name of the job, without what tells its version of plugins."""
    folder = tmp_path_factory.mktemp("jobs")
    builder = Path(sys.executable).with_name("jenkins-jobs")
    argv = [builder, "test", checkout / "deploy-kit/jenkins/jobs.yml", "-o", folder]
    env = {**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder / ".cache")}
    done = subprocess.run(argv, env=env, cwd=folder, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return {
        file.name: file.read_text() for file in folder.iterdir() if not file.name.startswith(".")
    }


def configuration(checkout: Path) -> Any:
    return YAML(typ="safe").load(checkout / "deploy-kit/jenkins/jenkins.yml")


def declared_credentials(checkout: Path) -> set[str]:
    (domain,) = configuration(checkout)["credentials"]["system"]["domainCredentials"]
    return {next(iter(one.values()))["id"] for one in domain["credentials"]}


def declared_locks(checkout: Path) -> set[str]:
    manager = configuration(checkout)["unclassified"]["lockableResourcesManager"]
    return {one["name"] for one in manager["declaredResources"]}


def labels(checkout: Path) -> set[str]:
    nodes = configuration(checkout)["jenkins"]["nodes"]
    return {one["permanent"]["labelString"] for one in nodes}


def test_jobs_are_rendered_as_the_golden_files_show(rendered: dict[str, str]) -> None:
    if os.environ.get("REGENERATE_GOLDEN"):
        for old in GOLDEN.glob("*.xml"):
            old.unlink()
        for name, text in rendered.items():
            (GOLDEN / f"{name}.xml").write_text(text)
    assert rendered == {file.stem: file.read_text() for file in GOLDEN.glob("*.xml")}


def test_each_environment_of_the_line_has_a_job_and_its_own_lock(
    rendered: dict[str, str], checkout: Path
) -> None:
    jenkinsfile = (checkout / "Jenkinsfile").read_text()
    locks = {}
    for name, text in rendered.items():
        found = ET.fromstring(text).findtext(".//resourceNames")
        if found:
            environment = OF_AN_ENVIRONMENT.sub("", name)
            assert locks.setdefault(environment, found) == found
    assert locks == {one: f"deploy-kit-{one}" for one in ("test", "staging", "production")}
    assert LOCK in jenkinsfile
    carried = {f"deploy-kit-{stage}" for stage in CARRYING.findall(jenkinsfile)}
    assert carried == set(locks.values()) == declared_locks(checkout)


def test_production_may_be_entered_by_its_own_people_only(rendered: dict[str, str]) -> None:
    found = ET.fromstring(rendered["deploy-kit-promote-production"]).findall(".//permission")
    assert {(one.text or "").rpartition(":")[2] for one in found} == {"deploy-kit-production"}


def test_credentials_that_jobs_and_jenkinsfile_name_are_declared(
    rendered: dict[str, str], checkout: Path
) -> None:
    named = {
        one.text
        for text in rendered.values()
        for tag in ("credentialsId", "credentialIds/string")
        for one in ET.fromstring(text).findall(f".//{tag}")
    }
    named |= set(CREDENTIALS.findall((checkout / "Jenkinsfile").read_text()))
    assert {"deploy-kit-signing-key", "deploy-kit-git"} == named
    assert named <= declared_credentials(checkout)


def test_workers_of_checks_hold_no_key(rendered: dict[str, str]) -> None:
    for name in ("deploy-kit-check-worker", "deploy-kit-gate-worker"):
        found = ET.fromstring(rendered[name])
        assert found.find(".//buildWrappers") is not None
        assert found.find(".//bindings") is None
        assert found.find(".//credentialIds") is None
        assert found.findtext(".//unstableReturn") == "2"


def test_every_agent_that_is_asked_for_is_declared(
    rendered: dict[str, str], checkout: Path
) -> None:
    asked = {ET.fromstring(text).findtext("assignedNode") for text in rendered.values()} - {None}
    asked |= set(re.findall(r"node\('([\w-]+)'\)", (checkout / "Jenkinsfile").read_text()))
    assert asked == labels(checkout)


def test_every_step_of_the_jenkinsfile_has_its_plugin(checkout: Path) -> None:
    plugins = (checkout / "deploy-kit/jenkins/plugins.txt").read_text().split()
    text = (checkout / "Jenkinsfile").read_text()
    for step, plugin in STEPS_OF.items():
        assert step in text
        assert plugin in plugins


def test_no_secret_stands_in_the_configuration(checkout: Path) -> None:
    text = (checkout / "deploy-kit/jenkins/jenkins.yml").read_text()
    values = re.findall(r"(?:password|privateKey): *(.+?)[},\n]", text)
    assert len(values) == 5
    assert all(value.startswith("'${readFile:") for value in values)
