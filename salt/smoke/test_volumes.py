"""Volumes, if the region has them: one is made, and goes when deleted; its services are up."""

import json

import pytest


def test_volume_is_made_and_deleted_where_a_node_keeps_them(region):
    if "volumev3" not in region.catalogued:
        pytest.skip("no node of this environment has the role 'volume-api'")
    keepers = region.with_role("volume")
    outcome = json.loads(region.on_master("on_master_volume.py", region.identity_url))
    up = [["cinder-scheduler", name] for name in region.with_role("volume-api")]
    up += [["cinder-volume", f"{name}@lvm"] for name in keepers]
    # Without a node that keeps volumes the scheduler itself says so.
    became = "available" if keepers else "error"
    assert outcome == {"down": [], "up": sorted(up), "became": became, "left": False}
