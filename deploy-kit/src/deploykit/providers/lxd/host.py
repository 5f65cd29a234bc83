"""LXD on this machine, as `setup`, `doctor`, `image` and `env prune` see it: one for all sites."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from deploykit.base.errors import DeployKitError
from deploykit.base.homes import state_home
from deploykit.base.progress import Progress
from deploykit.base.root import as_root
from deploykit.host.finding import Finding
from deploykit.host.machine import (
    check_ids,
    check_limits,
    check_rights,
    check_tools,
    group_names,
    low_limits,
    may_sudo,
    raise_limits,
)
from deploykit.host.network import check_forwarding
from deploykit.providers.contract import Orphan, StoredImage
from deploykit.providers.lxd import api, daemon, images
from deploykit.providers.lxd import instance as whole

TOOLS = {
    "lxd": "lxd",
    "lxc": "lxd-client",
    "mmdebstrap": "mmdebstrap",
    "dnsmasq": "dnsmasq-base",
    "newuidmap": "uidmap",
    "gcc": "gcc",
}


class LxdHost:
    """See OnHost, Orphans and ImageStore for the contract."""

    @property
    def folder(self) -> Path:
        return api.socket_path().parent

    def set_up(self, progress: Progress) -> None:
        """Have LXD running with the product's storage pool, and kernel limits for many nodes."""
        if low := low_limits():
            with progress.step(f"kernel limits raised: {', '.join(low)}"):
                raise_limits(low)
        if daemon.answers() is None:
            with progress.step("LXD daemon started"):
                daemon.start_daemon(as_root(), state_home() / "lxd.log")
        lxd = api.Lxd()
        if lxd.find(f"storage-pools/{api.POOL}") is None:
            with progress.step("storage pool made"):
                daemon.ensure_pool(lxd)

    def needs(self) -> list[Finding]:
        user = os.geteuid()
        return [
            check_rights(user, group_names(), user == 0 or may_sudo()),
            check_tools(TOOLS),
            check_ids(),
        ]

    def findings(self) -> list[Finding]:
        found = [check_limits(low_limits()), daemon.check_daemon()]
        if (lxd := daemon.answers()) is not None:
            found += [daemon.check_storage(lxd), daemon.check_bridges(lxd)]
            found += [daemon.check_orphans(lxd)]
        return [*found, *check_forwarding(as_root())]

    def is_ready(self) -> bool:
        return daemon.answers() is not None

    def orphans(self) -> list[Orphan]:
        return [
            Orphan(one.names.project, one.names.instance, one.folder, one.protected)
            for one in whole.orphans(api.Lxd())
        ]

    def remove_orphan(self, orphan: Orphan) -> None:
        lxd = api.Lxd()
        for one in whole.orphans(lxd):
            if one.names.project == orphan.name:
                whole.remove_instance(lxd, one.names)
                return
        raise DeployKitError(
            f"{orphan.name} is no orphan any more: its checkout is back, or somebody took it down",
            "deploy-kit env list",
        )

    def images(self) -> Sequence[StoredImage]:
        return images.stored(api.Lxd())

    def remove_image(self, image: StoredImage) -> None:
        images.remove(api.Lxd(), image)


LXD_HOST = LxdHost()
