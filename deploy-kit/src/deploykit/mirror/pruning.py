"""Sets of packages that nothing needs any more: found, and removed with their files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from deploykit.mirror.packageset import PackageSet
from deploykit.mirror.store import Holding, Store
from deploykit.mirror.updating import aptly_of
from deploykit.site import Site


@dataclass(frozen=True, slots=True)
class Spare:
    """What may go: sets that the site need not hold, and sites whose folders are no more."""

    sets: tuple[str, ...]
    sites: tuple[str, ...]


def spare_sets(
    holdings: Mapping[str, Holding], site: str, needed: Collection[str], there: Collection[str]
) -> Spare:
    """What the site of that id may give up. Pure.

    `needed` are the sets that its releases pin, `there` the ids of the sites whose folders are
    there. The newest set always stays.
    """
    own = holdings.get(site)
    held = own.sets if own else ()
    spare = tuple(one.set for one in held[:-1] if one.set not in needed)
    return Spare(spare, tuple(sorted(set(holdings) - set(there) - {site})))


def sites_there(holdings: Mapping[str, Holding]) -> frozenset[str]:
    """The ids of those whose site.yml is there."""
    return frozenset(
        site for site, one in holdings.items() if (Path(one.folder) / "site.yml").is_file()
    )


def unheld(holdings: Iterable[Holding], sets: Iterable[str]) -> tuple[str, ...]:
    """Of `sets` those that no site holds. Pure."""
    held = {one.set for holding in holdings for one in holding.sets}
    return tuple(sorted(set(sets) - held))


def remove_sets(store: Store, site: Site, spare: Spare) -> int:
    """Give up what is spare, and remove what no site holds then; returns the bytes that are free.

    What a killed call left half done is finished by the next.
    """
    with store.locked():
        aptly = aptly_of(store, site)
        before = _bytes(store.folder / "aptly" / "pool")
        holdings = store.holdings()
        for gone in spare.sites:
            for held in holdings[gone].sets:
                aptly.withdraw(held.set, gone)
            store.forget_site(gone)
        for digest in spare.sets:
            aptly.withdraw(digest, site.id)
        if own := store.holdings().get(site.id):
            kept = tuple(held for held in own.sets if held.set not in spare.sets)
            store.write_holding(site.id, replace(own, sets=kept))
        for digest in unheld(store.holdings().values(), store.sets()):
            store.forget_set(digest)
        for name in sorted(aptly.snapshots() - _snapshots(store)):
            aptly.drop(name)
        aptly.clean()
        return before - _bytes(store.folder / "aptly" / "pool")


def _snapshots(store: Store) -> frozenset[str]:
    """The names of the snapshots that some set consists of."""
    sets: list[PackageSet] = [store.read_set(digest) for digest in store.sets()]
    return frozenset(snapshot.name for one in sets for snapshot in one.snapshots)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
