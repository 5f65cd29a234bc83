"""Salt states of what the kernel has to be able to (lib/kernel.jinja)."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__salt__: dict[str, Callable[..., Any]]  # Salt's loader puts it here

SYMBOLS = Path("/proc/kallsyms")


def capable(name: str, what: str, modules: Mapping[str, str]) -> dict[str, Any]:
    """This node's kernel has what `what` needs. It changes nothing.

    `modules` is module -> a symbol of a kernel that has it. One counts as there when the kernel has
    its symbol, or could load it: whatever uses it loads it. In a container nothing is there: its
    kernel belongs to the host, and speaks iSCSI, maps devices and tells of them for the host alone.
    """
    missing = absent(modules, SYMBOLS.read_text(), loadable)
    told = complaint(what, __salt__["machine.container"](), missing)
    comment = told or "the kernel has what it takes"
    return {"name": name, "result": not told, "changes": {}, "comment": comment}


def loadable(module: str) -> bool:
    """Whether the kernel could load the module."""
    words = ["/sbin/modprobe", "--quiet", "--dry-run", module]
    try:
        return subprocess.run(words, timeout=20, check=False).returncode == 0
    except FileNotFoundError:
        return False


def absent(wanted: Mapping[str, str], symbols: str, can_load: Callable[[str], bool]) -> list[str]:
    """The modules of `wanted` (name -> symbol) that the kernel neither has nor could load."""
    known = set(re.findall(r"^\S+ \S (\w+)", symbols, re.M))
    return [name for name, symbol in wanted.items() if symbol not in known and not can_load(name)]


def complaint(what: str, container: str, missing: Sequence[str]) -> str:
    """What keeps this node from it, with what to do; '' where nothing does.

    `container` is its kind, '' outside of one.
    """
    lacking = f"the kernel has no {', '.join(missing)}" if missing else ""
    if container:
        own = f"{what} need a kernel of the node's own, and this is a container ({container})"
        mend = "give the role to a virtual machine or to hardware"
        return f"{own}{'; ' if lacking else ''}{lacking}: {mend}"
    return f"{what} cannot be here, {lacking}: boot one that has" if lacking else ""
