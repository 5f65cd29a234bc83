"""The image layer: the node image with the content's packages installed, never configured.

For environments with `packages: installed`. It is an image of its own under a key of its own,
made of the node image's files, so that whatever keeps images knows it like any other.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from deploykit.base.errors import CommandFailed, DeployKitError, InputError
from deploykit.base.process import run
from deploykit.base.progress import Step
from deploykit.base.root import as_root
from deploykit.image.build import SOURCES_FILE, image_options
from deploykit.image.inputs import KEY_LENGTH, SUITE, Inputs, inputs_of
from deploykit.logs.signatures import recognise, shipped
from deploykit.mirror.sources import render_sources
from deploykit.site import Site
from deploykit.site.content import read_content

FORMAT = 1  # of the layer: raise it when what is made of the same packages changes
SCRIPT = "layer.sh"
OWN = "own.sources"  # of the image: what its nodes have until day 0
NEEDED_BYTES = 9 * 2**30  # the tree, its tar, and LXD's copy
LAYER_TIMEOUT = 1800.0


@dataclass(frozen=True, slots=True)
class Layer:
    """The node image that a layer is made of, and the packages on top.

    `suites` are those that they come from; without any, all that the image has sources of.
    """

    base: Inputs
    packages: tuple[str, ...]
    suites: tuple[str, ...] = ()

    @property
    def held(self) -> tuple[str, ...]:
        """The suites that the image has sources of, but no package comes from. A set of packages is
        of the content's suites alone."""
        if self.base.mirror:
            return ()
        there = {source.suite for source in self.base.sources}
        return tuple(sorted(there - set(self.suites))) if self.suites else ()

    @property
    def key(self) -> str:
        script = files("deploykit.image").joinpath(SCRIPT).read_text(encoding="utf-8")
        text = json.dumps([FORMAT, self.base.key, self.packages, script, self.held])
        return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def layer_of(site: Site) -> Layer:
    """Today's layer for the site: the packages of every component of its working copy."""
    content = read_content(site.content)
    return Layer(inputs_of(site), content.packages(), content.suites)


def current_images(site: Site) -> dict[str, str]:
    """What today's images are, by key; the layer only if the site has content beside it."""
    images = {inputs_of(site).key: "nodes"}
    if (site.content / "roles.yml").is_file():
        images[layer_of(site).key] = "nodes, packages installed"
    return images


def image_key(site: Site, installed: bool) -> str:
    """The key of the image that nodes of an environment are made of now."""
    return layer_of(site).key if installed else inputs_of(site).key


def refuse_missing(layer: Layer) -> None:
    """Raise InputError if packages shall come from a suite that the image has no source of; for a
    set of packages that was asked when it was made."""
    if layer.base.mirror:
        return
    missing = sorted(set(layer.suites) - {source.suite for source in layer.base.sources})
    if missing:
        raise InputError(
            f"this host has no source of {', '.join(missing)}, which salt/pillar/vendor.sls names",
            "\n".join(("add one to /etc/apt/sources.list.d", *layer.base.left_out)),
        )


def build_layer(layer: Layer, cache: Path, aside: Path, log: Path, step: Step) -> None:
    """Make aside/root.tar of aside/base.root, the files of the node image, and the packages.

    Raises DeployKitError that names the package that failed.
    """
    sources = aside / "deploy-kit.sources"
    sources.write_text(render_sources(layer.base.made_of), encoding="utf-8")
    (aside / OWN).write_text(render_sources(layer.base.sources), encoding="utf-8")
    archive = cache / "archive"
    archive.mkdir(exist_ok=True)

    def tell(line: str) -> None:
        if line.startswith("layer: "):
            step.note(line.removeprefix("layer: ").strip())

    with as_file(files("deploykit.image").joinpath(SCRIPT)) as script:
        result = run(
            mmdebstrap(layer, aside, archive, script),
            timeout=LAYER_TIMEOUT,
            log=log,
            on_line=tell,
            check=False,
        )
    if result.returncode != 0:
        raise failure(result.stdout + result.stderr, log)


def mmdebstrap(layer: Layer, aside: Path, archive: Path, script: Path) -> list[str | Path]:
    """The call that makes aside/root.tar of aside/base.root and the layer's packages."""
    unpack = (
        'tar --extract --directory "$1" --numeric-owner --xattrs --xattrs-include="*" '
        f"--exclude=./dev/* --exclude=./var/cache/apt/archives/*.deb --file {aside / 'base.root'}"
    )
    # Two gigabytes are unpacked: not where /tmp may be memory.
    settings = [f"PACKAGES={' '.join(layer.packages)}", f"HELD={' '.join(layer.held)}"]
    settings += [f"ARCHIVE={archive}", f"TMPDIR={aside}"]
    words: list[str | Path] = [*as_root(), "env", *settings, "LC_ALL=C.UTF-8", "mmdebstrap"]
    words += ["--mode=root"]
    words += ["--variant=custom", "--format=tar"]
    words += ["--skip=update,cleanup/apt/lists,cleanup/apt/cache"]
    words += image_options(layer.base)
    if layer.base.mirror:  # the image's own sources, which it was not made of, come back at the end
        unpack += f" --exclude=.{SOURCES_FILE}"
    words += [f"--setup-hook={unpack}", f'--customize-hook=sh {script} "$1"']
    if layer.base.mirror:
        words += [f"--customize-hook=upload {aside / OWN} {SOURCES_FILE}"]
    return [*words, SUITE, aside / "root.tar", aside / "deploy-kit.sources"]


def failure(output: str, log: Path) -> DeployKitError:
    """The error of a layer that could not be made: the package that failed, if one is named."""
    remedy = f"the whole log: {log}\n'deploy-kit image build --layer' goes on with what it has"
    if blamed := next(recognise(output, shipped("packages.yml")), None):
        return DeployKitError(f"the image layer: {blamed.told}", remedy)
    tail = "\n".join(output.strip().splitlines()[-8:])
    return CommandFailed(f"the image layer could not be made:\n{tail}", remedy)
