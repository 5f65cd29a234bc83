"""The dashboard, if the region has one: its form lets in whom identity lets in."""

import json

import pytest


@pytest.mark.parametrize(("how", "inside"), [("good", True), ("bad", False)])
def test_login_form_lets_in_whom_identity_knows(region, how, inside):
    if "dashboard" not in region.offered:
        pytest.skip("no node of this environment has the role 'dashboard'")
    outcome = json.loads(region.on_master("on_master_dashboard.py", f"https://{region.front}", how))
    assert outcome == {"form": 200, "inside": inside}
