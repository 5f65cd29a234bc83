"""Stacks, if the region has them: one is made, and goes when deleted; every engine is up."""

import json

import pytest


def test_stack_is_made_and_deleted(region):
    if "orchestration" not in region.catalogued:
        pytest.skip("no node of this environment has the role 'orchestration'")
    outcome = json.loads(region.on_master("on_master_stack.py", region.identity_url))
    assert outcome == {
        "up": sorted(region.with_role("orchestration")),
        "became": "CREATE_COMPLETE",
        "left": False,
    }
