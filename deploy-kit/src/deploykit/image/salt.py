"""Salt for the nodes: a virtual environment, built once on the host and laid into the image.

The nodes run Debian's own Python, like the host, so that what is built here runs there. Nothing
is downloaded from inside a node.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sysconfig
import tempfile
from importlib.resources import files
from pathlib import Path

from deploykit.base.files import replacing
from deploykit.base.process import Runner, run

PYTHON = Path("/usr/bin/python3")
TARGET = Path("/opt/salt")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
TIMEOUT = 900.0  # seconds; timelib is compiled


def lock() -> str:
    """The requirements of Salt with the hash of every wheel."""
    return files("deploykit.image").joinpath("salt.txt").read_text(encoding="utf-8")


def salt_tar(cache: Path, runner: Runner = run) -> Path:
    """Where `build_salt` puts its tar in `cache`, whether or not it is there."""
    version = runner([PYTHON, "--version"], timeout=20).stdout.strip()
    words = f"2\n{version}\n{sysconfig.get_platform()}\n{lock()}"
    return cache / f"salt-{hashlib.sha256(words.encode()).hexdigest()[:16]}.tar"


def build_salt(cache: Path, log: Path, runner: Runner = run) -> Path:
    """A tar of /opt/salt (members `./opt/salt/...`), from `cache` if its lock was built before.

    Raises CommandFailed if a package cannot be had or does not match its hash.
    """
    tar = salt_tar(cache, runner)
    if tar.exists():
        return tar
    for left in cache.glob("salt-building-*"):
        shutil.rmtree(left, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(prefix="salt-building-", dir=cache))
    aside.chmod(0o755)
    tree = aside / TARGET.relative_to("/")
    tree.parent.mkdir(parents=True)
    requirements = aside / "salt.txt"
    requirements.write_text(lock(), encoding="utf-8")
    runner([PYTHON, "-m", "venv", tree], timeout=60, log=log)
    pip: list[str | Path] = [
        tree / "bin" / "python",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
    ]
    # The hash of every file is checked; dependencies are complete in the lock.
    runner(
        [*pip, "install", "--quiet", "--no-compile", "--no-deps", "--require-hashes",
         "--requirement", requirements],
        timeout=TIMEOUT,
        log=log,
        env=_certificates(pip, runner),
    )  # fmt: skip
    requirements.unlink()
    settle(tree)
    runner(
        [PYTHON, "-m", "compileall", "-q", "-j", "0", "-s", aside, "-p", "/", tree / "lib"],
        timeout=TIMEOUT,
        log=log,
        check=False,  # a few packages carry files for other versions of Python
    )
    with replacing(tar) as new:
        runner(
            ["tar", "--create", "--file", new, "--directory", aside, "--owner=0", "--group=0",
             "--numeric-owner", "./opt"],
            timeout=120,
            log=log,
        )  # fmt: skip
    shutil.rmtree(aside)
    return tar


def _certificates(pip: list[str | Path], runner: Runner) -> dict[str, str]:
    """pip has certificates of its own; this host may trust more."""
    if "PIP_CERT" in os.environ or not CERTIFICATES.is_file():
        return {}
    config = runner([*pip, "config", "get", "global.cert"], timeout=30, check=False)
    return {} if config.returncode == 0 else {"PIP_CERT": str(CERTIFICATES)}


def settle(tree: Path) -> None:
    """Make a virtual environment at `tree` right for its place on a node.

    Its scripts point to /opt/salt, and it sees Debian's own packages (python3-apt). It was built
    without them, so that nothing the host happens to have is left out of it.
    """
    settings = tree / "pyvenv.cfg"
    lines = settings.read_text(encoding="utf-8").splitlines()
    lines_kept = [line for line in lines if not line.startswith(("include-system-site", "command"))]
    settings.write_text(
        "\n".join([*lines_kept, "include-system-site-packages = true", ""]), encoding="utf-8"
    )
    for script in (tree / "bin").iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        content = script.read_bytes()
        if content.startswith(b"#!") or script.name.lower().startswith("activate"):
            script.write_bytes(content.replace(str(tree).encode(), str(TARGET).encode()))
