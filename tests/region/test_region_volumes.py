"""Volumes: what a tenant can do with them, what it is refused, and that they go when deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import openstack.exceptions
import pytest
from cloud import Region, Tenant, wait

pytestmark = pytest.mark.volumes
SECONDS = 120  # for anything that a node does to a volume
Make = Callable[..., Any]


@pytest.fixture
def make(someone: Tenant) -> Iterator[Make]:
    """Makes volumes of 1 GiB and waits until they are there; they go after the test."""
    api = someone.cloud.block_storage
    made = []

    def one(name: str, **more: Any) -> Any:
        made.append(api.create_volume(name=name, size=1, **more))
        return api.wait_for_status(made[-1], "available", interval=1, wait=SECONDS)

    yield one
    for volume in reversed(made):
        with suppress(openstack.exceptions.NotFoundException):
            api.delete_volume(volume)
            api.wait_for_delete(volume, interval=1, wait=SECONDS)


def traces(region: Region, name: str) -> list[str]:
    """Logical volumes and targets of a volume's id on the nodes that keep volumes."""
    look = "lvs --noheadings -o lv_name; tgtadm --lld iscsi --op show --mode target"
    return [
        f"{host.name}: {line.strip()}"
        for host in region.with_role("volume")
        for line in region.on(host.name, look).splitlines()
        if name in line
    ]


def test_every_service_of_volumes_is_up(region: Region) -> None:
    found = {(one.binary, one.host): one.state for one in region.admin().block_storage.services()}
    keepers = {("cinder-volume", f"{host.name}@lvm") for host in region.with_role("volume")}
    schedulers = {("cinder-scheduler", host.name) for host in region.with_role("volume-api")}
    assert set(found) == keepers | schedulers
    assert set(found.values()) == {"up"}


def test_volume_of_an_image_can_be_booted_from(someone: Tenant, make: Make) -> None:
    assert make("of-an-image", image_id=someone.image).is_bootable


def test_snapshot_becomes_a_volume(someone: Tenant, make: Make) -> None:
    api = someone.cloud.block_storage
    snapshot = api.create_snapshot(name="kept", volume_id=make("origin").id)
    try:
        api.wait_for_status(snapshot, "available", interval=1, wait=SECONDS)
        assert make("copy", snapshot_id=snapshot.id).snapshot_id == snapshot.id
    finally:
        for volume in api.volumes(name="copy"):
            api.delete_volume(volume)
            api.wait_for_delete(volume, interval=1, wait=SECONDS)
        api.delete_snapshot(snapshot)
        api.wait_for_delete(snapshot, interval=1, wait=SECONDS)


def test_volume_in_use_cannot_be_deleted(pair: Any, make: Make) -> None:
    cloud = pair.tenant.cloud
    volume = make("in-use")
    cloud.compute.create_volume_attachment(pair.second, volume_id=volume.id)
    try:
        cloud.block_storage.wait_for_status(volume, "in-use", interval=1, wait=SECONDS)
        with pytest.raises(openstack.exceptions.BadRequestException, match="in-use"):
            cloud.block_storage.delete_volume(volume, ignore_missing=False)
    finally:
        cloud.compute.delete_volume_attachment(pair.second, volume.id)
        cloud.block_storage.wait_for_status(volume, "available", interval=1, wait=SECONDS)


def test_volume_past_the_quota_is_refused(someone: Tenant) -> None:
    admin = someone.admin.block_storage
    admin.update_quota_set(someone.project, volumes=0)
    try:
        with pytest.raises(openstack.exceptions.HttpException, match=r"[Qq]uota|exceeded"):
            someone.cloud.block_storage.create_volume(name="too-many", size=1)
    finally:
        admin.update_quota_set(someone.project, volumes=10)


def test_deleted_volume_leaves_nothing_on_its_node(
    region: Region, someone: Tenant, make: Make
) -> None:
    volume = make("passing")
    assert traces(region, volume.id)
    someone.cloud.block_storage.delete_volume(volume)
    someone.cloud.block_storage.wait_for_delete(volume, interval=1, wait=SECONDS)
    assert wait(lambda: not traces(region, volume.id), 30), traces(region, volume.id)
