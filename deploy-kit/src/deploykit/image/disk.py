"""The node image as a disk that boots by itself, for clouds: the same files with a kernel, GRUB,
and what asks the cloud who this machine is."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path

from deploykit.base import files as written
from deploykit.base.process import run
from deploykit.base.progress import Progress, Step
from deploykit.base.root import as_root
from deploykit.image.build import build_image, only_one, workplace
from deploykit.image.inputs import KEY_LENGTH, Inputs
from deploykit.image.layer import Layer, build_layer
from deploykit.image.overlay import write_tar

FORMAT = 1  # of the disk: raise it when what is made of the same files changes
KERNEL = ("linux-image-cloud-amd64", "initramfs-tools")
PACKAGES = (*KERNEL, "grub-pc-bin", "grub-common", "e2fsprogs", "fdisk")
PARTS = ("disk.sh", "first_boot.py")
FIRST_BOOT = "/usr/lib/deploy-kit/first-boot"
LABEL = "deploy-kit"  # of the root file system
COMMAND_LINE = f"root=LABEL={LABEL} rw net.ifnames=0 console=tty0 console=ttyS0"
UNIT = """\
[Unit]
Description=Ask the cloud who this machine is
After=networking.service
Before=ssh.service deploy-kit-host-keys.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/python3 -I /usr/lib/deploy-kit/first-boot
TimeoutStartSec=300

[Install]
WantedBy=multi-user.target
RequiredBy=ssh.service
"""
DISK_SECONDS = 1200.0
NEEDED_BYTES = 12 * 2**30  # the tree, its tars, the disk
SECTOR = 512
FIRST = 2048  # sector of the one partition; all of GRUB lies before it
TABLE = 446  # byte of the first sector at which the partition's entry begins
ACTIVE, LINUX = 0x80, 0x83  # flag and type of the partition

Served = Callable[[Inputs], AbstractContextManager[Inputs]]


@dataclass(frozen=True, slots=True)
class DiskImage:
    """A disk as it lies in the cache: its key, format (`qcow2` or `raw`), digest of its bytes, and
    the size of the disk that it is, in bytes."""

    key: str
    file: Path
    format: str
    digest: str
    size: int


def disk_key(inputs: Inputs, layer: Layer | None) -> str:
    """The key of the disk of the node image, or of its layer."""
    folder = files("deploykit.image")
    parts = [folder.joinpath(name).read_text(encoding="utf-8") for name in PARTS]
    base = layer.key if layer else inputs.key
    text = json.dumps([FORMAT, base, PACKAGES, COMMAND_LINE, UNIT, parts])
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def ensure_disk(
    inputs: Inputs, layer: Layer | None, cache: Path, log: Path, progress: Progress, served: Served
) -> DiskImage:
    """The disk, built if the cache has none; older ones there are removed.

    `served` yields the inputs with their set of packages. Raises DeployKitError if a step fails.
    """
    key = disk_key(inputs, layer)
    folder = cache / "disks" / key
    with only_one(cache / "lock", progress):
        if not (folder / "disk.json").is_file():
            with (
                progress.step(f"disk of the node image, {key}") as step,
                workplace(cache, NEEDED_BYTES) as aside,
                served(inputs) as source,
            ):
                _build(source, layer, cache, aside, log=log, step=step)
                step.note("disk")
                _keep(_finish(aside, key, log), folder)
        return _read(folder)


def _build(
    inputs: Inputs, layer: Layer | None, cache: Path, aside: Path, *, log: Path, step: Step
) -> None:
    """Make aside/root.tar: the node image with PACKAGES, and those of the layer if there is one."""
    bootable = replace(inputs, packages=(*inputs.packages, *PACKAGES))
    build_image(bootable, cache, aside, log, step)
    if layer is not None:
        (aside / "root.tar").rename(aside / "base.root")
        build_layer(replace(layer, base=bootable), cache, aside, log, step)
        (aside / "base.root").unlink()


def _finish(aside: Path, key: str, log: Path) -> Path:
    """The disk of aside/root.tar, in a folder beside it with what is known of it."""
    own = files("deploykit.image").joinpath("first_boot.py").read_bytes()
    fstab = f"LABEL={LABEL} / ext4 defaults,noatime 0 1\n"
    write_tar(
        aside / "first-boot.tar",
        {
            FIRST_BOOT: own,
            "/etc/systemd/system/deploy-kit-first-boot.service": UNIT.encode(),
            "/etc/fstab": fstab.encode(),
        },
    )
    made = aside / "made"
    made.mkdir()
    with as_file(files("deploykit.image").joinpath("disk.sh")) as script:
        settings = [f"LABEL={LABEL}", f"COMMAND_LINE={COMMAND_LINE}", "LC_ALL=C.UTF-8"]
        words: list[str | Path] = [*as_root(), "env", *settings, "sh", script, aside]
        run(words, timeout=DISK_SECONDS, log=log)
    raw = made / "disk.raw"
    _write_boot_sectors(raw, aside / "boot.img", aside / "core.img")
    file, form = _packed(raw, log)
    digest = _digest(file)
    facts = {"key": key, "file": file.name, "format": form, "digest": digest}
    written.write(made / "disk.json", json.dumps({**facts, "size": raw.stat().st_size}))
    if file != raw:
        raw.unlink()
    return made


def _write_boot_sectors(raw: Path, boot: Path, core: Path) -> None:
    """GRUB before the partition, and the table of partitions: one, to the disk's end."""
    image = core.read_bytes()
    assert len(image) <= (FIRST - 1) * SECTOR, "GRUB does not fit before the partition"
    sectors = raw.stat().st_size // SECTOR - FIRST
    # Addresses by cylinder, head and sector stay empty: who boots by them is long gone.
    entry = bytes([ACTIVE, 0, 0, 0, LINUX, 0, 0, 0]) + b"".join(
        number.to_bytes(4, "little") for number in (FIRST, sectors)
    )
    with raw.open("rb+") as disk:
        disk.write(boot.read_bytes()[:TABLE] + entry + bytes(3 * len(entry)) + b"\x55\xaa" + image)


def _packed(raw: Path, log: Path) -> tuple[Path, str]:
    """The disk as qcow2, if this machine has what makes one: a third of the bytes to send."""
    if shutil.which("qemu-img") is None:
        return raw, "raw"
    file = raw.with_suffix(".qcow2")
    words: list[str | Path] = ["qemu-img", "convert", "-c", "-O", "qcow2", raw, file]
    run(words, timeout=DISK_SECONDS, log=log)
    return file, "qcow2"


def _keep(made: Path, folder: Path) -> None:
    """What was made takes the place of all disks before it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for older in folder.parent.iterdir():
        shutil.rmtree(older, ignore_errors=True)
    made.rename(folder)


def _read(folder: Path) -> DiskImage:
    facts = json.loads((folder / "disk.json").read_text(encoding="utf-8"))
    return DiskImage(
        facts["key"], folder / facts["file"], facts["format"], facts["digest"], facts["size"]
    )


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
