"""The bases that nodes are copied from: image and base are made if they are missing."""

from __future__ import annotations

import platform
import time
from dataclasses import replace
from pathlib import Path

from rich.markup import escape

from deploykit.base.homes import cache_home
from deploykit.base.process import run
from deploykit.base.progress import Progress, Step
from deploykit.image.build import NEEDED_BYTES, build_image, only_one, workplace
from deploykit.image.inputs import Inputs, inputs_of, served
from deploykit.image.layer import NEEDED_BYTES as LAYER_BYTES
from deploykit.image.layer import Layer, build_layer, image_key, layer_of, refuse_missing
from deploykit.image.overlay import write_metadata
from deploykit.providers.lxd.api import Lxd
from deploykit.providers.lxd.images import ALIAS, find_base, has_image, make_base
from deploykit.site import Site

TRANSFER_TIMEOUT = 300.0  # seconds for an image on its way into LXD or out of it


def ensure_base(
    lxd: Lxd, site: Site, progress: Progress, *, installed: bool, privileged: bool = False
) -> str:
    """The base that nodes are copied from, building what is missing; its name in LXD."""
    key = image_key(site, installed)
    base = find_base(lxd, key, privileged)
    if base:
        return base
    store_image(lxd, site, progress, installed=installed)
    with (
        only_one(cache_home() / "image" / "lock", progress),
        progress.step("base of the nodes" + (" (privileged)" if privileged else "")),
    ):
        return make_base(lxd, key, privileged)


def store_image(lxd: Lxd, site: Site, progress: Progress, *, installed: bool) -> None:
    """Build the node image, or its layer with packages `installed`, unless LXD's store has it.

    A base that is there says nothing of its image: somebody may have deleted that. One build at a
    time per user: a second call waits for the first and finds its image.
    """
    cache = cache_home() / "image"
    cache.mkdir(parents=True, exist_ok=True)
    site.logs.mkdir(parents=True, exist_ok=True)
    layer = layer_of(site) if installed else None
    inputs = layer.base if layer else inputs_of(site)
    if layer:
        refuse_missing(layer)
    with only_one(cache / "lock", progress):
        if has_image(lxd, layer.key if layer else inputs.key):
            return
        if not has_image(lxd, inputs.key):
            for line in inputs.left_out:
                progress.say(f"  not carried into the image: {escape(line)}")
            with progress.step(f"node image {inputs.key}") as step, served(site, inputs) as source:
                _add_image(source, cache, site.logs / "image.log", step)
        if layer:
            title = f"image layer {layer.key}: {len(layer.packages)} packages"
            with progress.step(title) as step, served(site, inputs) as source:
                _add_layer(replace(layer, base=source), cache, site.logs / "layer.log", step)


def _add_image(inputs: Inputs, cache: Path, log: Path, step: Step) -> None:
    """Build the node image and hand it to LXD."""
    with workplace(cache, NEEDED_BYTES) as aside:
        build_image(inputs, cache, aside, log, step)
        _hand_over(aside, inputs.key, log, step)


def _add_layer(layer: Layer, cache: Path, log: Path, step: Step) -> None:
    """Build the layer on the node image as it lies in LXD, and hand it to LXD."""
    with workplace(cache, LAYER_BYTES) as aside:
        step.note("the node image out of LXD")
        run(
            ["lxc", "image", "export", f"{ALIAS}{layer.base.key}", aside / "base",
             "--project", "default"],
            timeout=TRANSFER_TIMEOUT,
            log=log,
        )  # fmt: skip
        build_layer(layer, cache, aside, log, step)
        _hand_over(aside, layer.key, log, step)


def _hand_over(aside: Path, key: str, log: Path, step: Step) -> None:
    """Give aside/root.tar to LXD under `key`."""
    step.note("handing it to LXD")
    write_metadata(aside / "metadata.tar", key, platform.machine(), created=int(time.time()))
    run(
        ["lxc", "image", "import", aside / "metadata.tar", aside / "root.tar",
         "--project", "default", "--alias", f"{ALIAS}{key}"],
        timeout=TRANSFER_TIMEOUT,
        log=log,
    )  # fmt: skip
