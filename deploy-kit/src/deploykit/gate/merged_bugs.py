"""Bug trackers told of what the gate merged, beside its rounds: a tracker may be slow or away."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploykit.base.beside import Beside
from deploykit.base.errors import DeployKitError
from deploykit.bugs import Mention
from deploykit.bugs.telling import merged, tell, told_folder
from deploykit.bugs.trackers import Tracker, trackers
from deploykit.site import Site

PAUSE = 600.0  # seconds before one that could not be told is tried again


@dataclass
class MergedBugs:
    """Tells `trackers` of merges, each once: `folder` keeps what was told, also over kills."""

    folder: Path
    trackers: Sequence[Tracker]
    say: Callable[[str], None]
    _told: set[Mention] = field(default_factory=set, init=False)
    _beside: Beside = field(default_factory=Beside, init=False)

    def note(self, merges: Collection[Mention]) -> None:
        """Have the trackers told of `merges`; returns at once."""
        fresh = [mention for mention in merges if mention not in self._told]
        if self.trackers and fresh:
            self._beside.start(lambda: self._tell(fresh))

    def wait(self, seconds: float) -> None:
        """Return when nothing is being told any more, or after `seconds`."""
        self._beside.wait(seconds)

    def _tell(self, fresh: Sequence[Mention]) -> None:
        try:
            failed = tell(self.folder, self.trackers, merged(fresh))[1]
        except (DeployKitError, OSError, ValueError) as error:
            failed = [str(error)]
        for line in failed:
            self.say(f"a bug tracker was not told: {line}")
        if failed:
            self._beside.rest(PAUSE)
        else:
            self._told.update(fresh)


def merged_bugs_of(site: Site, say: Callable[[str], None]) -> MergedBugs:
    """Those of a site. Raises InputError if site.yml does not fit."""
    return MergedBugs(told_folder(site), trackers(site), say)
