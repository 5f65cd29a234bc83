"""What this machine's mirror has: sets of packages, and which sites hold them.

One folder for all sites of a user, so that nothing is downloaded twice; aptly's database and pool
are in it. Only a site itself writes what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from deploykit.base import files, times
from deploykit.base.errors import InputError
from deploykit.base.filelock import locked
from deploykit.base.homes import state_home
from deploykit.mirror.packageset import DIGEST, SHORT, PackageSet, parse_set, set_json
from deploykit.site import Site

LOCK_TIMEOUT = 7200.0  # seconds: as long as another site's first update may take


@dataclass(frozen=True, slots=True)
class Held:
    """A set that a site holds, and when it first had it (UTC, ISO 8601)."""

    set: str
    time: str


@dataclass(frozen=True, slots=True)
class Holding:
    """What one site holds: its folder, where its sets are published, its sets, the newest last."""

    folder: str
    published: str
    sets: tuple[Held, ...] = ()

    @property
    def newest(self) -> str | None:
        """The digest of the set that the last update brought."""
        return self.sets[-1].set if self.sets else None


@dataclass(frozen=True, slots=True)
class Store:
    """The mirror's folder."""

    folder: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one at a time change it, of all sites. Raises DeployKitError after two hours."""
        with locked(self.folder / ".lock", LOCK_TIMEOUT):
            yield

    def read_set(self, digest: str) -> PackageSet:
        """A set by its whole digest. Raises InputError if it is not here."""
        file = self._set(digest)
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise InputError(
                f"the set of packages {digest[:SHORT]} is not on this machine",
                f"it is where the release was cut: bring {self.folder} from there",
            ) from None
        found = parse_set(text, str(file))
        if found.digest != digest:
            raise InputError(f"{file}: this is another set than its name says", "remove it")
        return found

    def write_set(self, one: PackageSet) -> None:
        """Keep a set; one of the same name is the same."""
        file = self._set(one.digest)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write(file, json.dumps(set_json(one), indent=1) + "\n", sync=True)

    def sets(self) -> tuple[str, ...]:
        """The digests of the sets that are here."""
        return tuple(sorted(file.stem for file in self._set("").parent.glob("*.json")))

    def forget_set(self, digest: str) -> None:
        """Remove a set's list; the files are aptly's."""
        self._set(digest).unlink(missing_ok=True)

    def holdings(self) -> dict[str, Holding]:
        """What each site holds, by its id."""
        return {file.stem: _holding(file) for file in sorted(self.folder.glob("sites/*.json"))}

    def holding(self, site: Site) -> Holding:
        """What `site` holds; nothing yet if nobody said."""
        none_yet = Holding(str(site.folder), str(site.state / "mirror"))
        return self.holdings().get(site.id, none_yet)

    def hold(self, site: Site, digest: str, now: datetime) -> None:
        """Make the set the site's newest."""
        before = self.holding(site)
        others = tuple(held for held in before.sets if held.set != digest)
        since = next((h.time for h in before.sets if h.set == digest), times.iso(now))
        self.write_holding(site.id, replace(before, sets=(*others, Held(digest, since))))

    def write_holding(self, site: str, holding: Holding) -> None:
        """Write what the site of that id holds."""
        file = self.folder / "sites" / f"{site}.json"
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write(file, json.dumps(asdict(holding), indent=1) + "\n", sync=True)

    def forget_site(self, site: str) -> None:
        """Remove what is noted of a site that is no more."""
        (self.folder / "sites" / f"{site}.json").unlink(missing_ok=True)

    def published(self) -> Mapping[str, Path]:
        """Where each site's sets are published, by its id."""
        return {site: Path(holding.published) for site, holding in self.holdings().items()}

    def _set(self, digest: str) -> Path:
        return self.folder / "sets" / f"{digest}.json"


def open_store() -> Store:
    """This user's store."""
    return Store(state_home() / "mirror")


def find_set(store: Store, site: Site, text: str) -> str:
    """The digest of the set that `text` names: `newest`, `previous`, or the beginning of a digest.

    Raises InputError where none or several fit.
    """
    held = store.holding(site).sets
    places = {"newest": -1, "previous": -2}
    if text in places:
        if len(held) < -places[text]:
            raise InputError(f"the site has no {text} set of packages", "deploy-kit mirror update")
        return held[places[text]].set
    fits = [digest for digest in store.sets() if digest.startswith(text.removeprefix("sha256:"))]
    if len(fits) != 1:
        problem = "fits more than one set" if fits else "names no set of packages"
        listed = ", ".join(digest[:SHORT] for digest in fits or store.sets())
        raise InputError(f"'{text}' {problem}", f"there are: {listed or 'none'}, newest, previous")
    return fits[0]


def _holding(file: Path) -> Holding:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        sets = tuple(Held(**entry) for entry in document["sets"])
        if not all(DIGEST.fullmatch(held.set) for held in sets):
            raise ValueError("a digest")
        return Holding(document["folder"], document["published"], sets)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{file}: cannot be read ({error})", "remove it, then: deploy-kit mirror update"
        ) from None
