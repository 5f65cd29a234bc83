"""The node image of a site as a disk: which one, and built when it is missing."""

from __future__ import annotations

from functools import partial

from deploykit.base.homes import cache_home
from deploykit.base.progress import Progress
from deploykit.image.disk import DiskImage, disk_key, ensure_disk
from deploykit.image.inputs import inputs_of, served
from deploykit.image.layer import Layer, layer_of, refuse_missing
from deploykit.site import Site

# Bytes of a node's disk that are taken for as long as the disk was not built: then it is measured.
USUAL_DISK = 4 * 2**30


def key_of(site: Site, *, installed: bool) -> str:
    """The key of the disk that nodes are made of now."""
    layer = _layer(site, installed)
    return disk_key(layer.base if layer else inputs_of(site), layer)


def build_disk(site: Site, progress: Progress, *, installed: bool) -> DiskImage:
    """The disk, built if this machine's cache has none."""
    layer = _layer(site, installed)
    if layer is not None:
        refuse_missing(layer)
    cache = cache_home() / "image"
    cache.mkdir(parents=True, exist_ok=True)
    site.logs.mkdir(parents=True, exist_ok=True)
    inputs = layer.base if layer else inputs_of(site)
    return ensure_disk(
        inputs, layer, cache, site.logs / "disk.log", progress, partial(served, site)
    )


def _layer(site: Site, installed: bool) -> Layer | None:
    return layer_of(site) if installed else None
