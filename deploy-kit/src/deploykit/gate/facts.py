"""Everything the queues are told, read anew: changes, tips, merged trees, builds, rulings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from deploykit.base.errors import InputError
from deploykit.bugs import Mention
from deploykit.gate import review
from deploykit.gate.account import Account
from deploykit.gate.builds import Build, Chain, Conflict, Merged, Status
from deploykit.gate.changes import Change, Ruling
from deploykit.gate.config import Config
from deploykit.gate.order import Queue
from deploykit.gate.queue import Facts
from deploykit.gate.rest import GerritRefused, Server
from deploykit.gate.review import OPTIONS, Rules
from deploykit.gate.trees import Place, Tips, Trees

RECENT = 50  # merged and abandoned changes of which the window's size is known
DEEP = 20  # searches one after the other for what needs what


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in one round: it is never added to, a new round reads anew.

    `merges` are the changes that the gate merged of late, as far as they name bugs.
    """

    changes: Mapping[str, Change]
    tips: Tips
    outcomes: tuple[bool, ...]
    rulings: Mapping[str, Ruling]
    merges: tuple[Mention, ...] = ()

    def by_commit(self) -> dict[str, Change]:
        return {change.commit: change for change in self.changes.values()}


@dataclass
class Reader:
    """Reads the facts; it keeps none of them."""

    config: Config
    account: Account
    trees: Trees
    rulings: Callable[[Mapping[str, Change]], Mapping[str, Ruling]]

    @property
    def server(self) -> Server:
        return self.account.server

    def read(self) -> Reading:
        """Everything outside, as it is now. Raises GerritAway, GerritRefused, Unfetched."""
        rules = self._rules()
        infos = self.server.changes(f"status:open {self._projects_query()}", OPTIONS)
        reviews = review.seen(infos)
        for _ in range(DEEP):
            lacking = review.missing(reviews, rules)
            if not lacking:
                break
            before = len(infos)
            for query in lacking:
                infos += self.server.changes(query, OPTIONS)
            reviews = review.seen(infos)
            if len(infos) == before:
                break  # nobody has them: the changes are told so
        words = [("q", f"-is:open {self._projects_query()}"), ("n", str(RECENT))]
        words += [("o", option) for option in ("MESSAGES", "CURRENT_REVISION", "CURRENT_COMMIT")]
        closed = self.server.get("/changes/", words)
        changes = review.changes_of(reviews, rules)
        tips = self.tips()
        self._bring(changes.values(), tips)
        numbers = {info["_number"] for info in closed}
        verdicts = [*closed, *(info for info in infos if info["_number"] not in numbers)]
        outcomes, merges = review.outcomes(verdicts, rules), review.merges(verdicts, rules)
        return Reading(changes, tips, outcomes, self.rulings(changes), merges)

    def tips(self) -> dict[Place, str]:
        """What the branches of the queues are at now; one that is not there is left out."""
        tips: dict[Place, str] = {}
        for project, branch in sorted(self.config.places()):
            path = f"/projects/{quote(project, safe='')}/branches/{quote(branch, safe='')}"
            try:
                tips[project, branch] = str(self.server.get(path)["revision"])
            except GerritRefused as error:
                if error.status != 404:
                    raise
        return tips

    def bring_tips(self, tips: Tips) -> None:
        """Have the commits of the tips. Raises Unfetched."""
        for (project, branch), commit in tips.items():
            self.trees.bring(project, {commit: f"refs/heads/{branch}"})

    def _projects_query(self) -> str:
        projects = " OR ".join(f'project:"{name}"' for name in sorted(self.config.projects))
        return f"({projects})"

    def _rules(self) -> Rules:
        trusted: frozenset[int] | None = None
        if self.config.trusted:
            group = quote(self.config.trusted, safe="")
            members = self.server.get(f"/groups/{group}/members/", [("recursive", "true")])
            trusted = frozenset(int(member["_account_id"]) for member in members)
        config = self.config
        return Rules(config.approvals, config.vote, self.account.id, trusted, config.access.url)

    def _bring(self, changes: Iterable[Change], tips: Tips) -> None:
        self.bring_tips(tips)
        wanted: dict[str, dict[str, str]] = {}
        for change in changes:
            if change.open and (change.project, change.branch) in tips:
                ref = f"refs/changes/{change.number % 100:02}/{change.id}/{change.patchset}"
                wanted.setdefault(change.project, {})[change.commit] = ref
        for project, commits in wanted.items():
            self.trees.bring(project, commits)


def tips_of(queue: Queue, tips: Tips) -> dict[Place, str]:
    """The branches that are tested together in a queue."""
    return {
        (project, branch): commit
        for (project, branch), commit in tips.items()
        if branch == queue.branch and project in queue.projects
    }


def facts_of(
    reading: Reading,
    merges: Mapping[Chain, Merged | Conflict],
    builds: Mapping[Build, Status],
) -> Facts:
    """What a queue is told; `merges` are the chains on its own tips."""
    return Facts(reading.changes, merges, builds, reading.rulings, reading.outcomes)


def queue_of(config: Config, change: Change) -> Queue:
    """The queue that a change belongs to. Raises InputError if it is in none."""
    for queue in config.queues:
        if queue.holds(change):
            return queue
    raise InputError(f"change {change.id} ({change.project}, {change.branch}) is in no queue")
