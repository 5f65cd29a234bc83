"""The site: the folder that holds environments and releases, and where its state is kept."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.base.homes import state_home
from deploykit.base.yamlfile import Value, load
from deploykit.site.environment import Environment, load_environments
from deploykit.site.instance import Instance
from deploykit.site.promotion import Promotion

KEYS = frozenset({"name", "ledger", "manifest", "image"})
PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
GENESIS = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
ID_LENGTH = 6


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

    @property
    def manifest(self) -> Path:
        return self.folder / "gitshelf.yml"

    @property
    def content(self) -> Path:
        """The working copy's `salt/`, beside the site."""
        return self.folder.parent / "salt"

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
    def instances(self) -> Path:
        """Where every instance has its folder, by its name."""
        return self.state / "instances"

    def instance(self, instance: Instance) -> Path:
        """The folder of one instance."""
        return self.instances / str(instance)

    def environments(self) -> dict[str, Environment]:
        return load_environments(self.folder / "environments")

    def environment(self, name: str) -> Environment:
        """The environment `name`. Raises InputError where there is none."""
        found = self.environments()
        if name not in found:
            raise InputError(
                f"there is no environment '{name}' in {self.folder / 'environments'}",
                f"there are: {', '.join(found) or 'none'}",
            )
        return found[name]

    def promotions(self) -> dict[str, Promotion]:
        """The policy that the environment files ask for; in force only once the ledger has it."""
        return {name: entry.promotion for name, entry in self.environments().items()}


def open_site(folder: Path) -> Site:
    """Read `folder`/site.yml. Raises InputError where it is missing or does not fit."""
    folder = folder.resolve()
    file = folder / "site.yml"
    if not file.is_file():
        raise InputError(
            f"{folder} is no site: it has no site.yml",
            "run it in a checkout, name the site with --site DIR, or start one with "
            "'deploy-kit init DIR'",
        )
    keys = load(file).mapping(KEYS)
    name = keys["name"].text() if "name" in keys else folder.name
    site_id = hashlib.sha256(str(folder).encode()).hexdigest()[:ID_LENGTH]
    state = state_home() / f"{name}-{site_id}"
    ledger, genesis = str(state / "ledger.git"), None
    if "ledger" in keys:
        ledger, genesis = _ledger(keys["ledger"])
    image = keys["image"].mapping(frozenset({"download"})) if "image" in keys else {}
    downloaded = _packages(image["download"]) if "download" in image else None
    return Site(name, folder, site_id, state, ledger, downloaded, genesis)


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


def _packages(value: Value) -> tuple[str, ...]:
    names = tuple(item.text() for item in value.items())
    for name in names:
        if not PACKAGE.fullmatch(name):
            raise value.error(f"'{name}' is not the name of a Debian package")
    return names


def find_site(start: Path) -> Path:
    """The site folder for a call made in `start`: itself, or `deploy-kit/` here or above."""
    for folder in (start, *start.parents):
        for candidate in (folder, folder / "deploy-kit"):
            if (candidate / "site.yml").is_file():
                return candidate
    return start
