"""Trackers told what a site's releases mend: each thing once, however often this is called."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from deploykit.base import files
from deploykit.base.credentials import read_token
from deploykit.base.errors import DeployKitError
from deploykit.base.filelock import locked
from deploykit.base.webcall import Call, ask
from deploykit.bugs import Found, Mention, everything
from deploykit.bugs.history import steps
from deploykit.bugs.trackers import Notice, Tracker, trackers
from deploykit.ledger.records import Record
from deploykit.ledger.view import running
from deploykit.site import Site

LOCK = 120.0


def tell_of_releases(site: Site, records: Sequence[Record]) -> tuple[int, list[str]]:
    """Tell the site's trackers which release has what, and where it runs; returns what `tell` does.

    Raises InputError if site.yml does not fit, GitshelfError if a repository cannot be asked.
    """
    ours = trackers(site)
    if not ours:
        return 0, []
    wanted = notices(everything(steps(site), versions_that_run(site, records)))
    return tell(told_folder(site), ours, wanted)


def versions_that_run(site: Site, records: Sequence[Record]) -> dict[str, str]:
    """The version that each environment runs, of those that run one."""
    now = {name: running(records, name) for name in site.read_environments().environments}
    return {name: release.version for name, release in now.items() if release is not None}


def told_folder(site: Site) -> Path:
    """Where it is kept what the site's trackers were told."""
    return site.state / "bugs"


def merged(mentions: Iterable[Mention]) -> list[Notice]:
    """What is to be told of merged commits: no release has them yet. Pure."""
    return [Notice(mention.bug, "", "", (mention,)) for mention in mentions]


def notices(bugs: Iterable[Found]) -> list[Notice]:
    """What is to be told, in the order of releases: when one was cut, and where it runs. Pure."""
    grouped: dict[tuple[str, str, str], list[Mention]] = {}
    for found in bugs:
        for environment in ("", *found.environments):
            grouped.setdefault((found.since, found.mention.bug, environment), []).append(
                found.mention
            )
    return [
        Notice(bug, version, environment, tuple(mentions))
        for (version, bug, environment), mentions in grouped.items()
    ]


def tell(
    folder: Path, trackers: Sequence[Tracker], wanted: Sequence[Notice]
) -> tuple[int, list[str]]:
    """Send each of `wanted` to each of `trackers`, unless `folder` says that it was.

    Returns how many were sent, and what could not be, one line each: the next call tries again. A
    tracker that failed is not tried any further in this one.
    """
    sent, failed = 0, []
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(folder / "told.lock", LOCK):
        for tracker in trackers:
            file = folder / f"told-{tracker.name}.json"
            sent_keys: list[str] = json.loads(file.read_text("utf-8")) if file.exists() else []
            try:
                token = read_token(tracker.credentials, tracker.name)
                for notice in wanted:
                    if notice.key not in sent_keys:
                        sent += _send(tracker, notice, token)
                        sent_keys.append(notice.key)
                        files.write(file, json.dumps(sent_keys, indent=0), mode=0o600)
            except DeployKitError as error:
                failed.append(f"{tracker.name}: {error.message}")
    return sent, failed


def _send(tracker: Tracker, notice: Notice, token: str) -> int:
    """Returns 1 if it was sent, 0 if it was there already: somebody was killed before they wrote
    it down, or works on another machine."""
    message = tracker.message(tracker, notice)
    headers = {"Idempotency-Key": notice.key}
    if message.seen_at:
        seen = ask(Call("GET", message.seen_at, headers=headers, token=token))
        if message.mark in seen:
            return 0
    ask(Call("POST", message.url, message.json, message.form, headers, token))
    return 1
