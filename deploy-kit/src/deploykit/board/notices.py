"""What the board says of an environment beside what runs and what comes next. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from deploykit.base import times
from deploykit.base.printable import one_line
from deploykit.board import Next, Standing
from deploykit.ledger import view
from deploykit.ledger.schema import Phase, Purpose


class About(StrEnum):
    """What a notice is about, in the order in which notices are shown."""

    AGAINST_POLICY = "against-policy"
    FILES_CHANGED = "files-changed"
    LEFT_OUT = "left-out"
    SECRETS = "secrets"
    LATE = "late"

    @property
    def heading(self) -> str:
        """What stands above notices of this kind."""
        return HEADINGS[self]


HEADINGS = {
    About.AGAINST_POLICY: "Entered against policy",
    About.FILES_CHANGED: "Files changed since",
    About.LEFT_OUT: "Left out",
    About.SECRETS: "Secrets",
    About.LATE: "Late",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should know of an environment: a sentence, and the command that
    helps ('' where none does). What is not `urgent` is only good to know."""

    about: About
    text: str
    command: str = ""
    urgent: bool = True


def entry_command(after: Next, environment: str) -> str:
    """The command with which a release that may enter does so."""
    verb = Purpose.PROMOTE if after.source else Purpose.DEPLOY
    return f"deploy-kit {verb} {after.version} {environment}"


def trouble(line: Standing) -> str:
    """What is the matter with the last deploy of an environment; '' where it went well."""
    last = line.last
    if last is None or last.phase == Phase.FINISHED:
        return ""
    if last.phase == Phase.FAILED:
        return f"{last.purpose} of {last.version} failed at {times.iso(last.told)}{why(last)}"
    who = f"by {last.owner} since {times.iso(last.since)}"
    if line.busy:
        return f"{last.purpose} of {last.version} in flight, {who}"
    return f"{last.purpose} of {last.version} was left unfinished, {who}"


def why(failed: view.Attempt) -> str:
    """The first words of what failed, behind a colon; '' where nothing was told."""
    return f": {one_line(failed.summary)}" if failed.summary.strip() else ""


def notices(line: Standing, now: datetime) -> tuple[Notice, ...]:
    """Everything that is to be told of an environment, in the order in which it is shown."""
    return (*_against_policy(line), *_of_nodes(line), *_secrets(line, now), *_late(line))


def _against_policy(line: Standing) -> Iterator[Notice]:
    """What runs although policy had not let it in."""
    version = line.running.version if line.running else ""
    for reason in line.breach:
        text = f"{version}: {reason.text}"
        yield Notice(About.AGAINST_POLICY, text)


def _of_nodes(line: Standing) -> Iterator[Notice]:
    """What another deploy of the same release brings about: changed files, nodes that came back."""
    if line.running is None:
        return
    command = f"deploy-kit deploy {line.running.version} {line.environment}"
    if line.differs:
        yield Notice(About.FILES_CHANGED, "brought about by", command)
    if line.left_out:
        nodes = ", ".join(f"{name} ({reason})" for name, reason in line.left_out.items())
        text = one_line(f"{nodes}; caught up when they are back")
        yield Notice(About.LEFT_OUT, text, command)


def _secrets(line: Standing, now: datetime) -> Iterator[Notice]:
    """How old the newest export of secrets is, and whether one fits them."""
    secrets = line.secrets
    if secrets is None:
        return
    made = "never exported"
    if secrets.exported:
        made = f"exported {times.age(secrets.exported, now)} ago"
    if secrets.fits:
        yield Notice(About.SECRETS, made, urgent=False)
        return
    text = f"{made}; no export since they were {secrets.event} {times.iso(secrets.at)}"
    yield Notice(About.SECRETS, text, f"deploy-kit secrets export {line.environment}")


def _late(line: Standing) -> Iterator[Notice]:
    """What should have been done by timers and was not."""
    for text in line.late:
        yield Notice(About.LATE, text)
