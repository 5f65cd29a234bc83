"""The vendor packages of a release brought to an environment's master, by digest like its kit.

Before day 0: with it nodes begin to install from there, and nothing else of them may be ready yet.
So what the master does is done by its own Python, over SSH.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import cast

from deploykit.base.process import run
from deploykit.mirror.packageset import PackageSet
from deploykit.mirror.publishing import publish_set, site_signing_key
from deploykit.mirror.store import open_store
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.ssh import run_on
from deploykit.release import Release
from deploykit.release.packages import pinned_packages
from deploykit.rollout.work import Work

FOLDER = "/srv/packages"  # on the master; its `sets` are served
PORT = 8065
MANAGEMENT = "management"
TIMEOUT = 900.0  # seconds, for a question
SEND_TIMEOUT = 3600.0  # for all files
AT_ONCE = 200  # files in a call: their names stand in it


@dataclass(frozen=True, slots=True)
class Packages:
    """The set that nodes install from: what day 0 tells them of it."""

    set: PackageSet
    key: str
    address: str

    @property
    def variables(self) -> dict[str, object]:
        """The variable that the roles of day 0 know."""
        return {
            "packages_mirror": {
                "url": f"http://{self.address}:{PORT}/{self.set.digest}",
                "address": self.address,
                "port": PORT,
                "folder": f"{FOLDER}/sets",
                "set": self.set.digest,
                "suites": list(self.set.pins),
                "key": self.key,
            }
        }


def send_packages(work: Work, release: Release, inventory: Inventory) -> Packages | None:
    """Have the master keep the set of packages that `release` pins; None where it pins none.

    What it has is not sent again. Raises InputError where the set is not on this machine,
    NodeUnreachable, CommandFailed.
    """
    one = pinned_packages(release.manifest)
    if one is None:
        return None
    with work.progress.step(f"{inventory.instance}: packages to the master") as step:
        store = open_store()
        published = publish_set(work.site, store, one)
        wanted = digests_below(published, one)
        missing = _ask(inventory, "missing", one.digest, wanted)
        if missing:
            step.note(f"{len(missing)} files")
            _send(work, inventory, published, _places(wanted, missing))
        _ask(inventory, "install", one.digest, wanted)
    key = site_signing_key(work.site).public
    return Packages(one, key, inventory.master.addresses[MANAGEMENT])


def digests_below(published: Path, one: PackageSet) -> dict[str, str]:
    """The SHA-256 of each file of a published set, by its path; packages are known by theirs."""
    known = {package.file: package.sha256 for package in one.packages.values()}
    found = {}
    for file in sorted(path for path in published.rglob("*") if path.is_file()):
        digest = known.get(file.name)
        if digest is None or file.suffix != ".deb":
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
        found[str(file.relative_to(published))] = digest
    return found


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


def _send(work: Work, inventory: Inventory, published: Path, places: Mapping[str, str]) -> None:
    """Lay the files ready on the master, named by their digests, a few hundred in a call."""
    log = work.log(f"{inventory.instance}-packages")
    with tempfile.TemporaryDirectory(prefix=".sending-", dir=published.parent) as folder:
        named = [Path(folder) / digest for digest in sorted(places)]
        for file in named:
            _link(published / places[file.name], file)
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
