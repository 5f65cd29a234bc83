"""The site: the folder that holds environments and releases, and where its state is kept."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.base.homes import state_home
from deploykit.base.yamlfile import Value, load
from deploykit.site.environment import (
    Environment,
    Reading,
    load_environments,
    read_environments,
)
from deploykit.site.instance import Instance
from deploykit.site.promotion import Promotion

# Read by those whose they are.
SECTIONS = frozenset({"jobs", "mirror", "notify", "openstack", "trackers"})
KEYS = frozenset({"name", "ledger", "manifest", "image"}) | SECTIONS
SITE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")  # part of the state folder's
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
GENESIS = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
ID_LENGTH = 6
PRIVATE = ("logs", "runs", "instances", "unpacked", "ledger", "kits", "locks")  # folders of state


@dataclass(frozen=True, slots=True)
class Site:
    """One site: its folder, what site.yml says, and its folder of state.

    `id` tells two checkouts on one machine apart; every name on the host carries it.
    `ledger` is the git remote that holds the branch `ledger`, `genesis` the commit that it must
    begin with (None: what this machine trusted before); `downloaded` the Debian packages
    that lie in the node image's archive, so that installing them takes no network (None: the
    image's own choice).
    """

    name: str
    folder: Path
    id: str
    state: Path
    ledger: str
    downloaded: tuple[str, ...] | None = None
    genesis: str | None = None
    manifest_name: str = "gitshelf.yml"

    @property
    def manifest(self) -> Path:
        """What a release is cut from."""
        return self.folder / self.manifest_name

    @property
    def content(self) -> Path:
        """The working copy's `salt/`: beside the site, or further up in its repository."""
        upwards = [self.folder, *self.folder.parents]
        top = next((at for at, folder in enumerate(upwards) if (folder / ".git").exists()), 0)
        beside, *further = [folder / "salt" for folder in upwards[1 : max(top, 1) + 1]]
        return next(
            (folder for folder in (beside, *further) if (folder / "roles.yml").is_file()), beside
        )

    @property
    def keys(self) -> Path:
        return self.state / "keys"

    @property
    def trust(self) -> Path:
        """What this machine trusts as the site's ledger; named by the folder alone."""
        return self.state.with_name(f"{self.id}.trust.json")

    @property
    def kits(self) -> Path:
        """The kit store: one folder per release version."""
        return self.state / "kits"

    @property
    def pins(self) -> Path:
        """Releases cut with --no-commit."""
        return self.state / "releases"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def runs(self) -> Path:
        """What is kept of the logs of calls, masked, and the index over them."""
        return self.state / "runs"

    @property
    def signatures(self) -> Path:
        """What the site knows of what logs say: `*.yml`."""
        return self.folder / "signatures"

    @property
    def instances(self) -> Path:
        """Where every instance has its folder, by its name."""
        return self.state / "instances"

    def instance(self, instance: Instance) -> Path:
        """The folder of one instance."""
        return self.instances / str(instance)

    def section(self, name: str) -> Value | None:
        """What site.yml says under `name`, one of SECTIONS; None if nothing."""
        return load(self.folder / "site.yml").mapping(KEYS).get(name)

    def environments(self) -> dict[str, Environment]:
        """Every environment by name, in the order of promotion. Raises InputError if a file does
        not fit: for what would be wrong without one of them."""
        return load_environments(self.folder / "environments")

    def read_environments(self) -> Reading:
        """The environments that can be read, and what is wrong with the others."""
        return read_environments(self.folder / "environments")

    def environment(self, name: str) -> Environment:
        """The environment `name`, whatever is wrong with others. Raises InputError if it does not
        fit, or there is none."""
        reading = self.read_environments()
        if name in reading.broken:
            raise reading.broken[name]
        if name not in reading.environments:
            there = ", ".join((*reading.environments, *reading.broken))
            raise InputError(
                f"there is no environment '{name}' in {self.folder / 'environments'}",
                f"there are: {there or 'none'}",
            )
        return reading.environments[name]

    def promotions(self, folder: Path | None = None) -> dict[str, Promotion]:
        """The policy that the environment files ask for, or those of another `folder`; in force
        only once the ledger has it. Raises InputError."""
        found = self.environments() if folder is None else load_environments(folder)
        if not found and folder is not None:
            raise InputError(f"{folder}: there is no environment file", "they are NAME.yml")
        return {name: entry.promotion for name, entry in found.items()}


def open_site(folder: Path) -> Site:
    """Read `folder`/site.yml. Raises InputError if it is missing or does not fit."""
    folder = folder.resolve()
    file = folder / "site.yml"
    if not file.is_file():
        raise InputError(
            f"{folder} is no site: it has no site.yml",
            "run it in a checkout, name the site with --site DIR, or start one with "
            "'deploy-kit init DIR'",
        )
    keys = load(file).mapping(KEYS)
    name = _name(keys["name"]) if "name" in keys else folder.name
    site_id = hashlib.sha256(str(folder).encode()).hexdigest()[:ID_LENGTH]
    state = state_home() / f"{name}-{site_id}"
    ledger, genesis = str(state / "ledger.git"), None
    if "ledger" in keys:
        ledger, genesis = _ledger(keys["ledger"])
    image = keys["image"].mapping(frozenset({"download"})) if "image" in keys else {}
    downloaded = _packages(image["download"]) if "download" in image else None
    manifest = _file(keys["manifest"]) if "manifest" in keys else "gitshelf.yml"
    return Site(name, folder, site_id, state, ledger, downloaded, genesis, manifest)


def _ledger(value: Value) -> tuple[str, str | None]:
    """The ledger's remote and the commit that it begins with, if site.yml says so."""
    if value.is_mapping:
        keys = value.mapping(frozenset({"url", "genesis"}))
        for name in ("url", "genesis"):
            if name not in keys:
                raise value.error(f"'{name}' is missing", "write {url: URL, genesis: COMMIT}")
        genesis = keys["genesis"].text()
        if not GENESIS.fullmatch(genesis):
            raise keys["genesis"].error(
                f"'{genesis}' is no commit", "deploy-kit ledger verify shows it"
            )
        return keys["url"].text(), genesis
    return value.text(), None


def _name(value: Value) -> str:
    text = value.text()
    if not SITE_NAME.fullmatch(text):
        raise value.error(
            f"'{text}' is not a name",
            "use letters, digits, '.', '_' and '-', a letter or digit first, at most 63 long",
        )
    return text


def _file(value: Value) -> str:
    text = value.text()
    if not FILE_NAME.fullmatch(text):
        raise value.error(f"'{text}' is no file beside site.yml", "gitshelf.yml")
    return text


def _packages(value: Value) -> tuple[str, ...]:
    names = tuple(item.text() for item in value.items())
    for name in names:
        if not PACKAGE.fullmatch(name):
            raise value.error(f"'{name}' is not the name of a Debian package")
    return names


def find_site(start: Path) -> Path:
    """The site folder for a call made in `start`: itself, or `deploy-kit/` here or above.

    Raises InputError for one that belongs to another user, as git does for repositories: whoever
    has a folder above could have this user's calls do anything. Named by a person, it is taken.
    """
    for folder in (start, *start.parents):
        for candidate in (folder, folder / "deploy-kit"):
            if (candidate / "site.yml").is_file():
                if not _is_own(candidate) or not _is_own(candidate / "site.yml"):
                    raise InputError(
                        f"the site {candidate} belongs to another user",
                        f"if it is the one you mean: --site {candidate}",
                    )
                return candidate
    return start


def _is_own(path: Path) -> bool:
    """Whether it belongs to this user, or to the one who called sudo."""
    owner, user = path.stat().st_uid, os.geteuid()
    return owner == user or (user == 0 and str(owner) == os.environ.get("SUDO_UID"))


def secure_state(site: Site) -> None:
    """Make the site's folders of state this user's alone: logs and inventories are for nobody else.

    What cannot be changed stays as it is.
    """
    for folder in (site.state, *(site.state / name for name in PRIVATE)):
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder.stat().st_mode & 0o077:
                folder.chmod(0o700)
