"""Building the node image: the tar of its files, by mmdebstrap with Salt laid in."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from deploykit.base.errors import CommandFailed, DeployKitError
from deploykit.base.filelock import locked
from deploykit.base.parallel import in_parallel
from deploykit.base.process import run
from deploykit.base.progress import Progress, Step
from deploykit.base.root import as_root
from deploykit.image.inputs import SUITE, Inputs
from deploykit.image.overlay import overlay_files, write_tar
from deploykit.image.salt import build_salt
from deploykit.mirror.serving import LOOPBACK
from deploykit.mirror.sources import render_sources
from deploykit.mirror.wheels import parse_lock

TIMEOUT = 900.0  # seconds for the download and unpacking of Debian
BUILD_TIMEOUT = 3600.0  # seconds that another build may take
# Where mmdebstrap puts the sources that it is given, and where the image keeps its own.
SOURCES_FILE = "/etc/apt/sources.list.d/0000deploy-kit.sources"
NEEDED_BYTES = 4 * 2**30
STAGES = (
    "running apt-get update", "downloading packages", "extracting archives",
    "installing essential packages", "installing remaining packages", "running --customize-hook",
    "cleaning package lists", "creating tarball",
)  # fmt: skip
PATHS_LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/info/*",
                  "/usr/share/locale/*", "/usr/share/lintian/*")  # fmt: skip


@contextmanager
def only_one(lock: Path, progress: Progress) -> Iterator[None]:
    """One build at a time per user; a second caller is told that it waits."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(lock, timeout=0))
        except DeployKitError:
            with progress.step("another process builds the image: waiting for it"):
                stack.enter_context(locked(lock, BUILD_TIMEOUT))
        yield


def build_image(inputs: Inputs, cache: Path, aside: Path, log: Path, step: Step) -> None:
    """Make aside/root.tar: Debian with Salt and the overlay; what may be kept is in `cache`.

    Raises DeployKitError if this host has no package source of that Debian, CommandFailed if a
    step fails.
    """
    if not inputs.made_of:
        raise DeployKitError(
            f"this host has no usable package source of Debian {SUITE}",
            "\n".join(("add one to /etc/apt/sources.list.d", *inputs.left_out)),
        )
    step.note("Debian and Salt, side by side")

    def make_debian() -> None:
        _debian(inputs, aside, log, step)

    def make_salt() -> Path:
        lock = parse_lock(inputs.salt, "the Salt of the image")
        return build_salt(cache, lock, log.with_suffix(".salt.log"))

    _, salt_tar = in_parallel((make_debian, make_salt), lambda work: work())
    assert salt_tar is not None
    _join(aside / "root.tar", salt_tar, log)


@contextmanager
def workplace(cache: Path, needed: int) -> Iterator[Path]:
    """A fresh folder in `cache` to build in, gone at the end unless the build failed.

    Raises DeployKitError if the disk has not `needed` bytes free. What a failed build left is
    removed by the next: a killed one's children may live on and write there for a while.
    """
    for leftover in cache.glob("building-*"):
        _remove(leftover)
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


def _debian(inputs: Inputs, aside: Path, log: Path, step: Step) -> None:
    """root.tar of Debian with the overlay, unpacked and configured by mmdebstrap."""
    (aside / "deploy-kit.sources").write_text(render_sources(inputs.made_of), encoding="utf-8")
    write_tar(aside / "overlay.tar", {**overlay_files(inputs), **own_sources(inputs)})
    with as_file(files("deploykit.image").joinpath("customize.sh")) as hook:
        argv = mmdebstrap(inputs, aside, hook)

        def tell(line: str) -> None:
            for stage in STAGES:
                if stage in line:
                    step.note(stage)

        run(argv, timeout=TIMEOUT, log=log, on_line=tell, env={"LC_ALL": "C.UTF-8"})


def own_sources(inputs: Inputs) -> dict[str, bytes]:
    """The image's file of sources, by its path, where it was made of others: of a set of packages.

    They are what its nodes have until day 0.
    """
    text = render_sources(inputs.sources)
    return {SOURCES_FILE: text.encode()} if inputs.mirror else {}


def mmdebstrap(inputs: Inputs, aside: Path, hook: Path) -> list[str | Path]:
    """The call that makes aside/root.tar; through sudo if this user is not root."""
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
    """mmdebstrap's options of apt and dpkg; an image keeps them but for the unsafe one."""
    options = ['Apt::Install-Recommends "false"', 'Acquire::Languages "none"', *inputs.settings]
    if inputs.mirror:
        options.append(f'Acquire::http::Proxy::{LOOPBACK} "DIRECT"')
    words = [f"--aptopt={option}" for option in options]
    words += ["--dpkgopt=force-unsafe-io"]
    words += [f"--dpkgopt=path-exclude={path}" for path in PATHS_LEFT_OUT]
    return [*words, "--dpkgopt=path-include=/usr/share/doc/*/copyright"]


def _join(target: Path, more: Path, log: Path) -> None:
    """Append the members of tar `more` to tar `target` (owned by root if sudo made it)."""
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
