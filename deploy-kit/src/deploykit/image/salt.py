"""Salt laid into the image: the wheels of a lock, as day 0 lays them out on nodes, made once.

The nodes run Debian's own Python, like the host, so that what is made here runs there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sysconfig
import tempfile
from pathlib import Path

from deploykit.base.files import replacing
from deploykit.base.process import Runner, run
from deploykit.mirror.wheels import Lock
from deploykit.mirror.wheelstore import PYTHON, fetch_wheels, installer, release_lock
from deploykit.site import Site

TARGET = Path("/opt/salt")  # a link to the folder of the lock
TIMEOUT = 900.0  # seconds


def lock_of(site: Site) -> Lock:
    """The Salt of a site's working copy; deploy-kit's own where the content is not here, or brings
    none."""
    return release_lock(site.content.parent)


def salt_tar(cache: Path, lock: Lock, runner: Runner = run) -> Path:
    """Where `build_salt` puts its tar in `cache`, whether or not it is there."""
    version = runner([PYTHON, "--version"], timeout=20).stdout.strip()
    words = f"3\n{version}\n{sysconfig.get_platform()}\n{lock.folder}\n{installer()}"
    return cache / f"salt-{hashlib.sha256(words.encode()).hexdigest()[:16]}.tar"


def build_salt(cache: Path, lock: Lock, log: Path, runner: Runner = run) -> Path:
    """A tar of /opt/salt and what it links to (members `./opt/...`), from `cache` if its lock was
    built before.

    Raises CommandFailed if a package cannot be had or does not match its hash.
    """
    tar = salt_tar(cache, lock, runner)
    if tar.exists():
        return tar
    for left in cache.glob("salt-building-*"):
        shutil.rmtree(left, ignore_errors=True)
    wheels, folder = fetch_wheels(lock, log, runner)
    aside = Path(tempfile.mkdtemp(prefix="salt-building-", dir=cache))
    aside.chmod(0o755)
    place = aside / TARGET.relative_to("/")
    place.parent.mkdir(parents=True)
    request = {
        "folder": lock.folder, "files": dict(wheels.files), "from": str(folder), "root": str(aside)
    }  # fmt: skip
    runner([PYTHON, "-c", installer()], timeout=TIMEOUT, log=log, input=json.dumps(request),
           title="laying out Salt")  # fmt: skip
    place.symlink_to(lock.folder)
    with replacing(tar) as new:
        runner(
            ["tar", "--create", "--file", new, "--directory", aside, "--owner=0", "--group=0",
             "--numeric-owner", "./opt"],
            timeout=120,
            log=log,
        )  # fmt: skip
    shutil.rmtree(aside)
    return tar
