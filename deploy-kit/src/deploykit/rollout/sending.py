"""Files that a release needs on an environment's master, brought there by digest like its kit.

Before day 0: with them nodes begin to install, and nothing else of them may be ready yet. So what
the master does is done by its own Python, over SSH.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import cast

from deploykit.base.process import run
from deploykit.base.progress import Step
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.ssh import run_on
from deploykit.rollout.work import Work
from deploykit.site.networks import SERVICE_NETWORK

FOLDER = "/srv/packages"  # on the master; its `sets` are served
PORT = 8065
TIMEOUT = 900.0  # seconds, for a question
SEND_TIMEOUT = 3600.0  # for all files
AT_ONCE = 200  # files in a call: their names stand in it


def server_of(inventory: Inventory) -> dict[str, object]:
    """What the master serves its sets by, as the roles of day 0 know it."""
    address = inventory.master.addresses[SERVICE_NETWORK]
    return {"address": address, "port": PORT, "folder": f"{FOLDER}/sets"}


def set_url(inventory: Inventory, name: str) -> str:
    """Where the nodes find the set `name` on their master."""
    return f"http://{inventory.master.addresses[SERVICE_NETWORK]}:{PORT}/{name}"


def send_set(
    work: Work, inventory: Inventory, name: str, folder: Path, wanted: Mapping[str, str], step: Step
) -> None:
    """Have the master keep the set `name`: what `wanted` names of `folder`, SHA-256 by path.

    What it has is not sent again. Raises NodeUnreachable, CommandFailed.
    """
    missing = _ask(inventory, "missing", name, wanted)
    if missing:
        step.note(f"{len(missing)} files")
        _send(work, inventory, folder, _places(wanted, missing))
    _ask(inventory, "install", name, wanted)


def _places(wanted: Mapping[str, str], missing: Iterable[str]) -> dict[str, str]:
    """A path for each digest that is missing."""
    paths = {digest: path for path, digest in wanted.items()}
    return {digest: paths[digest] for digest in missing}


def _ask(inventory: Inventory, act: str, name: str, wanted: Mapping[str, str]) -> list[str]:
    script = files("deploykit.rollout").joinpath("keep_packages.py").read_text(encoding="utf-8")
    request = json.dumps({"act": act, "set": name, "files": dict(wanted)})
    words = ["python3", "-c", script, FOLDER]
    done = run_on(inventory.master, inventory, words, timeout=TIMEOUT, input=request)
    return cast(list[str], json.loads(done.stdout))


def _send(work: Work, inventory: Inventory, folder: Path, places: Mapping[str, str]) -> None:
    """Lay the files ready on the master, named by their digests, a few hundred in a call."""
    log = work.log(f"{inventory.instance}-packages")
    with tempfile.TemporaryDirectory(prefix=".sending-", dir=folder.parent) as made:
        named = [Path(made) / digest for digest in sorted(places)]
        for file in named:
            _link(folder / places[file.name], file)
        for start in range(0, len(named), AT_ONCE):
            part = named[start : start + AT_ONCE]
            target = f"{inventory.master.name}:{FOLDER}/incoming/"
            run(
                ["scp", "-q", "-B", "-F", inventory.ssh_config, *part, target],
                timeout=SEND_TIMEOUT,
                log=log,
                title=f"scp of {len(part)} packages",
            )


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)
