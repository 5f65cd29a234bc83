"""Cutting a release: branches become pins, pins become a kit in the store."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from deploykit.base import files, git
from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.filelock import locked
from deploykit.base.progress import Progress, Silent
from deploykit.ledger import Ledger, view
from deploykit.ledger.bodies import release_body
from deploykit.ledger.kinds import RELEASE_MANAGER, Body
from deploykit.ledger.records import Record
from deploykit.ledger.schema import VERSION
from deploykit.release import (
    KIT,
    Release,
    Unbuilt,
    check_digest,
    kit_digest,
    manifests,
    stored,
)
from deploykit.release.authors import Base, are_asked_for, list_authors, newest_base
from deploykit.release.committing import commit_pins, demand_repository
from deploykit.release.hotfix import Hotfix
from deploykit.release.packages import with_packages
from deploykit.release.proof import pins_digest
from deploykit.release.rules import demand_rules
from deploykit.site import Site

HERE = "{here}"  # where a manifest has a book that lies in its own repository
LOCK_TIMEOUT = 1200.0  # seconds: as long as another cut may take, its hooks included
SHA_LINE = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Cut:
    """What `cut` did: the release, whether it is new, and whether its pins are committed."""

    release: Release
    new: bool
    committed: bool


def cut(
    site: Site,
    ledger: Ledger,
    *,
    commit: bool,
    version: str | None = None,
    today: date | None = None,
    hotfix: Hotfix | None = None,
    progress: Progress | None = None,
) -> Cut:
    """Resolve the site's manifest to full SHAs, build its kit and record it as a release; with
    `hotfix` its pins instead. A site with a mirror has its newest set of packages pinned, too.

    Where a release has those very pins already, that one is returned. The version is the ledger's
    to give: two who cut at the same time get two. With `commit` the pins are written to `releases/`
    and committed (that file alone), else they stay in the state folder. Raises gitshelf's errors,
    Refused if the pins break a rule or the mirror lacks packages of the content, InputError for a
    version that is taken or is none, LedgerError for one who may release nothing, CommandFailed if
    git refuses the commit; then nothing is cut (what the ledger has by then is what the next cut of
    the same content gets).
    """
    shown = progress or Silent()
    if commit:
        demand_repository(site)
    with locked(site.kits / ".lock", LOCK_TIMEOUT):
        _sweep(site)
        tokens = here_tokens(site)
        text = hotfix.text if hotfix is not None else with_packages(site, pinned(site, tokens))
        known = manifests(site)
        found = _already_cut(site, known, text)
        if found is not None:
            release = stored(site, found, known[found]) or _build(
                site, ledger, known[found], tokens
            )
            _record(ledger, release)
            file, pins = _committed_pins(site, found), known[found].read_text(encoding="utf-8")
            return Cut(release, False, commit and commit_pins(site, file, pins, shown))
        if version is not None and not VERSION.fullmatch(version):
            raise InputError(f"'{version}' is no version", "write YEAR.WEEK.N, e.g. 2026.47.1")
        if version in known:
            raise InputError(
                f"the version {version} is taken, by other pins", f"they are in {known[version]}"
            )
        week = today or datetime.now(UTC).date()
        base = hotfix.base if hotfix is not None else newest_base(ledger.known, known)
        before = hotfix.base.pins if hotfix is not None else next(reversed(known.values()), None)

        # The rules are asked while the kit is built, which is kept only if they hold.
        with _pins_aside(site, "pins.yml", text) as aside, ThreadPoolExecutor(1) as beside:
            rules = beside.submit(demand_rules, site, aside, before, tokens)
            folder = _kit_aside(ledger, aside, tokens)
            rules.result()
            wanted = are_asked_for(ledger.known)
            written = Written(base, list_authors(base, aside, tokens)) if wanted else None
            chosen = _reserve(
                ledger,
                kit_digest(folder),
                text,
                lambda taken: version or next_version(taken, week),
                known,
                written=written,
            )
            file = _committed_pins(site, chosen) if commit else site.pins / f"{chosen}.yml"
            if commit:
                commit_pins(site, file, text, shown)
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                files.write(file, text)
            return Cut(_show(site, folder, file), True, commit)


def _committed_pins(site: Site, version: str) -> Path:
    return site.folder / "releases" / f"{version}.yml"


def build_release(site: Site, ledger: Ledger, found: Release | Unbuilt) -> Release:
    """What a lookup found, with its kit in the store: built from its pins if it is not there.

    The kit is signed with this site's key of a release manager. One that was cut for another ledger
    is recorded as a release of this one. Raises gitshelf's errors, and InputError if the pins give
    another kit than the ledger has under that version.
    """
    if isinstance(found, Release):
        _record(ledger, found)
        return found
    with locked(site.kits / ".lock", LOCK_TIMEOUT):
        release = stored(site, found.version, found.manifest)
        release = release or _build(site, ledger, found.manifest, here_tokens(site))
    if found.digest is not None:
        check_digest(release, found.digest)
    _record(ledger, release)
    return release


def pinned(site: Site, tokens: Mapping[str, str]) -> str:
    """The site's manifest with a full SHA for every book. Raises GitshelfError."""
    from gitshelf import pinned_manifest

    return pinned_manifest(site.manifest, tokens=tokens)


def next_version(taken: Collection[str], today: date) -> str:
    """YEAR.WEEK.N of the ISO week of `today`, N one more than the largest so far."""
    year, week, _ = today.isocalendar()
    numbers = [int(v.split(".")[2]) for v in taken if v.startswith(f"{year}.{week}.")]
    return f"{year}.{week}.{max(numbers, default=0) + 1}"


def uncommitted(site: Site) -> list[str]:
    """Changed files of the site's own books, which no release holds until they are committed."""
    from gitshelf.resolution import load

    top = git.top(site.folder)
    if top is None:
        return []
    books = load(site.manifest, tokens={"here": str(top)}).books
    folders = [book.path or "." for book in books if book.origin == HERE]
    if not folders:
        return []
    words = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal"]
    result = git.plainly(top, [*words, "--ignore-submodules=none", "--", *folders])
    return [line[3:] for line in result.stdout.split("\0") if line] if not result.returncode else []


def here_tokens(site: Site) -> dict[str, str]:
    """The value of `{here}`: the repository that holds the site, wherever its pins are kept."""
    top = git.top(site.folder)
    return {"here": str(top)} if top is not None else {}


def _already_cut(site: Site, known: dict[str, Path], text: str) -> str | None:
    """The release with the same pins.

    A repository that pins itself moves on by the very commit that adds a release's pins; the
    newest release counts as the same when nothing else has changed since.
    """
    texts = {version: _read(file) for version, file in known.items()}
    for version, old in texts.items():
        if old == text:
            return version
    newest = next(reversed(texts), None)
    if newest is not None and _only_releases_between(site, texts[newest], text):
        return newest
    return None


def _read(pins: Path) -> str:
    """The text of a file of pins; bytes that are no UTF-8 stay, and are gitshelf's to refuse."""
    return pins.read_text(encoding="utf-8", errors="surrogateescape")


def _only_releases_between(site: Site, old: str, new: str) -> bool:
    """Whether the texts differ in SHAs alone, and those commits in `releases/` alone."""
    top = git.top(site.folder)
    before, after = old.splitlines(), new.splitlines()
    if top is None or len(before) != len(after):
        return False
    pairs: set[tuple[str, str]] = set()
    for was, now in zip(before, after, strict=True):
        if was == now:
            continue
        olds, news = SHA_LINE.findall(was), SHA_LINE.findall(now)
        if SHA_LINE.sub("", was) != SHA_LINE.sub("", now) or len(olds) != 1 or len(news) != 1:
            return False
        pairs.add((olds[0], news[0]))
    folder = (site.folder / "releases").relative_to(top)
    words = ["diff-tree", "--quiet", "-r", "--ignore-submodules=none"]
    where = ["--", ":(top)", f":(top,exclude,literal){folder}"]
    return all(git.plainly(top, [*words, *pair, *where]).returncode == 0 for pair in pairs)


def _record(ledger: Ledger, release: Release) -> None:
    """Have the ledger know `release`, whose pins and kit are here; nothing if it does."""
    known = view.released(ledger.known, release.digest)
    if known is not None:
        return  # `prove` refuses it if that is another version
    text = release.manifest.read_text(encoding="utf-8")
    _reserve(ledger, release.digest, text, lambda taken: release.version)


@dataclass(frozen=True, slots=True)
class Written:
    """Who wrote what a release has and its base has not; None for authors that are not known."""

    base: Base | None
    authors: Sequence[str] | None


class _AlreadyReleased(Exception):
    """The ledger has a version for that digest."""


def _reserve(
    ledger: Ledger,
    digest: str,
    pins: str,
    choose: Callable[[Collection[str]], str],
    taken: Collection[str] = (),
    *,
    written: Written | None = None,
) -> str:
    """The version of the kit `digest`: the one it has in the ledger, else that which
    `choose(versions that are taken)` returns, now recorded with who wrote it.

    Raises InputError if that one is another release's.
    """

    def decide(records: Sequence[Record], now: datetime) -> Body:
        released = view.releases(records)
        if digest in released and released[digest].pins is not None:
            raise _AlreadyReleased(released[digest].version)
        others = {entry.version: entry.digest for entry in released.values() if entry.pins}
        version = choose({*taken, *others})
        if version in others:
            raise InputError(
                f"the version {version} is taken: in the ledger it is {others[version]}",
                "another one: deploy-kit release cut --version YEAR.WEEK.N",
            )
        return release_body(
            digest,
            version,
            pins_digest(pins.encode()),
            base=written.base.digest if written and written.base else None,
            authors=written.authors if written else None,
        )

    try:
        return str(ledger.append(decide).body["version"])
    except _AlreadyReleased as known:
        return str(known)


def _build(site: Site, ledger: Ledger, manifest: Path, tokens: Mapping[str, str]) -> Release:
    """The release of the pins that are in `manifest`, with its kit in the store."""
    with _pins_aside(site, manifest.name, _read(manifest)) as aside:
        return _show(site, _kit_aside(ledger, aside, tokens), manifest)


@contextmanager
def _pins_aside(site: Site, name: str, text: str) -> Iterator[Path]:
    """A file `name` with the pins `text` in a folder of the store that is gone afterwards."""
    site.kits.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".new-", dir=site.kits))
    try:
        written = aside / name
        written.write_text(text, encoding="utf-8", errors="surrogateescape")
        yield written
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _kit_aside(ledger: Ledger, pins: Path, tokens: Mapping[str, str]) -> Path:
    """Build and sign the kit of the file `pins`, beside it; returns its folder."""
    from gitshelf import build

    folder = pins.with_name("release")
    folder.mkdir()
    build(pins, folder / KIT, tokens=tokens, key=ledger.key_for(RELEASE_MANAGER).file)
    return folder


def _show(site: Site, folder: Path, manifest: Path) -> Release:
    """Rename a folder with a kit into the store; returns the release of the pins in `manifest`."""
    version = manifest.stem
    target = site.kits / version
    if target.exists():  # a folder without a kit's sums: what a damaged store left
        shutil.rmtree(target)
    folder.rename(target)
    release = stored(site, version, manifest)
    if release is None:
        raise DeployKitError(f"the kit of {version} was built but cannot be read back")
    return release


def _sweep(site: Site) -> None:
    """Remove what killed cuts left behind; only called with the lock held."""
    for left in site.kits.glob(".new-*"):
        shutil.rmtree(left, ignore_errors=True)
