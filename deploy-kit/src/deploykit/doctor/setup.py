"""Setting the host up: idempotent, and quick if all is there."""

from __future__ import annotations

from deploykit.base.homes import state_home
from deploykit.base.process import run
from deploykit.base.progress import Progress
from deploykit.base.root import as_root
from deploykit.doctor import demand, preflight
from deploykit.host.machine import low_limits
from deploykit.providers.lxd.api import Lxd
from deploykit.providers.lxd.daemon import answers, ensure_pool, start_daemon


def set_up(progress: Progress) -> None:
    """Have LXD running with the product's storage pool, and kernel limits for many nodes.

    Raises DeployKitError at once if the machine cannot do: no root, tools, disk or memory.
    """
    demand(preflight())
    low = low_limits()
    if low:
        with progress.step(f"kernel limits raised: {', '.join(low)}"):
            words = [f"{name}={value}" for name, value in low.items()]
            run([*as_root(), "sysctl", "--quiet", "--write", *words], timeout=10, check=False)
    if answers() is None:
        with progress.step("LXD daemon started"):
            start_daemon(as_root(), state_home() / "lxd.log")
    lxd = Lxd()
    if lxd.find("storage-pools/deploy-kit") is None:
        with progress.step("storage pool made"):
            ensure_pool(lxd)
