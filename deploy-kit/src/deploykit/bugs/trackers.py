"""Bug trackers that are told of releases. Plugins: entry point group `deploykit.trackers`.

A plugin is a function that says what to send: no network there. `site.yml` names the trackers:

    trackers:
      ours: {kind: webhook, url: https://…, credentials: FILE}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from deploykit.base.yamlfile import Value, nearest
from deploykit.bugs import Mention
from deploykit.site import Site

GROUP = "deploykit.trackers"
SECTION = "trackers"  # of site.yml
KEYS = frozenset({"kind", "url", "project", "credentials"})


@dataclass(frozen=True, slots=True)
class Notice:
    """What a tracker is told: the release `version` has what `mentions` say of `bug`, and runs in
    `environment` ('': it was cut). Without a version they were merged, and no release has them yet.
    `key` names this notice among all that are ever sent."""

    bug: str
    version: str
    environment: str
    mentions: tuple[Mention, ...]

    @property
    def key(self) -> str:
        return f"{self.bug}/{self.version or self.mentions[0].commit}/{self.environment}"

    @property
    def title(self) -> str:
        return f"Release {self.version}" if self.version else "Merged"

    @property
    def text(self) -> str:
        """For people."""
        where = f"runs in {self.environment}" if self.environment else "was cut"
        first = (
            f"{self.title} {where}. It has:" if self.version else "Merged, for the next release:"
        )
        lines = [first, ""]
        lines += [
            f"* {mention.commit[:12]} {mention.subject} "
            f"({mention.book or '.'}; {mention.relation} this bug)"
            for mention in self.mentions
        ]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Message:
    """One POST: JSON if `json` is set, else a form. `seen_at` is a URL that lists what was sent
    before, as JSON: who finds `mark` in it does not send again ('': there is none)."""

    url: str
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    seen_at: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Tracker:
    """A tracker of site.yml; `credentials` is a file with a token."""

    name: str
    url: str
    project: str
    credentials: Path | None
    message: Callable[[Tracker, Notice], Message]


def trackers(site: Site) -> list[Tracker]:
    """The trackers of the site. Raises InputError if site.yml does not fit."""
    section = site.section(SECTION)
    if section is None:
        return []
    return [_tracker(site, name, value) for name, value in section.mapping().items()]


def _tracker(site: Site, name: str, value: Value) -> Tracker:
    keys = value.mapping(KEYS)
    for needed in ("kind", "url"):
        if needed not in keys:
            raise value.error(f"'{needed}' is missing", "{kind: webhook, url: https://…}")
    kind, url = keys["kind"].text(), keys["url"].web_address().rstrip("/")
    plugins = {entry.name: entry for entry in entry_points(group=GROUP)}
    if kind not in plugins:
        raise keys["kind"].error(f"there is no tracker '{kind}'", nearest(kind, frozenset(plugins)))
    project = keys["project"].text() if "project" in keys else ""
    if kind == "github" and not re.fullmatch(r"[\w.-]+/[\w.-]+", project):
        raise value.error("'project' is missing", "project: OWNER/NAME")
    file = site.folder / keys["credentials"].text() if "credentials" in keys else None
    return Tracker(name, url, project, file, plugins[kind].load())


def webhook(tracker: Tracker, notice: Notice) -> Message:
    """Any receiver of JSON; the header Idempotency-Key is the same whenever it is sent again."""
    commits = [
        {"book": m.book, "commit": m.commit, "subject": m.subject, "relation": str(m.relation)}
        for m in notice.mentions
    ]
    body = {
        "bug": notice.bug,
        "release": notice.version or None,
        "environment": notice.environment or None,
        "commits": commits,
        "text": notice.text,
    }
    return Message(tracker.url, json=body)


def launchpad(tracker: Tracker, notice: Notice) -> Message:
    """A comment on a bug, as Launchpad's web service takes it (newMessage of a bug)."""
    form = {
        "ws.op": "newMessage",
        "subject": notice.title,
        "content": notice.text,
    }
    seen = f"{tracker.url}/bugs/{notice.bug}/messages"
    return Message(f"{tracker.url}/bugs/{notice.bug}", form=_with_mark(form, notice), seen_at=seen,
                   mark=_mark(notice))  # fmt: skip


def github(tracker: Tracker, notice: Notice) -> Message:
    """A comment on an issue, as GitHub's REST interface takes it."""
    url = f"{tracker.url}/repos/{tracker.project}/issues/{notice.bug}/comments"
    body = {"body": f"{notice.text}\n\n{_mark(notice)}"}
    return Message(url, json=body, seen_at=f"{url}?per_page=100", mark=_mark(notice))


def _with_mark(form: Mapping[str, str], notice: Notice) -> dict[str, str]:
    return {**form, "content": f"{form['content']}\n\n{_mark(notice)}"}


def _mark(notice: Notice) -> str:
    return f"[deploy-kit {notice.key}]"
