"""The node image as a Vagrant box for the provider lxc.

A box of this format is a tar of `metadata.json`, `lxc-config`, `lxc-template` and `rootfs.tar.gz`,
as vagrant-lxc reads it. What is added to the image is what Vagrant expects of any box: the user
`vagrant`, who may use sudo, with the well-known key that Vagrant replaces at a machine's first
start.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from deploykit.base.errors import DeployKitError
from deploykit.base.filelock import locked
from deploykit.base.homes import cache_home
from deploykit.base.process import Runner, run
from deploykit.base.progress import Progress
from deploykit.base.root import as_root
from deploykit.image.layer import image_key
from deploykit.providers.lxd.api import Lxd
from deploykit.providers.lxd.bases import store_image
from deploykit.providers.lxd.images import ALIAS
from deploykit.site import Site

FORMAT = 1  # of the box: raise it when what this module adds to the same image changes
TEMPLATE = "lxc-template.sh"
USER = "vagrant"
USER_ID = 1000
NEEDED_BYTES = 6 * 2**30
TIMEOUT = 600.0  # seconds for each step; an image has about a gigabyte
MAKING_TIMEOUT = 3600.0  # seconds: as long as another may take, the image of the box included
PUBLIC_KEY = Path("keys", "vagrant.pub")  # in Vagrant's own folder
SUDOERS = f"{USER} ALL=(ALL) NOPASSWD: ALL\n"
METADATA = {"provider": "lxc", "version": "1.0.0"}  # the version is that of the format
LXC_CONFIG = """\
lxc.include = /usr/share/lxc/config/common.conf
lxc.apparmor.profile = unconfined
"""


@dataclass(frozen=True, slots=True)
class Box:
    """A box by the name that Vagrant knows it by, its image's key, the file it is added from."""

    name: str
    key: str
    file: Path


def box_of(site: Site, installed: bool) -> Box:
    """The box of today's node image, or of its layer with packages `installed`, made or not."""
    key = image_key(site, installed)
    parts = hashlib.sha256(f"{FORMAT}\n{LXC_CONFIG}\n{_template()}".encode())
    name = f"deploy-kit-{key}-{parts.hexdigest()[:6]}"
    return Box(name, key, cache_home() / "box" / f"{name}.box")


def ensure_box(site: Site, progress: Progress, installed: bool) -> Box:
    """The box that `box_of` names, made if it is missing; those of older images are removed.

    Raises DeployKitError if LXD has no image to make it of, or the disk no room.
    """
    box = box_of(site, installed)
    if box.file.is_file():
        return box
    folder = box.file.parent
    folder.mkdir(parents=True, exist_ok=True)
    log = site.logs / "box.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock", MAKING_TIMEOUT):
        if box.file.is_file():
            return box
        store_image(Lxd(), site, progress, installed=installed)
        free = shutil.disk_usage(folder).free
        if free < NEEDED_BYTES:
            raise DeployKitError(
                f"{folder} has {free / 2**30:.1f} GiB free, making the box takes 6 GiB",
                "free some space, or set XDG_CACHE_HOME to a larger disk",
            )
        for left in folder.glob("making-*"):
            shutil.rmtree(left)
        with progress.step(f"Vagrant box {box.name}") as step:
            aside = Path(tempfile.mkdtemp(prefix="making-", dir=folder))
            step.note("the image out of LXD")
            root = _export_image(box.key, aside, log)
            step.note("the user vagrant")
            _add_user(root, aside, log)
            step.note("packing")
            _pack(root, aside, log)
            (aside / "new.box").replace(box.file)
            shutil.rmtree(aside)
        current = {box_of(site, kind).file for kind in (False, installed)}
        for old in folder.glob("*.box"):
            if old not in current:
                old.unlink()
    return box


def _export_image(key: str, aside: Path, log: Path) -> Path:
    """The tar of the image's files, as LXD keeps it."""
    alias = f"{ALIAS}{key}"
    run(
        ["lxc", "image", "export", alias, aside / "image", "--project", "default"],
        timeout=TIMEOUT,
        log=log,
    )
    return aside / "image.root"


def user_files(present: Mapping[str, str], public_key: str) -> dict[str, tuple[str, int, int]]:
    """The files that make the user: path -> (content, mode, owner's id).

    `present` holds the image's etc/passwd, etc/shadow and etc/group.
    """
    name, number, home = USER, USER_ID, f"home/{USER}"
    passwd = f"{name}:x:{number}:{number}::/{home}:/bin/bash\n"
    return {
        "etc/passwd": (present["etc/passwd"] + passwd, 0o644, 0),
        "etc/shadow": (present["etc/shadow"] + f"{name}:*:19000:0:99999:7:::\n", 0o640, 0),
        "etc/group": (present["etc/group"] + f"{name}:x:{number}:\n", 0o644, 0),
        f"etc/sudoers.d/{name}": (SUDOERS, 0o440, 0),
        f"{home}/.ssh/authorized_keys": (f"{public_key.strip()}\n", 0o600, number),
    }


def _add_user(root: Path, aside: Path, log: Path) -> None:
    """Append the user's files to the image's tar: of two members of one name the last counts."""
    wanted = ("etc/passwd", "etc/shadow", "etc/group")
    present: dict[str, str] = {}
    shadow_group = 0
    with tarfile.open(root) as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if name in wanted:
                content = tar.extractfile(member)
                assert content is not None
                present[name] = content.read().decode()
                shadow_group = member.gid if name == "etc/shadow" else shadow_group
            if len(present) == len(wanted):
                break
    more = aside / "user.tar"
    with tarfile.open(more, "w", format=tarfile.GNU_FORMAT) as tar:
        for folder, mode in ((f"home/{USER}", 0o755), (f"home/{USER}/.ssh", 0o700)):
            entry = tarfile.TarInfo(f"./{folder}")
            entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, mode, USER_ID, USER_ID
            tar.addfile(entry)
        for name, (text, mode, owner) in user_files(present, insecure_key()).items():
            entry, data = tarfile.TarInfo(f"./{name}"), text.encode()
            entry.size, entry.mode, entry.uid, entry.gid = len(data), mode, owner, owner
            if name == "etc/shadow":
                entry.gid = shadow_group
            tar.addfile(entry, io.BytesIO(data))
    run(
        [*as_root(), "tar", "--concatenate", "--file", root, more],
        timeout=TIMEOUT,
        log=log,
    )


def insecure_key(runner: Runner = run) -> str:
    """The public key that every Vagrant accepts at a machine's first start, from Vagrant itself."""
    result = runner(
        ["ruby", "-e", 'puts Gem::Specification.find_by_name("vagrant").gem_dir'],
        timeout=30,
        check=False,
    )
    file = Path(result.stdout.strip() or "/nonexistent") / PUBLIC_KEY
    if not file.is_file():
        raise DeployKitError(
            "Vagrant is not installed (its file keys/vagrant.pub is not there)",
            "deploy-kit/setup --vagrant",
        )
    return file.read_text(encoding="utf-8")


def _template() -> str:
    return files("deploykit.providers.vagrant").joinpath(TEMPLATE).read_text(encoding="utf-8")


def _pack(root: Path, aside: Path, log: Path) -> None:
    (aside / "metadata.json").write_text(json.dumps(METADATA), encoding="utf-8")
    (aside / "lxc-config").write_text(LXC_CONFIG, encoding="utf-8")
    (aside / "lxc-template").write_text(_template(), encoding="utf-8")
    (aside / "lxc-template").chmod(0o755)
    # Level 1: unpacked once on this host, sent nowhere.
    run(["gzip", "-1", "--force", root], timeout=TIMEOUT, log=log)
    root.with_name(f"{root.name}.gz").replace(aside / "rootfs.tar.gz")
    run(
        ["tar", "--create", "--file", aside / "new.box", "--directory", aside,
         "metadata.json", "lxc-config", "lxc-template", "rootfs.tar.gz"],
        timeout=TIMEOUT,
        log=log,
    )  # fmt: skip
