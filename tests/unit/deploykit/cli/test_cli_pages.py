"""The commands that docs/jenkins.md shows, and those of docs/gate.md that need neither a gate nor
pods. (Those: tests/integration/test_gate_gerrit.py and test_cli_pod_run.py; of logs.md:
test_cli_logs.py.)"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from consoledoc import commands
from deploykit.ledger import Ledger
from deploykit.release.cutting import cut
from deploykit.site.keys import Key
from ledgerbook import Call
from sitecheckout import Checkout

ELSEWHERE = ["jenkins-jobs"]  # run by tests/unit/jenkins/test_jenkins_jobs.py


def test_every_command_of_the_page_of_jenkins_works_as_shown(
    checkout: Path, checkout_with_site: Checkout, ann: Key, call: Call
) -> None:
    site = checkout_with_site.site
    cut(site, Ledger.open(site, ann), commit=False)
    checkout_with_site.change("{}\n", "salt/states/mended.sls")
    message = "Mend it\n\nCloses-Bug: #1572495"
    checkout_with_site.git("commit", "-q", "--amend", "-m", message)
    cut(site, Ledger.open(site, ann), commit=False)
    page = (checkout / "docs/jenkins.md").read_text()
    shown = [shlex.split(one.command) for one in commands(page)]
    assert [words[0] for words in shown if words[0] != "deploy-kit"] == ELSEWHERE
    said = {}
    for program, *words in shown:
        if program == "deploy-kit":
            status, out, err = call(*words)
            assert status == 0, (words, out, err)
            said[tuple(words[:2])] = out
    assert len(said) == 8
    assert "try-1" in said["job", "list"]
    assert "closes it; runs nowhere" in said["bugs", "1572495"]


def test_every_other_command_of_the_page_of_the_gate_works(
    checkout: Path, checkout_with_site: Checkout, ann: Key, call: Call
) -> None:
    page = (checkout / "docs/gate.md").read_text()
    shown = dict.fromkeys(re.findall(r"`deploy-kit ([^`]+)`", page))
    mine = [text.split() for text in shown if text.split()[0] not in ("gate", "pod")]
    assert {" ".join(words[:2]) for words in mine} == {
        "release cut", "logs show", "unhold test", "ledger signers"
    }  # fmt: skip
    assert call("hold", "test", "--reason", "fails as merged")[0] == 0
    log = checkout_with_site.folder / "a.log"
    log.write_text("sesame\n")
    assert call("logs", "add", "a-job", str(log), "--failed")[0] == 0
    run = re.search(r"\S+-a-job\S*", call("logs", "list")[1])
    assert run is not None
    said = {}
    for words in mine:
        status, out, err = call(*(run[0] if word == "RUN" else word for word in words))
        assert status == 0, (words, out, err)
        said[words[0]] = out
    assert "sesame" in said["logs"]
    makes = set(re.findall(r"`make ([^` ]+)`", page))
    targets = re.findall(r"^([a-z-]+):", (checkout / "Makefile").read_text(), re.MULTILINE)
    assert makes <= set(targets)
