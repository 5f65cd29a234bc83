"""The commands that docs/jenkins.md shows. (Those of logs.md: test_cli_logs.py; of gate.md:
tests/integration/test_gate_gerrit.py.)"""

from __future__ import annotations

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
