"""The wheels of Salt on this machine: fetched once for each lock, by hash, and kept in the cache.

Where the index has no wheel (of Salt itself) one is built of the locked source, by locked tools and
with nothing of today in it: two machines build the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from deploykit.base.errors import DeployKitError
from deploykit.base.filelock import locked
from deploykit.base.files import remove_tree, write
from deploykit.base.homes import cache_home
from deploykit.base.process import Runner, run
from deploykit.mirror.wheels import BUILDS_SALT, Lock, WheelSet, parse_lock

LOCK = Path("ansible", "salt.txt")  # of a release, or of the working copy
INSTALLER = "install_wheels.py"
PYTHON = Path("/usr/bin/python3")
PYTHON_OF_NODES = "3.11"  # Debian 12's
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
TIMEOUT = 900.0  # seconds for a call of pip, or of venv, which runs it
PATIENCE = 1200.0  # seconds for another process to fetch the same
# What stands for the time in what is built: the first that a zip can have.
EPOCH = {"SOURCE_DATE_EPOCH": "315532800", "PYTHONHASHSEED": "0"}


def own_lock() -> Lock:
    """The lock that comes with deploy-kit, for content that brings none."""
    file = files("deploykit.mirror").joinpath("salt.txt")
    return parse_lock(file.read_text(encoding="utf-8"), "deploykit/mirror/salt.txt")


def lock_in(root: Path) -> Lock | None:
    """The lock of the release, or working copy, whose folder is `root`; None if it brings none.

    Raises InputError if it is no lock.
    """
    file = root / LOCK
    return parse_lock(file.read_text(encoding="utf-8"), str(LOCK)) if file.is_file() else None


def release_lock(root: Path) -> Lock:
    """The Salt that nodes have with the content in `root`: its own, or deploy-kit's."""
    return lock_in(root) or own_lock()


def installer() -> str:
    """The program that lays wheels out on a node."""
    return files("deploykit.mirror").joinpath(INSTALLER).read_text(encoding="utf-8")


def salt_variables(
    wheels: WheelSet, source: str, served: Mapping[str, object] | None = None
) -> dict[str, object]:
    """What the roles of day 0 are told of `wheels`, which nodes take `source` for: a URL, or a
    folder that they have. `served` is what the master serves them by, if it is that."""
    request = {"folder": wheels.folder, "files": dict(wheels.files), "from": source}
    told: dict[str, object] = {
        "folder": wheels.folder,
        "installer": installer(),
        "request": json.dumps(request),
    }
    if served is not None:
        told["served"] = dict(served)
    return {"salt_wheels": told}


def fetch_wheels(lock: Lock, log: Path, runner: Runner = run) -> tuple[WheelSet, Path]:
    """The wheels of `lock` and the folder that they lie in, proved; fetched if they are not here.

    Raises CommandFailed where one cannot be had or does not match its hash, DeployKitError on a
    machine whose Python is not that of the nodes.
    """
    folder = cache_home() / "wheels" / lock.folder
    with locked(folder.with_suffix(".lock"), timeout=PATIENCE):
        kept = _kept(lock, folder)
        if kept is None:
            remove_tree(folder)
            _fetch(lock, folder, log, runner)
            kept = WheelSet(lock.folder, _digests(folder))
            write(folder.with_suffix(".json"), json.dumps(dict(kept.files), indent=1) + "\n")
    return kept, folder


def _kept(lock: Lock, folder: Path) -> WheelSet | None:
    """The set in `folder`, if it is there and as it was fetched."""
    try:
        noted = json.loads(folder.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return WheelSet(lock.folder, noted) if folder.is_dir() and _digests(folder) == noted else None


def _digests(folder: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.glob("*.whl"))
    }


def _fetch(lock: Lock, folder: Path, log: Path, runner: Runner) -> None:
    """Make `folder` of the wheels: whole, or not at all."""
    version = runner([PYTHON, "--version"], timeout=20).stdout.split()[-1]
    if not version.startswith(f"{PYTHON_OF_NODES}."):
        raise DeployKitError(
            f"the wheels of Salt {lock.version} are not here, and this machine's {PYTHON} is "
            f"{version}: nodes have {PYTHON_OF_NODES}",
            f"bring {folder} and the .json beside it from a Debian 12 that has them",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(left, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    builder = aside / "builder"
    runner([PYTHON, "-m", "venv", builder], timeout=TIMEOUT, log=log)
    pip: list[str | Path] = [
        builder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--no-input",
        "--quiet",
    ]  # fmt: skip
    # Dependencies are complete in the lock, and what builds stands in it, too.
    words = ["--no-deps", "--require-hashes", "--requirement"]
    env = {**EPOCH, **_certificates(pip, runner)}
    (aside / "wheels").mkdir()
    lacking = _take_over(lock, folder.parent, aside / "wheels")
    parts = {
        "builds": ["install", lock.only(BUILDS_SALT)],
        "wheels": ["download", lock.only(lacking)],
        "salt": ["wheel", lock.only(("salt",))],
    }
    more: Mapping[str, list[str | Path]] = {
        "builds": [],
        "wheels": ["--only-binary", ":all:", "--dest", aside / "wheels"],
        "salt": ["--no-build-isolation", "--wheel-dir", aside / "wheels"],
    }
    for part, (act, requirements) in parts.items():
        if not requirements:
            continue
        file = aside / f"{part}.txt"
        file.write_text(requirements, encoding="utf-8")
        runner([*pip, act, *more[part], *words, file], timeout=TIMEOUT, log=log, env=env)
    (aside / "wheels").rename(folder)
    shutil.rmtree(aside, ignore_errors=True)


def _take_over(lock: Lock, sets: Path, into: Path) -> tuple[str, ...]:
    """Link the wheels that other sets have, too; returns the packages that are still lacking."""
    there: dict[str, Path] = {}
    for noted in sets.glob("*.json"):
        for name, digest in json.loads(noted.read_text(encoding="utf-8")).items():
            there[digest] = sets / noted.stem / name
    lacking = []
    for package in lock.blocks:
        found = (there[one] for one in lock.hashes(package) if one in there)
        file = next((one for one in found if one.is_file()), None)
        if file is not None:
            os.link(file, into / file.name)
        elif package != "salt":
            lacking.append(package)
    return tuple(lacking)


def _certificates(pip: list[str | Path], runner: Runner) -> dict[str, str]:
    """pip has certificates of its own; this host may trust more."""
    if "PIP_CERT" in os.environ or not CERTIFICATES.is_file():
        return {}
    config = runner([*pip, "config", "get", "global.cert"], timeout=30, check=False)
    return {} if config.returncode == 0 else {"PIP_CERT": str(CERTIFICATES)}
