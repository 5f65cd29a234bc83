"""A disk that boots a Linux kernel: GRUB, and one partition that is a tar archive of two files.

Written without root, loop devices or a file system: GRUB reads tar by itself. Its first sector
(boot.img) loads the sectors after it (core.img, which lie before the first partition), as GRUB's
manual says under "BIOS installation" and "Images"; the table of partitions is the one of a PC's
master boot record (four entries of 16 bytes from byte 446).
"""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

# grub-mkimage is linked against the last one.
PACKAGES = ("grub-pc-bin", "grub-common", "libdevmapper1.02.1")
MODULES = ("biosdisk", "part_msdos", "tar", "linux")
SECTOR = 512  # bytes
FIRST = 2048  # sector of the partition; all of GRUB lies before it
ROUNDED = 2048  # sectors: the disk's size is a multiple of 1 MiB
TABLE = 446  # byte of the first sector at which the partition's entry begins
ACTIVE, LINUX = 0x80, 0x83  # flag and type of the partition


def write_boot_disk(
    target: Path, packages: Path, kernel: Path, initrd: Path, command_line: str
) -> None:
    """Write `target`, a raw disk that boots `kernel` with `initrd`.

    `packages` is a folder into which PACKAGES were unpacked.
    """
    core = _core_image(target.with_suffix(".grub"), packages, command_line)
    assert len(core) <= (FIRST - 1) * SECTOR, "GRUB does not fit before the partition"
    boot = (packages / "usr/lib/grub/i386-pc/boot.img").read_bytes()
    with target.open("wb+") as disk:
        disk.seek(FIRST * SECTOR)
        with tarfile.open(fileobj=disk, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            archive.add(kernel, "vmlinuz")
            archive.add(initrd, "initrd.gz")
        sectors = -(-disk.tell() // SECTOR) - FIRST
        disk.truncate(-(-(FIRST + sectors) // ROUNDED) * ROUNDED * SECTOR)
        disk.seek(0)
        # Addresses by cylinder, head and sector stay empty: who boots by them is long gone.
        entry = bytes([ACTIVE, 0, 0, 0, LINUX, 0, 0, 0]) + b"".join(
            number.to_bytes(4, "little") for number in (FIRST, sectors)
        )
        disk.write(boot[:TABLE] + entry + bytes(3 * len(entry)) + b"\x55\xaa" + core)


def _core_image(scratch: Path, packages: Path, command_line: str) -> bytes:
    """GRUB with its modules, and what it does in place of a menu."""
    scratch.mkdir()
    script, core = scratch / "early.cfg", scratch / "core.img"
    script.write_text(
        f"linux (hd0,msdos1)/vmlinuz {command_line}\ninitrd (hd0,msdos1)/initrd.gz\nboot\n"
    )
    done = subprocess.run(
        [
            packages / "usr/bin/grub-mkimage",
            *("--directory", packages / "usr/lib/grub/i386-pc", "--format", "i386-pc"),
            *("--prefix", "(hd0,msdos1)/", "--config", script, "--output", core, *MODULES),
        ],
        env={**os.environ, "LD_LIBRARY_PATH": str(packages / "lib/x86_64-linux-gnu")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"grub-mkimage: {done.stderr[-2000:]}"
    return core.read_bytes()
