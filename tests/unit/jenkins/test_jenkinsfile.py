"""The Jenkinsfile, executed: its `sh` steps run for real on a small site.

Real: the file, the Groovy that Jenkins gives it, git, `deploy-kit/jenkins/step`,
`deploy-kit release cut` and `policy approvals`, the ledger and the push of the pins. A recorder
stands in for what needs nodes: `deploy-kit train`, and `.ci/run`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mavenjars
import pytest
from ledgerbook import make_key
from sitecheckout import Checkout, make_checkout

pytestmark = [pytest.mark.java, pytest.mark.timeout(900)]
SUPPORT = Path(__file__).parents[2] / "support"
OPENED = (
    "lang lang.reflect lang.invoke util util.stream util.function util.regex util.concurrent "
    "io net text"
)
KIT = """#!/bin/sh
# deploy-kit, but for what needs nodes: that is only written down.
case $1 in
    train)
        echo "$* with $(cat "$DEPLOY_KIT_KEY" | wc -l) lines of key" >>"$CALLS"
        case "$*" in *"--to $BROKEN") echo "error: $BROKEN is refused" >&2; exit 1 ;; esac ;;
    *) exec {program} --site deploy-kit "$@" ;;
esac
"""
CI = 'mkdir -p logs\necho "ci, key: ${DEPLOY_KIT_KEY:-none}" >>"$CALLS"\n'
CI += "echo '<testsuite/>' >logs/fast.xml\necho ok >logs/test.log\n"


@dataclass
class Jenkins:
    """A bare repository with a small site, and what runs of the Jenkinsfile did with it."""

    folder: Path
    origin: Path
    key: Path
    jars: Path
    checkout: Checkout

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def versions(self) -> list[str]:
        """The releases that are on the branch main of the origin."""
        words = ["git", "-C", self.origin, "ls-tree", "--name-only", "main", "deploy-kit/releases/"]
        told = subprocess.run(words, capture_output=True, text=True, timeout=20, check=True)
        return [Path(line).stem for line in told.stdout.splitlines()]

    def run(self, answer: str = "Go", broken: str = "none", **parameters: str) -> list[Any]:
        """One build; gives its events."""
        kit = self.folder / "kit"
        kit.write_text(KIT.format(program=Path(sys.executable).with_name("deploy-kit")))
        kit.chmod(0o755)
        number = len(list(self.folder.glob("build-*")))
        folder = self.folder / f"build-{number}"
        folder.mkdir()
        who = {"GIT_AUTHOR_NAME": "Bot", "GIT_AUTHOR_EMAIL": "bot@ci"}
        who |= {"GIT_COMMITTER_NAME": "Bot", "GIT_COMMITTER_EMAIL": "bot@ci"}
        plan = {
            "file": str(self.folder / "Jenkinsfile"),
            "origin": str(self.origin),
            "folder": str(folder),
            "answer": answer,
            "parameters": {"RELEASE": "", "NOTIFY": "ops@example.org", **parameters},
            "credentials": {"deploy-kit-signing-key": str(self.key)},
            "environment": {
                **who,
                "KIT": str(kit),
                "CALLS": str(self.folder / "calls"),
                "BROKEN": broken,
                "HOME": str(self.folder),
                "XDG_STATE_HOME": str(self.folder / "state"),
                "XDG_CACHE_HOME": str(self.folder / "cache"),
            },
        }
        (folder / "plan.json").write_text(json.dumps(plan))
        opened = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in OPENED.split()]
        jars = ":".join(str(file) for file in sorted(self.jars.glob("*.jar")))
        script = SUPPORT / "pipeline" / "Run.groovy"
        done = subprocess.run(
            [
                *("java", "-XX:TieredStopAtLevel=1", *opened, "-cp", jars, "groovy.ui.GroovyMain"),
                *(str(script), str(folder / "plan.json")),
            ],
            capture_output=True,
            text=True,
            timeout=600,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
        )
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        lines = [line for line in done.stdout.splitlines() if line.startswith("EVENT ")]
        return [json.loads(line.removeprefix("EVENT ")) for line in lines]


def told(events: list[Any], name: str) -> list[Any]:
    return [event[name] for event in events if name in event]


def stage_events(events: list[Any]) -> dict[str, set[str]]:
    """The kinds of events by stage; the options that it declares count as some."""
    kinds: dict[str, set[str]] = {}
    stage = ""
    for event in events:
        if "stage" in event:
            stage = event["stage"]
            kinds[stage] = {kind for option in event["options"] for kind in option}
        elif stage:
            kinds[stage] |= set(event)
    return kinds


@pytest.fixture(scope="module")
def jars() -> Path:
    if shutil.which("java") is None:
        pytest.skip("there is no Java: deploy-kit/setup --tests installs it")
    return mavenjars.jars(SUPPORT / "jenkinspipeline.lock")


@pytest.fixture
def jenkins(tmp_path: Path, checkout: Path, jars: Path) -> Jenkins:
    made = make_checkout(tmp_path)
    site = made.folder / "deploy-kit"
    production = site / "environments" / "production.yml"
    production.write_text(f"{production.read_text()}  approvals: 1\n")
    key = make_key(tmp_path / "keys", "bot@ci").file
    genesis = begin_ledger(tmp_path / "ledger.git", site, key)
    place = f"{{url: {tmp_path / 'ledger.git'}, genesis: {genesis}}}"
    (site / "site.yml").write_text(f"name: trial\nledger: {place}\n")
    shutil.copytree(checkout / "deploy-kit" / "jenkins", site / "jenkins")
    (made.folder / ".ci").mkdir()
    (made.folder / ".ci" / "run").write_text(f"#!/bin/sh\nset -eu\n{CI}")
    (made.folder / ".ci" / "run").chmod(0o755)
    (made.folder / ".gitignore").write_text("/logs\n/train.version*\n/release.json\n")
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "a site")
    origin = tmp_path / "origin.git"
    made.git("clone", "-q", "--bare", str(made.folder), str(origin))
    shutil.copy(checkout / "Jenkinsfile", tmp_path / "Jenkinsfile")
    # As Jenkins hands a key out: the private half alone.
    key.with_name(f"{key.name}.pub").unlink()
    return Jenkins(tmp_path, origin, key, jars, made)


def begin_ledger(ledger: Path, site: Path, key: Path) -> str:
    """Begin the ledger as its admin does, on another machine; returns the commit to trust."""
    (site / "site.yml").write_text(f"name: trial\nledger: {ledger}\n")
    subprocess.run(["git", "init", "-q", "--bare", str(ledger)], check=True, timeout=20)
    as_admin(site, key, "ledger", "signers")
    words = ["git", "-C", str(ledger), "rev-list", "--max-parents=0", "ledger"]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=20).stdout[:40]


def as_admin(site: Path, key: Path, *words: str) -> None:
    """Call deploy-kit with a state folder that is not the builds'."""
    state = {"DEPLOY_KIT_KEY": str(key), "XDG_STATE_HOME": str(key.parent / "admin")}
    subprocess.run(
        [Path(sys.executable).with_name("deploy-kit"), "--site", site, *words],
        env={**os.environ, **state},
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )


def test_release_is_cut_pushed_and_carried_to_production_after_a_go(jenkins: Jenkins) -> None:
    events = jenkins.run()
    assert told(events, "result") == ["SUCCESS"], events
    (version,) = jenkins.versions()
    lines = len(jenkins.key.read_text().splitlines())
    assert jenkins.calls == [
        "ci, key: none",
        *(
            f"train {version} --to {name} with {lines} lines of key"
            for name in ("test", "staging", "production")
        ),
    ]
    (asked,) = told(events, "input")
    assert "one more approval is needed for production" in asked["message"]
    assert asked["submitter"] == "deploy-kit-production"
    assert told(events, "stage") == ["ci", "cut", "test", "staging", "approval", "production"]
    assert told(events, "locked") == told(events, "unlocked")
    assert told(events, "locked") == [
        f"deploy-kit-{name}" for name in ("test", "staging", "production")
    ]
    within = stage_events(events)
    assert "agent" not in within["approval"], "an agent would wait for days"
    assert all("timeout" in limits for limits in within.values()), within
    assert told(events, "junit") == [["logs/fast.xml"]]
    assert told(events, "archived") == [
        ["logs/fast.xml", "logs/test.log"],
        [f"deploy-kit/releases/{version}.yml", "train.version"],
    ]
    assert told(events, "mail") == []


def test_no_at_the_approval_keeps_the_release_out_of_production(jenkins: Jenkins) -> None:
    events = jenkins.run(answer="abort")
    assert told(events, "result") == ["ABORTED"]
    assert [line.split()[3] for line in jenkins.calls[1:]] == ["test", "staging"]
    assert told(events, "mail")[0]["subject"] == "train 7: ABORTED"


def test_failing_stage_stops_the_rest_and_is_told(jenkins: Jenkins) -> None:
    events = jenkins.run(broken="staging")
    assert told(events, "result") == ["FAILURE"]
    assert [line.split()[3] for line in jenkins.calls[1:]] == ["test", "staging"]
    assert told(events, "stage")[-1] == "staging"
    assert told(events, "input") == []
    (mail,) = told(events, "mail")
    assert (mail["to"], mail["subject"]) == ("ops@example.org", "train 7: FAILURE")


def test_release_that_lacks_no_approval_is_not_asked_about(jenkins: Jenkins) -> None:
    production = jenkins.checkout.folder / "deploy-kit/environments/production.yml"
    text = production.read_text().replace("  approvals: 1\n", "")
    jenkins.checkout.change(text, "deploy-kit/environments/production.yml")
    jenkins.checkout.git("push", "-q", str(jenkins.origin), "main")
    as_admin(jenkins.checkout.folder / "deploy-kit", jenkins.key, "policy", "apply", "--yes")
    first = jenkins.run(NOTIFY="")
    assert told(first, "skipped") == ["approval"]
    (version,) = jenkins.versions()
    second = jenkins.run(RELEASE=version)
    assert told(second, "result") == ["SUCCESS"]
    assert jenkins.versions() == [version], "a release that was named is carried, not cut anew"
    assert [line.split()[1] for line in jenkins.calls if line.startswith("train")] == [version] * 6
