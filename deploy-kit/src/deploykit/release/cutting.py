"""Cutting a release: branches become pins, pins become a kit in the store."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from deploykit.base import files
from deploykit.base.errors import CommandFailed, DeployKitError, InputError
from deploykit.base.filelock import locked
from deploykit.base.process import Result, run
from deploykit.release import KIT, VERSION, Release, Unbuilt, check_digest, manifests, stored
from deploykit.site import Site
from deploykit.site.keys import operator_key

LOCK_TIMEOUT = 300.0  # seconds: as long as another cut may take
GIT_TIMEOUT = 30.0
SHA_LINE = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
GIT_ENV = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Cut:
    """What `cut` did: the release, whether it is new, and whether its pins are committed."""

    release: Release
    new: bool
    committed: bool


def cut(site: Site, *, commit: bool, version: str | None = None, today: date | None = None) -> Cut:
    """Resolve the site's manifest to full SHAs and build its kit; returns the release.

    Where a release has those very pins already, that one is returned. With `commit` the pins are
    written to `releases/` and committed (that file alone), else they stay in the state folder.
    Raises gitshelf's errors, InputError for a version that is taken or is none.
    """
    with locked(site.kits / ".lock", LOCK_TIMEOUT):
        _sweep(site)
        text = pinned(site)
        known = manifests(site)
        found = _already_cut(site, known, text)
        if found is not None:
            release = stored(site, found, known[found]) or _build(site, found, known[found])
            file = site.folder / "releases" / f"{found}.yml"
            if commit and not file.exists():  # it was cut with --no-commit before
                _write_pins(file, known[found].read_text(encoding="utf-8"))
            done = commit and _commit(site, file)
            return Cut(release, False, done)
        chosen = version or next_version(known, today or datetime.now(UTC).date())
        if not VERSION.fullmatch(chosen):
            raise InputError(f"'{chosen}' is no version", "write YEAR.WEEK.N, e.g. 2026.47.1")
        if chosen in known:
            raise InputError(
                f"the version {chosen} is taken, by other pins", f"they are in {known[chosen]}"
            )
        file = (site.folder / "releases" if commit else site.pins) / f"{chosen}.yml"
        release = _build(site, chosen, file, text)
        return Cut(release, True, commit and _commit(site, file))


def build_release(site: Site, found: Release | Unbuilt) -> Release:
    """What a lookup found, with its kit in the store: built from its pins if it is not there.

    The kit is signed by this operator. Raises gitshelf's errors, and InputError if the pins give
    another kit than the ledger has under that version.
    """
    if isinstance(found, Release):
        return found
    with locked(site.kits / ".lock", LOCK_TIMEOUT):
        release = stored(site, found.version, found.manifest)
        release = release or _build(site, found.version, found.manifest)
    if found.digest is not None:
        check_digest(release, found.digest)
    return release


def pinned(site: Site) -> str:
    """The site's manifest with a full SHA for every book. Raises GitshelfError."""
    from gitshelf import pinned_manifest

    return pinned_manifest(site.manifest, tokens=here_tokens(site))


def next_version(taken: dict[str, Path], today: date) -> str:
    """YEAR.WEEK.N of the ISO week of `today`, N one more than the largest so far."""
    year, week, _ = today.isocalendar()
    numbers = [int(v.split(".")[2]) for v in taken if v.startswith(f"{year}.{week}.")]
    return f"{year}.{week}.{max(numbers, default=0) + 1}"


def uncommitted(site: Site) -> list[str]:
    """Changed files of the site's own books, which no release holds until they are committed."""
    from gitshelf.resolution import load

    top = _top(site)
    if top is None:
        return []
    books = load(site.manifest, tokens=here_tokens(site)).books
    folders = [book.path or "." for book in books if book.origin == "{here}"]
    if not folders:
        return []
    result = _git(top, ["status", "--porcelain", "--", *folders])
    return [line[3:] for line in result.stdout.splitlines()] if result.returncode == 0 else []


def here_tokens(site: Site) -> dict[str, str]:
    """The value of `{here}`: the repository that holds the site, wherever its pins are kept."""
    top = _top(site)
    return {"here": str(top)} if top is not None else {}


def _already_cut(site: Site, known: dict[str, Path], text: str) -> str | None:
    """The release with the same pins.

    A repository that pins itself moves on by the very commit that adds a release's pins; the
    newest release counts as the same when nothing else has changed since.
    """
    texts = {version: file.read_text(encoding="utf-8") for version, file in known.items()}
    for version, old in texts.items():
        if old == text:
            return version
    newest = next(reversed(texts), None)
    if newest is not None and _only_releases_between(site, texts[newest], text):
        return newest
    return None


def _only_releases_between(site: Site, old: str, new: str) -> bool:
    """Whether the texts differ in SHAs alone, and those commits in `releases/` alone."""
    top = _top(site)
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
    return all(
        _git(top, ["diff", "--quiet", *pair, "--", ".", f":(exclude){folder}"]).returncode == 0
        for pair in pairs
    )


def _build(site: Site, version: str, manifest: Path, text: str | None = None) -> Release:
    """Build the kit aside, then show pins (`text`, where they are new) and kit by renames."""
    from gitshelf import build

    pins = text if text is not None else manifest.read_text(encoding="utf-8")
    site.kits.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".new-", dir=site.kits))
    try:
        written = aside / f"{version}.yml"
        written.write_text(pins, encoding="utf-8")
        folder = aside / "release"
        folder.mkdir()
        key = operator_key(site)
        build(written, folder / KIT, tokens=here_tokens(site), key=key.file)
        if text is not None:
            _write_pins(manifest, text)
        target = site.kits / version
        if target.exists():  # a folder without a kit's sums: what a damaged store left
            shutil.rmtree(target)
        folder.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    release = stored(site, version, manifest)
    if release is None:
        raise DeployKitError(f"the kit of {version} was built but cannot be read back")
    return release


def _write_pins(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    files.write(file, text)


def _sweep(site: Site) -> None:
    """Remove what killed cuts left behind; only called with the lock held."""
    for left in site.kits.glob(".new-*"):
        shutil.rmtree(left, ignore_errors=True)


def _commit(site: Site, file: Path) -> bool:
    """Commit exactly `file`; whether there was something to commit."""
    top = _top(site)
    if top is None:
        raise InputError(
            f"{site.folder} is in no git repository, so the pins cannot be committed",
            "deploy-kit release cut --no-commit",
        )
    if not file.exists() or not _git(top, ["status", "--porcelain", "--", str(file)]).stdout:
        return False
    words = ["commit", "--quiet", "-m", f"Release {file.stem}", "--", str(file)]
    for step in (["add", "--", str(file)], words):
        result = _git(top, step)
        if result.returncode != 0:
            raise CommandFailed(
                f"git cannot commit {file}: {result.stderr.strip()}",
                "the release is cut; commit its pins yourself, or run this again",
            )
    return True


def _top(site: Site) -> Path | None:
    result = _git(site.folder, ["rev-parse", "--show-toplevel"])
    return Path(result.stdout.strip()) if result.returncode == 0 else None


def _git(folder: Path, words: list[str]) -> Result:
    return run(["git", "-C", folder, *words], timeout=GIT_TIMEOUT, check=False, env=GIT_ENV)
