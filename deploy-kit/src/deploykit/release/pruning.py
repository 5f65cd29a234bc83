"""Kits that nothing can go back to: found, and removed. Their pins stay, and build them again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploykit.base.filelock import locked
from deploykit.base.files import remove_tree
from deploykit.ledger import view
from deploykit.ledger.records import Record
from deploykit.ledger.schema import Phase
from deploykit.release import Release, releases
from deploykit.release.cutting import LOCK_TIMEOUT
from deploykit.site import Site


@dataclass(frozen=True, slots=True)
class Spare:
    """A kit that may go: its release, and the bytes that it takes, unpacked files included."""

    release: Release
    bytes: int


def spare_kits(site: Site, records: Sequence[Record], keep: int) -> tuple[Spare, ...]:
    """The kits in the store that may go, oldest first.

    What stays: what an environment runs or is being deployed, the last `keep` that each ran before
    that, what was cut after the oldest of what runs, and the newest one.
    """
    stored = releases(site)
    needed = needed_releases(records, keep)
    newer = _cut_since(stored, needed)
    return tuple(
        Spare(release, sum(_size(folder) for folder in _folders(site, release)))
        for release in stored
        if release.digest not in needed and release.digest not in newer
    )


def needed_releases(records: Sequence[Record], keep: int) -> frozenset[str]:
    """The digests of what environments run, are being deployed, and ran before, `keep` of each."""
    needed: set[str] = set()
    for name in view.policy_in_force(records):
        attempts = view.attempts(records, name)
        needed.update(attempt.release for attempt in attempts if attempt.open)
        ran = [a.release for a in attempts if a.phase == Phase.FINISHED]
        needed.update(list(dict.fromkeys(reversed(ran)))[: keep + 1])
        back = view.previous(records, name)
        needed.update({back.digest} if back is not None else ())
    return frozenset(needed)


def remove_kits(site: Site, spare: Iterable[Spare]) -> None:
    """Remove kits from the store with what was unpacked of them; their pins stay."""
    with locked(site.kits / ".lock", LOCK_TIMEOUT):
        for entry in spare:
            for folder in _folders(site, entry.release):
                remove_tree(folder)


def _cut_since(stored: Sequence[Release], needed: frozenset[str]) -> frozenset[str]:
    """The digests of the newest release, and of those that were cut after the first needed one."""
    first = next((n for n, release in enumerate(stored) if release.digest in needed), None)
    since = stored[first:] if first is not None else stored
    return frozenset(release.digest for release in (*since, *stored[-1:]))


def _folders(site: Site, release: Release) -> tuple[Path, ...]:
    return (release.folder, release.place(site))


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
