"""A guest that is up in seconds without hardware help: Debian's cloud kernel and a busybox.

Built on this machine from packages of Debian, kept in the cache by the version of its kernel.
What it finds out (address, metadata) it writes to its console; over HTTP it says its name, and runs
what the tests need to see from inside: /cgi-bin/ping?ADDRESS, /cgi-bin/disks.

It is a whole disk, as the images of real tenants are: nova boots a separate kernel too, but refuses
to fetch it again when the instance moves to another hypervisor ("Image content does not match
disk_format" in nova/virt/images.py, as Debian 12 has it).
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import bootdisk
from deploykit.base.filelock import locked
from deploykit.base.homes import cache_home

FORMAT = 3  # of what is built here; part of its name in the cache
KERNEL = "linux-image-cloud-amd64"
BUSYBOX = "busybox-static"
MODULES = ("virtio_pci", "virtio_net", "virtio_blk")
COMMAND_LINE = "console=ttyS0 rdinit=/init quiet loglevel=4 mitigations=off"

LEASE = """#!/bin/busybox sh
case $1 in bound|renew)
  busybox ip addr flush dev $interface
  busybox ip addr add $ip/$mask dev $interface
  [ -z "$mtu" ] || busybox ip link set dev $interface mtu $mtu
  for one in $router; do busybox ip route add default via $one; done
  set -- $staticroutes
  while [ $# -ge 2 ]; do busybox ip route add $1 via $2; shift 2; done
esac
"""
# busybox' wget crashes where it is linked statically: metadata is asked for by nc.
INIT = r"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev
exec >/dev/console 2>&1
for module in $(cat /modules/order); do insmod /modules/$module.ko; done
ip link set lo up
for i in 1 2 3 4 5 6 7 8 9 10; do [ -e /sys/class/net/eth0 ] && break; sleep 0.3; done
ip link set eth0 up
udhcpc -i eth0 -s /lease -q -n -t 30 -T 2 -O mtu -O staticroutes
echo "GUEST ip $(ip -4 -o addr show eth0 | sed 's/.*inet \([0-9.]*\).*/\1/')"
echo "GUEST mtu $(cat /sys/class/net/eth0/mtu)"
for key in instance-id local-ipv4 hostname; do
  request="GET /latest/meta-data/$key HTTP/1.0\r\nHost: 169.254.169.254\r\n\r\n"
  for i in 1 2 3 4 5; do
    answer=$(printf "$request" | nc -w 10 169.254.169.254 80)
    case $answer in *" 200 "*) break;; esac
    sleep 1
  done
  echo "GUEST $key $(echo "$answer" | tail -n 1)"
done
httpd -p 80 -h /www
echo "GUEST ready"
while :; do sleep 3600; done
"""
PING = """#!/bin/sh
printf 'Content-Type: text/plain\\n\\n'
case $QUERY_STRING in *[!0-9.]*|'') echo refused; exit;; esac
ping -c 3 -W 2 "$QUERY_STRING" 2>&1
"""
DISKS = """#!/bin/sh
printf 'Content-Type: text/plain\\n\\n'
cat /proc/partitions
"""


@dataclass(frozen=True, slots=True)
class Guest:
    """The guest's raw disk."""

    disk: Path


def tiny_guest() -> Guest:
    """The guest, built when the cache has none of the packages' versions."""
    kernel = _dependency(KERNEL)
    folder = cache_home() / "tests" / f"guest-{FORMAT}-{kernel}"
    guest = Guest(folder / "disk.raw")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_suffix(".lock"), timeout=300):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                _build(Path(scratch), kernel)
                (Path(scratch) / "guest").rename(folder)
    return guest


def _build(scratch: Path, kernel: str) -> None:
    for package in (kernel, BUSYBOX, *bootdisk.PACKAGES):
        _run("apt-get", "-q", "download", package, cwd=scratch)
    for file in list(scratch.glob("*.deb")):
        _run("dpkg-deb", "-x", file.name, "tree", cwd=scratch)
    root = scratch / "root"
    for name in ("bin", "dev", "proc", "sys", "modules", "www/cgi-bin", "tmp"):
        (root / name).mkdir(parents=True)
    shutil.copy(scratch / "tree/bin/busybox", root / "bin/busybox")
    _modules(scratch / "tree", root / "modules")
    texts = {"init": INIT, "lease": LEASE, "www/cgi-bin/ping": PING, "www/cgi-bin/disks": DISKS}
    for name, text in texts.items():
        (root / name).write_text(text)
        (root / name).chmod(0o755)
    (root / "www/index.html").write_text("tiny guest\n")
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    busybox = str(root / "bin/busybox")
    archive = subprocess.run(
        [busybox, "cpio", "-o", "-H", "newc"],
        input=names.encode(),
        cwd=root,
        capture_output=True,
        timeout=60,
        check=True,
    ).stdout
    initrd = scratch / "initrd.gz"
    initrd.write_bytes(gzip.compress(archive, 6, mtime=0))
    boots = next((scratch / "tree/boot").glob("vmlinuz-*"))
    disk = scratch / "disk.raw"
    bootdisk.write_boot_disk(disk, scratch / "tree", boots, initrd, COMMAND_LINE)
    (scratch / "guest").mkdir()
    disk.rename(scratch / "guest/disk.raw")


def _modules(tree: Path, target: Path) -> None:
    """The modules of MODULES and what they need, and the order to load them in."""
    files = {
        path.name.split(".ko")[0].replace("-", "_"): path
        for path in (tree / "lib/modules").rglob("*.ko")
    }
    order: list[str] = []

    def add(name: str) -> None:
        if name in order or name not in files:  # not found: built into the kernel
            return
        needs = re.search(rb"\0depends=([^\0]*)\0", files[name].read_bytes())
        for needed in needs.group(1).decode().split(",") if needs else []:
            if needed:
                add(needed.replace("-", "_"))
        order.append(name)

    for name in MODULES:
        add(name)
    for name in order:
        shutil.copy(files[name], target / f"{name}.ko")
    (target / "order").write_text("\n".join(order) + "\n")


def _dependency(package: str) -> str:
    """The real kernel package behind the one that always means the newest."""
    for line in _run("apt-cache", "depends", package).splitlines():
        name = line.partition("Depends: ")[2].strip()
        if name.startswith("linux-image-"):
            return name
    raise AssertionError(f"apt-cache knows no kernel behind {package}: apt-get update?")


def _run(*words: str, cwd: Path | None = None) -> str:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr[-2000:]}"
    return done.stdout
