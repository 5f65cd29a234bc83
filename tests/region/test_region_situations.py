"""The commands of docs/situations.md, on a region that is well."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from cloud import Region
from railway import Railway
from situations import blocks

# `evidence gather alerts` waits for what pends.
DEPLOY_KIT_TIMEOUT, NODE_TIMEOUT = 900.0, 60.0  # seconds


def test_every_command_of_the_situations_works_as_shown(
    own: Railway, region: Region, checkout: Path
) -> None:
    nodes = {host.name for host in region.inventory.hosts}
    if not {"controller", "compute1"} <= nodes:
        pytest.skip("the guide speaks of a region with one controller")
    here = region.inventory.environment.name
    shown = [
        line
        for block in blocks(checkout / "docs" / "situations.md")
        if block.language == "console"
        for line in block.lines
    ]
    assert len(shown) > 15
    own("database", "backup", here)  # those that list backups expect one
    for line in shown:
        if line.node:
            status, said = region.try_on(line.node, line.words, timeout=NODE_TIMEOUT)
            assert status == 0, f"{line.node}# {line.words}\n{said}"
        else:
            words = [here if word == "production" else word for word in shlex.split(line.words)]
            own(*words, timeout=DEPLOY_KIT_TIMEOUT)
