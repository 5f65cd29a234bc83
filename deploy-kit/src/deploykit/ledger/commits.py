"""A ledger's commits as git stores them, read in batches, so that few are held at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from deploykit.ledger.records import MOST
from deploykit.ledger.trees import object_id

BATCH = 2000  # commits that are asked for at a time
BATCH_BYTES = 32 * 2**20  # of commits and records that are read at a time
BYTES_MOST = 4 * MOST  # of one commit or record: characters of UTF-8 are as long as that

Git = Callable[[Sequence[str], str], str]  # words after `git` and input -> what it printed


@dataclass(frozen=True, slots=True)
class RawCommit:
    """A commit as git stores it, with the text of the one record it adds."""

    id: str
    parents: tuple[str, ...]
    author_time: str
    committer_time: str
    payload: str
    signature: str
    changes: str
    record: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Commits in a row, and what is wrong with the one after them; '' if that is not known."""

    commits: tuple[RawCommit, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """A commit whose record is there: its changes, the record's id, the bytes of both."""

    commit: str
    changes: str
    record: str
    size: int


def read_commits(git: Git, commits: Sequence[str], first: int) -> Iterator[Batch]:
    """The raw commits with the records that they add, in batches.

    They end before the first whose record is not there, is damaged or too big. `first` is the
    number of the first one, for what is said of it.
    """
    for start in range(0, len(commits), BATCH):
        asked = commits[start : start + BATCH]
        changes = _changes(git, asked)
        places = _places(git, asked, changes)
        done = 0
        for group in _groups(places):
            raw = _read(git, group)
            done += len(raw)
            if len(raw) < len(group):
                title = _title(asked[done], first + start + done)
                yield Batch(raw, f"{title}: it is damaged, or no plain text")
                return
            yield Batch(raw)
        if done < len(asked):
            added = _added(changes.get(asked[done], ""))
            why = "the record is not there"
            if not added:
                why = "its commit does not add one file and no other"
            yield Batch((), f"{_title(asked[done], first + start + done)}: {why}")
            return


def _title(commit: str, n: int) -> str:
    return f"record {n} of the ledger (commit {commit[:12]})"


def _changes(git: Git, commits: Sequence[str]) -> dict[str, str]:
    """What each commit changes against its first parent, as git's raw diff lines."""
    words = ["rev-list", "--no-walk=unsorted", "--parents", "--stdin"]
    parents = git(words, "".join(f"{commit}\n" for commit in commits)).splitlines()
    listing = "".join(f"{' '.join(line.split()[:2])}\n" for line in parents)
    words = ["diff-tree", "--stdin", "--root", "-r", "-m", "--raw", "--no-abbrev", "--no-renames"]
    changes: dict[str, str] = {}
    current = ""
    for line in git(words, listing).splitlines():
        if line.startswith(":"):
            changes[current] = f"{changes.get(current, '')}{line}\n"
        else:
            current = line.split()[0] if line else current
    return changes


def _added(changes: str) -> str:
    """The path of the one file that a commit adds, by its raw diff; '' for anything else."""
    lines = changes.splitlines()
    return lines[0].partition("\t")[2] if len(lines) == 1 else ""


def _places(git: Git, commits: Sequence[str], changes: dict[str, str]) -> list[_Place]:
    """Where the commits and their records are, up to the first that is not there or too big."""
    asked = "".join(f"{c}\n{c}:{_added(changes.get(c, ''))}\n" for c in commits)
    lines = git(["cat-file", "--batch-check"], asked).splitlines()
    objects = [_object(line) for line in lines]
    places: list[_Place] = []
    for commit, own, record in zip(commits, objects[::2], objects[1::2], strict=False):
        if own is None or record is None or record[1] != "blob":
            break
        places.append(_Place(commit, changes.get(commit, ""), record[0], own[2] + record[2]))
    return places


def _object(line: str) -> tuple[str, str, int] | None:
    """Id, kind and size in one line of `cat-file --batch-check`; None for what is not there, or
    bigger than a record may be."""
    fields = line.split(" ")
    if len(fields) != 3 or not fields[2].isdigit() or int(fields[2]) > BYTES_MOST:
        return None
    return fields[0], fields[1], int(fields[2])


def _groups(places: Sequence[_Place]) -> Iterator[list[_Place]]:
    """`places` in their order, in groups of no more than BATCH_BYTES, or of one."""
    group: list[_Place] = []
    size = 0
    for place in places:
        if group and size + place.size > BATCH_BYTES:
            yield group
            group, size = [], 0
        group.append(place)
        size += place.size
    if group:
        yield group


def _read(git: Git, places: Sequence[_Place]) -> tuple[RawCommit, ...]:
    """The commits of `places`, up to the first that is damaged, or whose record is."""
    asked = "".join(f"{place.commit}\n{place.record}\n" for place in places)
    contents = _undamaged(git(["cat-file", "--batch"], asked).encode())
    pairs = zip(places, zip(contents, contents, strict=False), strict=False)
    return tuple(_commit(p.commit, data, p.changes, record) for p, (data, record) in pairs)


def _undamaged(batch: bytes) -> Iterator[bytes]:
    """The contents in the output of `cat-file --batch`, up to the first that is not what its id
    says.

    What is no UTF-8 text does not survive the way here, so that its id does not fit.
    """
    place = 0
    while place < len(batch):
        end = batch.find(b"\n", place)
        head = batch[place:end].split()
        if end < 0 or len(head) != 3 or not head[2].isdigit():
            return
        size = int(head[2])
        data = batch[end + 1 : end + 1 + size]
        if object_id(head[1].decode(), data) != head[0].decode():
            return
        yield data
        place = end + 1 + size + 1


def _commit(commit: str, data: bytes, changes: str, record: bytes) -> RawCommit:
    """Take a raw commit apart: its headers, and payload and signature as git signs them."""
    head, _, message = data.decode().partition("\n\n")
    kept: list[str] = []
    signature: list[str] = []
    inside = False
    for line in head.split("\n"):
        if line.startswith("gpgsig "):
            inside = True
            signature.append(line.removeprefix("gpgsig "))
        elif inside and line.startswith(" "):
            signature.append(line[1:])
        else:
            inside = False
            kept.append(line)
    fields = [line.partition(" ") for line in kept]
    times = {key: rest.rpartition("> ")[2] for key, _, rest in fields}
    return RawCommit(
        id=commit,
        parents=tuple(rest for key, _, rest in fields if key == "parent"),
        author_time=times.get("author", ""),
        committer_time=times.get("committer", ""),
        payload="\n".join(kept) + "\n\n" + message,
        signature="\n".join(signature) + "\n" if signature else "",
        changes=changes,
        record=record.decode(),
    )
