"""A region that stands, brought to another release; its instances notice nothing.

`deploy-kit/jenkins/step nightly REGION` runs it: DEPLOYKIT_REGION names the region,
DEPLOYKIT_RELEASE the release. Without the latter it is left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cloud
import pytest
from cloud import LOSS_PER_CENT, Region, Tenant, guests, pinging

pytestmark = pytest.mark.nightly
UPGRADE_TIMEOUT = 3600.0  # seconds


def test_newest_release_comes_in_and_an_instance_notices_nothing(
    region: Region, someone: Tenant, checkout: Path, record_property: Any
) -> None:
    address = someone.settle("nightly", "192.168.60.0/24")
    which, before = cloud.named(checkout), guests(region)
    program = Path(sys.executable).with_name("deploy-kit")
    words = ["deploy", os.environ["DEPLOYKIT_RELEASE"], which.name]
    with pinging(region, address) as pings:
        done = subprocess.run(
            [program, "--site", which.site, *words],
            capture_output=True,
            text=True,
            timeout=UPGRADE_TIMEOUT,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    record_property("pings", pings.sent)
    record_property("lost_per_cent", pings.lost_per_cent)
    assert pings.lost_per_cent <= LOSS_PER_CENT, pings
    assert guests(region) == before
