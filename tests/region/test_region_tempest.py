"""A region asked by OpenStack's own tests: Debian's tempest, from outside, by tenants it makes.

`deploy-kit/jenkins/step nightly REGION` runs it: DEPLOYKIT_TEMPEST is the file for its results, the
evidence `tempest`. Without it this is left out.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cloud
import pytest
import tempestrun
from cloud import Region
from deploykit.evidence.junit import read_results
from tempestenv import tempest
from tempestrun import Facts
from tinyguest import Guest

pytestmark = pytest.mark.tempest
LEAST = 40  # tests of a smoke selection that found its services


@contextmanager
def ground(region: Region, guest: Guest) -> Iterator[Facts]:
    """What tempest stands on: an image and two flavors, the way out. Nothing of it stays."""
    admin = region.admin()
    name = f"tempest-{uuid.uuid4().hex[:8]}"
    external, made = cloud.external_network(region, admin)
    flavors = [
        admin.compute.create_flavor(name=f"{name}-{size}", ram=96 + size * 32, vcpus=1, disk=1)
        for size in range(2)
    ]
    image = cloud.upload(admin, guest)
    try:
        admin.image.update_image(image, visibility="public")
        yield Facts(
            auth_url=region.auth_url,
            authority=region.authority,
            password=region.admin_password,
            region="RegionOne",
            services={service.type for service in admin.identity.services()},
            image=image,
            flavors=(flavors[0].id, flavors[1].id),
            external=external,
            hypervisors=len(region.with_role("hypervisor")),
            hosts={region.public.host: str(region.public.address)},
        )
    finally:
        admin.image.delete_image(image)
        for flavor in flavors:
            admin.compute.delete_flavor(flavor)
        if made:
            admin.network.delete_network(external)


def test_region_keeps_what_openstack_s_own_tests_ask(
    region: Region, guest: Guest, tmp_path: Path, record_property: Any
) -> None:
    results = Path(os.environ["DEPLOYKIT_TEMPEST"]).resolve()
    with ground(region, guest) as facts:
        passed = tempestrun.run(tempest(), facts, tmp_path, results)
    found = read_results(results)
    record_property("tempest_tests", found.tests)
    record_property("tempest_seconds", round(found.seconds, 1))
    assert passed, found.broken
    assert found.passed >= LEAST
