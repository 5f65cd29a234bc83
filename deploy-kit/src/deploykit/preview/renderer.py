"""The nodes' Salt run on this machine: what it makes of a kit for some minions.

The release's templates and modules run in a sandbox without a network.
"""

from __future__ import annotations

import json
import os
import shutil
import sysconfig
import tempfile
from collections.abc import Iterable, Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from deploykit.base.errors import DeployKitError
from deploykit.base.filelock import locked
from deploykit.base.homes import cache_home
from deploykit.base.process import Result, run
from deploykit.base.sandbox import (
    Sandbox,
    cleaned,
    environment,
    is_off,
    private_folders,
    run_confined,
    warn_unconfined,
)
from deploykit.image.salt import TARGET, salt_tar
from deploykit.mirror.wheels import Lock
from deploykit.mirror.wheelstore import LOCK, PYTHON, release_lock

SCRIPT = "saltside.py"
MODULES = Path("salt", "states", "_modules")
TIMEOUT = 240.0  # seconds for one release
UNPACKING = 120.0
KIT, WORK, SALT = Path("/kit"), Path("/work"), Path("/salt")  # inside
SCRATCH = Path("/tmp/salt")  # noqa: S108 (inside)
SETTINGS = {"PYTHONHASHSEED": "0"}
PILLAR = """import json
from pathlib import Path


def ext_pillar(minion_id, pillar, folder):
    file = Path(folder) / f"{minion_id}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
"""


def ask_salt(root: Path, told: Mapping[str, Any], machine: Mapping[str, Any]) -> dict[str, Any]:
    """What SCRIPT answers for the kit unpacked in `root`.

    `told` are the pillars by node, and `whole`; `machine` is what each node is. Raises
    DeployKitError where Salt is not here or does not answer in time.
    """
    packages = salt_packages(release_lock(root))
    with tempfile.TemporaryDirectory(prefix="preview-") as made:
        work = Path(made).resolve()
        _write_work(work, root, told, machine)
        done = _unconfined(work, root, packages) if is_off() else _confined(work, root, packages)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise DeployKitError(f"Salt could not render it: {last}")
    try:
        return checked(json.loads(done.stdout), told["whole"]["minions"])
    except ValueError:
        raise DeployKitError("what Salt said is no rendering: the release's own modules?") from None


def checked(answer: Any, minions: Iterable[str]) -> dict[str, Any]:
    """`answer` if it is one of SCRIPT's for `minions`: a release's modules ran beside it, and could
    have said anything. Raises ValueError."""
    if not isinstance(answer, dict) or set(answer) != {*minions, "orchestration"}:
        raise ValueError("not of these minions")
    for node in answer.values():
        if isinstance(node, dict) and isinstance(node.get("failed"), str):
            continue
        if not (_are_states(node) if isinstance(node, list) else _is_node(node)):
            raise ValueError("not what a node says")
    return answer


def _is_node(node: Any) -> bool:
    kinds = {"highstate": list, "sls": dict, "files": dict, "values": dict, "secrets": list}
    if not isinstance(node, dict) or "top" not in node:
        return False
    if not all(isinstance(node.get(key), kind) for key, kind in kinds.items()):
        return False
    lines = (line for text in node["files"].values() for line in text)
    return all(map(_are_states, [node["highstate"], *node["sls"].values()])) and all(
        isinstance(line, str) for line in lines
    )


def _are_states(states: Any) -> bool:
    words = ("__id__", "name", "state", "fun")
    return isinstance(states, list) and all(
        isinstance(state, dict) and all(isinstance(state.get(word), str) for word in words)
        for state in states
    )


def _confined(work: Path, root: Path, packages: Path) -> Result:
    placed = {
        KIT: root,
        WORK: work,
        SALT: packages,
        Path("/etc/passwd"): work / "passwd",
        Path("/etc/group"): work / "group",
    }
    sandbox = Sandbox(placed=placed, hidden=private_folders(), network=False)
    argv: list[str | Path] = [PYTHON, "-W", "ignore", WORK / SCRIPT, KIT, *_folders(WORK), SCRATCH]
    return run_confined(
        sandbox,
        ["sh", "-c", 'mkdir "$0" && exec "$@"', SCRATCH, *argv],
        timeout=TIMEOUT,
        env={**SETTINGS, "PYTHONPATH": str(SALT)},
    )


def _unconfined(work: Path, root: Path, packages: Path) -> Result:
    warn_unconfined()
    scratch = work / "scratch"
    scratch.mkdir()
    env = {**environment(), **SETTINGS, "PYTHONPATH": str(packages)}
    argv: list[str | Path] = [PYTHON, "-W", "ignore", work / SCRIPT, root, *_folders(work), scratch]
    return run(argv, timeout=TIMEOUT, env=cleaned(os.environ, env), check=False)


def _folders(work: Path) -> list[Path]:
    return [work / "extmods", work / "pillars"]


def _write_work(
    work: Path, root: Path, told: Mapping[str, Any], machine: Mapping[str, Any]
) -> None:
    """What is read inside: SCRIPT, pillars, and the master's modules beside the content's own."""
    with as_file(files("deploykit.preview").joinpath(SCRIPT)) as script:
        shutil.copy(script, work / SCRIPT)
    (work / "pillars").mkdir()
    for name, pillar in told.items():
        (work / "pillars" / f"{name}.json").write_text(json.dumps(pillar))
    extmods = work / "extmods"
    (extmods / "pillar").mkdir(parents=True)
    (extmods / "pillar" / "environment.py").write_text(PILLAR)
    if (root / MODULES).is_dir():
        shutil.copytree(root / MODULES, extmods / "modules")
    else:
        (extmods / "modules").mkdir()
    # In the place of the content's own, which would tell of whoever renders this.
    said = f"def facts():\n    return {dict(machine)!r}\n"
    (extmods / "modules" / "machine.py").unlink(missing_ok=True)
    (extmods / "modules" / "machine.py").write_text(said)
    uid, gid = os.getuid(), os.getgid()
    (work / "passwd").write_text(f"kit:x:{uid}:{gid}::/home/kit:/bin/sh\n")
    (work / "group").write_text(f"kit:x:{gid}:\n")


def salt_packages(lock: Lock) -> Path:
    """The packages of the Salt that nodes have by `lock`, unpacked once in the cache.

    Raises DeployKitError where no image was built here yet that has it.
    """
    tar = salt_tar(cache_home() / "image", lock)
    if not tar.is_file():
        raise DeployKitError(
            f"Salt {lock.version} is not on this machine",
            f"'deploy-kit image build' brings it, of a working copy that has it ({LOCK})",
        )
    folder = cache_home() / "salt" / tar.stem
    with locked(folder.with_suffix(".lock"), timeout=UNPACKING):
        if not folder.is_dir():
            aside = folder.with_suffix(".unpacking")
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            run(["tar", "-xf", tar, "-C", aside], timeout=UNPACKING)
            aside.rename(folder)
    version = sysconfig.get_python_version()
    return folder / TARGET.relative_to("/") / "lib" / f"python{version}" / "site-packages"
