"""Images, if the region has them: what is uploaded comes back whole, and goes when deleted."""

import json

import pytest


def test_image_is_kept_given_back_and_deleted(region):
    if "image" not in region.catalogued:
        pytest.skip("no node of this environment has the role 'image'")
    words = (region.identity_url, region.catalogued["image"])
    outcome = json.loads(region.on_master("on_master_image.py", *words))
    assert outcome == {"created": "queued", "status": "active", "same": True, "left": False}
