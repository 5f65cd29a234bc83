"""Building the node image: mmdebstrap with Salt laid in, then handed to LXD under its key."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from deploykit.base.errors import CommandFailed, DeployKitError
from deploykit.base.filelock import locked
from deploykit.base.process import Runner, run
from deploykit.base.progress import Progress, Step
from deploykit.image.inputs import DOWNLOADED, SUITE, Inputs, read_inputs, render_sources
from deploykit.image.overlay import overlay_files, write_metadata, write_tar
from deploykit.image.salt import build_salt
from deploykit.providers.lxd.api import Lxd
from deploykit.providers.lxd.images import ALIAS, find_base, has_image, make_base
from deploykit.site import cache_home

TIMEOUT = 900.0  # seconds for the download and unpacking of Debian
IMPORT_TIMEOUT = 300.0
BUILD_TIMEOUT = 3600.0  # seconds that another build may take
NEEDED_BYTES = 4 * 2**30
STAGES = (
    "running apt-get update", "downloading packages", "extracting archives",
    "installing essential packages", "installing remaining packages", "running --customize-hook",
    "cleaning package lists", "creating tarball",
)  # fmt: skip
PATHS_LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/info/*",
                  "/usr/share/locale/*", "/usr/share/lintian/*")  # fmt: skip


def ensure_image(
    lxd: Lxd,
    log: Path,
    progress: Progress,
    privileged: bool = False,
    downloaded: Iterable[str] = DOWNLOADED,
) -> str:
    """The name of the base that nodes are copied from, building what is missing.

    One build at a time per user: a second call waits for the first and finds its image.
    """
    inputs = read_inputs(downloaded=downloaded)
    base = find_base(lxd, inputs.key, privileged)
    if base:
        return base
    cache = cache_home() / "image"
    cache.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with only_one(cache / "lock", progress):
        if not has_image(lxd, inputs.key):
            for line in inputs.left_out:
                progress.say(f"  not carried into the image: {line}")
            with progress.step(f"node image {inputs.key}") as step:
                _build(inputs, cache, log, step)
        with progress.step("base of the nodes" + (" (privileged)" if privileged else "")):
            return make_base(lxd, inputs.key, privileged)


@contextmanager
def only_one(lock: Path, progress: Progress) -> Iterator[None]:
    """One build at a time per user; a second caller is told that it waits."""
    with ExitStack() as held:
        try:
            held.enter_context(locked(lock, timeout=0))
        except DeployKitError:
            with progress.step("another process builds the image: waiting for it"):
                held.enter_context(locked(lock, BUILD_TIMEOUT))
        yield


def _build(inputs: Inputs, cache: Path, log: Path, step: Step) -> None:
    if not inputs.sources:
        raise DeployKitError(
            f"this host has no usable package source of Debian {SUITE}",
            "\n".join(("add one to /etc/apt/sources.list.d", *inputs.left_out)),
        )
    with workplace(cache, NEEDED_BYTES) as aside:
        step.note("Debian and Salt, side by side")
        with ThreadPoolExecutor(2) as pool:
            salt = pool.submit(build_salt, cache, log.with_suffix(".salt.log"))
            rootfs = pool.submit(_debian, inputs, aside, log, step)
            rootfs.result()
            salt_tar = salt.result()
        step.note("handing it to LXD")
        _join(aside / "root.tar", salt_tar, log)
        import_image(aside, inputs.key, log)


@contextmanager
def workplace(cache: Path, needed: int) -> Iterator[Path]:
    """A fresh folder in `cache` to build in, gone at the end unless the build failed.

    Raises DeployKitError where the disk has not `needed` bytes free. What a failed build left is
    removed by the next: a killed one's children may live on and write there for a while.
    """
    for left in cache.glob("building-*"):
        _remove(left)
    free = shutil.disk_usage(cache).free
    if free < needed:
        raise DeployKitError(
            f"{cache} has {free / 2**30:.1f} GiB free, building the image takes "
            f"{needed / 2**30:.0f} GiB",
            "free some space, or set XDG_CACHE_HOME to a larger disk",
        )
    aside = Path(tempfile.mkdtemp(prefix="building-", dir=cache))
    aside.chmod(0o755)
    yield aside
    _remove(aside)


def import_image(aside: Path, key: str, log: Path) -> None:
    """Hand aside/root.tar to LXD under `key`."""
    write_metadata(aside / "metadata.tar", key, platform.machine(), created=int(time.time()))
    run(
        ["lxc", "image", "import", aside / "metadata.tar", aside / "root.tar",
         "--project", "default", "--alias", f"{ALIAS}{key}"],
        timeout=IMPORT_TIMEOUT,
        log=log,
    )  # fmt: skip


def _debian(inputs: Inputs, aside: Path, log: Path, step: Step) -> None:
    """root.tar of Debian with the overlay, unpacked and configured by mmdebstrap."""
    (aside / "deploy-kit.sources").write_text(render_sources(inputs.sources), encoding="utf-8")
    write_tar(aside / "overlay.tar", overlay_files(inputs))
    with as_file(files("deploykit.image").joinpath("customize.sh")) as hook:
        argv = mmdebstrap(inputs, aside, hook)

        def tell(line: str) -> None:
            for stage in STAGES:
                if stage in line:
                    step.note(stage)

        run(argv, timeout=TIMEOUT, log=log, on_line=tell, env={"LC_ALL": "C.UTF-8"})


def mmdebstrap(inputs: Inputs, aside: Path, hook: Path, runner: Runner = run) -> list[str | Path]:
    """The call that makes aside/root.tar; through sudo where this user is not root."""
    words: list[str | Path] = [*as_root(), "mmdebstrap", "--mode=root", "--variant=minbase"]
    words += [
        "--format=tar",
        "--skip=cleanup/apt/lists,cleanup/apt/cache",
        "--include=" + ",".join(inputs.packages),
    ]
    words += image_options(inputs)
    words += ['--customize-hook=rm -f "$1"/var/cache/apt/archives/*.deb']
    if inputs.downloaded:
        get = "apt-get --yes --quiet --download-only install " + " ".join(inputs.downloaded)
        words += [f'--customize-hook=APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" {get}']
    words += ['--customize-hook=rm -f "$1"/var/cache/apt/*.bin']
    words += [f"--customize-hook=tar-in {aside / 'overlay.tar'} /"]
    words += [f'--customize-hook=sh {hook} "$1"']
    return [*words, SUITE, aside / "root.tar", aside / "deploy-kit.sources"]


def image_options(inputs: Inputs) -> list[str]:
    """mmdebstrap's options that say how apt and dpkg work; an image keeps them."""
    options = ['Apt::Install-Recommends "false"', 'Acquire::Languages "none"', *inputs.settings]
    words = [f"--aptopt={option}" for option in options]
    words += ["--dpkgopt=force-unsafe-io"]
    words += [f"--dpkgopt=path-exclude={path}" for path in PATHS_LEFT_OUT]
    return [*words, "--dpkgopt=path-include=/usr/share/doc/*/copyright"]


def as_root() -> list[str]:
    """The words before a command that needs root."""
    return [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]


def _join(target: Path, more: Path, log: Path) -> None:
    """Append the members of tar `more` to tar `target` (owned by root where sudo made it)."""
    run([*as_root(), "tar", "--concatenate", "--file", target, more], timeout=120, log=log)


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except PermissionError:
        run([*as_root(), "rm", "-rf", "--one-file-system", folder], timeout=60)
    if folder.exists():
        raise CommandFailed(f"cannot remove {folder}", "remove it by hand")
