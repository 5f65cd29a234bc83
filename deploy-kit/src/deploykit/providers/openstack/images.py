"""The node image in a cloud: uploaded once for each digest, found by its mark."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from deploykit.base.progress import Progress
from deploykit.image.disk import DiskImage
from deploykit.providers.openstack.cloud import Busy, Cloud

KEY = "deploykit_image"  # property: the key of what it is made of
DIGEST = "deploykit_digest"  # property: the SHA-256 of its bytes
CHUNK = 2**20
SETTLE_SECONDS = 600.0  # for a cloud to check what it was sent
PAUSE = 2.0
MIB, GIB = 2**20, 2**30


def find_image(cloud: Cloud, key: str) -> dict[str, Any] | None:
    """The image of that key that can be used; None if there is none."""
    usable = [one for one in _ours(cloud, key) if one["status"] == "active"]
    return min(usable, key=lambda one: (one["created_at"], one["id"]), default=None)


def ensure_image(cloud: Cloud, key: str, build: Callable[[], DiskImage], progress: Progress) -> str:
    """The id of the image of `key`, built and uploaded if the cloud has none.

    What an upload that was cut off left is removed first.
    """
    found = find_image(cloud, key)
    if found is not None:
        return str(found["id"])
    image = build()
    for left in _ours(cloud, key):
        if left["status"] in ("queued", "saving", "killed"):
            cloud.remove("image", left["id"])
    title = f"cloud {cloud.name}: image {key}: {image.file.stat().st_size / MIB:.0f} MiB"
    with progress.step(title) as step:
        id = _begin(cloud, image)
        step.note("upload")
        cloud.upload(f"/images/{id}/file", _chunks(image.file, step.note))
        _wait_until_active(cloud, id)
    return id


def remove_images(cloud: Cloud, keys: frozenset[str]) -> None:
    """Remove the images of `keys`."""
    for key in keys:
        for image in _ours(cloud, key):
            cloud.remove("image", image["id"])


def _begin(cloud: Cloud, image: DiskImage) -> str:
    """Its record, with the mark; the bytes follow."""
    body = {
        "name": f"deploy-kit-node-{image.key}",
        "disk_format": image.format,
        "container_format": "bare",
        "visibility": "private",
        "min_disk": -(-image.size // GIB),
        "hw_rng_model": "virtio",  # keys are made at first starts
        KEY: image.key,
        DIGEST: image.digest,
    }
    while True:
        try:
            return str(cloud.make("image", body)["id"])
        except Busy:
            for left in _ours(cloud, image.key):  # it may have been made all the same
                cloud.remove("image", left["id"])


def _wait_until_active(cloud: Cloud, id: str) -> None:
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        image = cloud.find("image", id)
        if image is None or image["status"] in ("killed", "deleted"):
            raise cloud.error("it dropped the image that it was sent", "run it again")
        if image["status"] == "active":
            return
        if time.monotonic() > end:
            raise cloud.error(f"the image {id} is still {image['status']}", "run it again later")
        time.sleep(PAUSE)


def _ours(cloud: Cloud, key: str) -> list[dict[str, Any]]:
    """This project's images of that key, whatever their state."""
    images = cloud.list("image", **{KEY: key}, owner=cloud.project)
    return [one for one in images if one.get(KEY) == key]


def _chunks(file: Path, note: Callable[[str], None]) -> Iterator[bytes]:
    sent, size = 0, max(1, file.stat().st_size)
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk
            sent += len(chunk)
            note(f"upload {100 * sent // size} %")
