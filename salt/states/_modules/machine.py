"""What this node is, asked of itself: states ask here, and no environment has to say it.

Day 0 asks the same of containers (ansible/playbooks/library/machine_facts.py).
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

__context__: dict[str, Any]  # Salt's loader puts it here; it lasts for one run

CONTAINER = Path("/run/systemd/container")  # systemd's word for what it runs in; absent elsewhere
APPARMOR = Path("/sys/module/apparmor/parameters/enabled")
KVM = Path("/dev/kvm")
MEMORY = Path("/proc/meminfo")

# From linux/kvm.h; the version is the same since 2007.
KVM_GET_API_VERSION, KVM_CREATE_VM, KVM_VERSION = 0xAE00, 0xAE01, 12


def facts() -> dict[str, Any]:
    """What states decide by, the same throughout a run.

    container:  its kind ('lxc', …), '' where the node has a kernel of its own
    apparmor:   whether the kernel confines by AppArmor what runs on this node; a container's kernel
                is its host's, and does so for the host alone
    kvm:        whether virtual machines can be made with the processor's help
    processors: that this node may use
    memory:     MiB; a container may see its host's
    """
    if "machine" not in __context__:
        kind = container()
        __context__["machine"] = {
            "container": kind,
            "apparmor": not kind and _text(APPARMOR) == "Y",
            "kvm": kvm_works(),
            "processors": len(os.sched_getaffinity(0)),
            "memory": int(re.findall(r"^MemTotal: +(\d+) kB$", MEMORY.read_text(), re.M)[0])
            // 1024,
        }
    found: dict[str, Any] = __context__["machine"]
    return found


def container() -> str:
    """What kind of container this node is; '' where it is a machine, virtual or not."""
    return _text(CONTAINER)


def kvm_works(ioctl: Callable[[int, int, int], int] = fcntl.ioctl) -> bool:
    """Whether /dev/kvm makes a virtual machine: it may be there without a processor that can."""
    try:
        device = os.open(KVM, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if ioctl(device, KVM_GET_API_VERSION, 0) != KVM_VERSION:
            return False
        os.close(ioctl(device, KVM_CREATE_VM, 0))
    except OSError:
        return False
    finally:
        os.close(device)
    return True


def _text(file: Path) -> str:
    """The one line of a file; '' where there is none."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
