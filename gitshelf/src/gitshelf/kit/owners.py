"""Which book of a shelf a folder belongs to. Standard library only."""

from __future__ import annotations


class Owners:
    """Which of `places` (paths of books) a folder belongs to: the nearest one above it."""

    def __init__(self, places: list[bytes]) -> None:
        self._known: dict[bytes, bytes | None] = {b"": None}
        self._known.update((place, place) for place in places)

    def of(self, folder: bytes) -> bytes | None:
        """The place that holds `folder`, or None if it lies between books."""
        unknown = []
        while folder not in self._known:
            unknown.append(folder)
            folder = folder.rpartition(b"/")[0]
        owner = self._known[folder]
        for path in unknown:
            self._known[path] = owner
        return owner


def ancestors(folders: set[bytes]) -> set[bytes]:
    """The folders with all folders above them, the shelf itself left out."""
    all_folders: set[bytes] = set()
    for folder in folders:
        while folder and folder not in all_folders:
            all_folders.add(folder)
            folder = folder.rpartition(b"/")[0]
    return all_folders
